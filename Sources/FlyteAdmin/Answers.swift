import JSON

/// Reads answers. With `Accept: application/json` flyteadmin writes the proto's names (`launch_plan`); behind another
/// gateway, or in another version, they may be in camel case: both are read.
enum Answers {
    /// A member by its snake case name, or by the camel case one.
    static func member(_ name: String, of json: JSON?) -> JSON? {
        guard let json else { return nil }
        return json[name] ?? json[camelCase(name)]
    }

    static func text(_ name: String, of json: JSON?) -> String { member(name, of: json)?.string ?? "" }

    static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        return parts.prefix(1).joined() + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// The label in `matching_attributes`; nil where they are of another kind.
    static func label(_ attributes: JSON?) -> String? {
        member("value", of: member("execution_cluster_label", of: attributes))?.string
    }

    /// Of the list of matchable attributes. Nil where the answer is no such list.
    ///
    /// An object without any member is one: gateways that leave out what is empty write it so. An object with other
    /// members only comes from somebody else, and "no rows" must not be read into it.
    static func rows(_ json: JSON) -> [LabelRow]? {
        guard let members = json.object else { return nil }
        guard let list = json["configurations"] else { return members.isEmpty ? [] : nil }
        if list.isNull { return [] }
        return list.array?.compactMap { row in
            label(row["attributes"]).map {
                LabelRow(
                    project: text("project", of: row), domain: text("domain", of: row),
                    workflow: text("workflow", of: row), launchPlan: text("launch_plan", of: row), value: $0)
            }
        }
    }

    /// A page of projects, and the token of the next page. Nil where it is no such page.
    static func projects(_ json: JSON) -> (projects: ProjectList, total: Int, token: String)? {
        guard let members = json.object else { return nil }
        guard let list = json["projects"] else { return members.isEmpty ? (ProjectList(), 0, "") : nil }
        guard let entries = list.isNull ? [] : list.array else { return nil }
        var projects = ProjectList()
        for entry in entries {
            let id = text("id", of: entry)
            if id.isEmpty { continue }
            if isArchived(entry["state"]) {
                projects.archived.insert(id)
            } else {
                let domains = entry["domains"]?.array?.map { text("id", of: $0) } ?? []
                projects.active.append(ListedProject(id: id, domains: domains.filter { !$0.isEmpty }))
            }
        }
        return (projects, entries.count, text("token", of: json))
    }

    /// ARCHIVED and SYSTEM_ARCHIVED, by name or number.
    private static func isArchived(_ state: JSON?) -> Bool {
        switch state {
        case .string(let name): name == "ARCHIVED" || name == "SYSTEM_ARCHIVED"
        case .int(let number): number == 1 || number == 3
        default: false
        }
    }

    /// What an error's body says: `message` (grpc-gateway 2), or `error` (grpc-gateway 1).
    static func errorText(_ json: JSON?) -> String? {
        for name in ["message", "error"] {
            if let text = json?[name]?.string, !text.isEmpty { return text }
        }
        return nil
    }
}
