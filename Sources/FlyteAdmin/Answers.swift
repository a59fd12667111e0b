import JSON

/// Reads answers. With `Accept: application/json` flyteadmin uses the proto's names (`launch_plan`). Behind another
/// gateway or in another version they may be in camel case. Both are read.
enum Answers {
    /// A member by its name in snake case or in camel case.
    static func member(_ name: String, of json: JSON?) -> JSON? {
        guard let json else { return nil }
        return json[name] ?? json[camelCase(name)]
    }

    static func text(_ name: String, of json: JSON?) -> String { member(name, of: json)?.string ?? "" }

    static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        return parts.prefix(1).joined() + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// The rows in a list of matchable attributes. Nil if the answer is not such a list.
    ///
    /// An object without members counts as an empty list, since some gateways leave out what is empty. An object with
    /// only other members comes from another program, and must not be read as "no rows".
    static func rows(_ json: JSON, _ kind: AttributeKind) -> [AttributeRow]? {
        guard let members = json.object else { return nil }
        guard let list = json["configurations"] else { return members.isEmpty ? [] : nil }
        if list.isNull { return [] }
        return list.array?.compactMap { row in
            kind.value(row["attributes"]).map {
                AttributeRow(
                    project: text("project", of: row), domain: text("domain", of: row),
                    workflow: text("workflow", of: row), launchPlan: text("launch_plan", of: row), value: $0)
            }
        }
    }

    /// A page of projects, and the token of the next page. Nil if the answer is not such a page.
    static func projects(_ json: JSON) -> (projects: ProjectList, total: Int, token: String)? {
        guard let members = json.object else { return nil }
        guard let list = json["projects"] else { return members.isEmpty ? (ProjectList(), 0, "") : nil }
        guard let entries = list.isNull ? [] : list.array else { return nil }
        var projects = ProjectList()
        for entry in entries {
            let id = text("id", of: entry)
            if id.isEmpty { continue }
            let project = ListedProject(
                id: id, domains: (entry["domains"]?.array?.map { text("id", of: $0) } ?? []).filter { !$0.isEmpty },
                name: text("name", of: entry), description: text("description", of: entry),
                labels: (entry["labels"]?["values"]?.object ?? [:]).compactMapValues(\.string),
                state: state(entry["state"]))
            if project.isArchived {
                projects.archivedProjects.append(project)
            } else {
                projects.active.append(project)
            }
        }
        return (projects, entries.count, text("token", of: json))
    }

    /// The state by its name or number.
    private static func state(_ json: JSON?) -> String {
        let names = ["ACTIVE", "ARCHIVED", "SYSTEM_GENERATED", "SYSTEM_ARCHIVED"]
        if let number = json?.int { return names.indices.contains(Int(clamping: number)) ? names[Int(number)] : "" }
        return json?.string ?? names[0]
    }

    /// The text of an error's body: `message` (grpc-gateway 2) or `error` (grpc-gateway 1).
    static func errorText(_ json: JSON?) -> String? {
        for name in ["message", "error"] {
            if let text = json?[name]?.string, !text.isEmpty { return text }
        }
        return nil
    }
}
