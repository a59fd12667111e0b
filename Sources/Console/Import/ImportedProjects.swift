import Fleet
import JSON

/// Rows of flyteadmin's attributes as ExecutionClusterLabels and FlyteProjects.
///
/// flyteadmin uses only the most specific row, except for execution configs, which it merges field by field. A
/// FlyteProject merges what holds for all its domains with what holds for one. So a row of a whole project is written
/// for each domain that has another row of the same kind, which keeps the effect the same.
struct ImportedProjects: Sendable {
    private(set) var assignments: [JSON] = []
    private(set) var projects: [JSON] = []
    private(set) var gaps: [ImportGap] = []
    private(set) var notes: [String] = []
    /// The names of the projects' template values.
    private(set) var valueNames: Set<String> = []
    /// Whether a project chooses a role or an account. These stay locked while any value is locked.
    private(set) var choosesIdentity = false

    private struct Project {
        /// By domain; "" for the whole project.
        var values: [String: [String: String]] = [:]
        var taskResources: [String: JSON] = [:]
        var executionConfig: [String: JSON] = [:]
    }

    /// - Parameters:
    /// - listed: flyteadmin's own projects, each of which gets an object.
    /// - domains: flyteadmin's domains.
    init(_ rows: [ImportedRow], listed: [String] = [], domains: [String], kept: KeptByExport = KeptByExport()) {
        var names = ImportNames()
        var found: [String: Project] = Dictionary(listed.map { ($0, Project()) }) { first, _ in first }
        for row in rows.sorted(by: { ($0.project, $0.domain, $0.workflow) < ($1.project, $1.domain, $1.workflow) }) {
            if case .label(let value) = row.content {
                addAssignment(row, value, &names, kept)
                continue
            }
            if case .other(let what) = row.content {
                gaps.append(ImportGap(row.place, "\(row.subject): \(what) stays as it is in flyteadmin"))
                continue
            }
            guard row.workflow.isEmpty else {
                gaps.append(
                    ImportGap(row.place, "\(row.subject): attributes of one workflow stay as they are in flyteadmin"))
                continue
            }
            guard names.isNew(row.content.kind, "\(row.project)/\(row.domain)") else {
                gaps.append(ImportGap(row.place, "\(row.subject): \(row.content.kind) appear twice"))
                continue
            }
            var project = found[row.project] ?? Project()
            switch row.content {
            case .clusterResources(let values): project.values[row.domain] = usable(values, row)
            case .taskResources(let json): project.taskResources[row.domain] = usable(taskResources: json, row)
            case .executionConfig(let json): project.executionConfig[row.domain] = usable(config: json, row)
            case .label, .other: break
            }
            found[row.project] = project
        }
        for name in kept.projects.keys where found[name] == nil { found[name] = Project() }
        for (name, project) in found.sorted(by: { $0.key < $1.key }) {
            addProject(name, project, domains, kept: kept.projects[name])
        }
    }

    // MARK: Labels

    private mutating func addAssignment(
        _ row: ImportedRow, _ value: String, _ names: inout ImportNames, _ kept: KeptByExport
    ) {
        guard names.isNew("label", "\(row.project)/\(row.domain)/\(row.workflow)") else {
            return gaps.append(ImportGap(row.place, "\(row.subject): its label appears twice"))
        }
        var spec: JSON = ["project": .string(row.project), "value": .string(value)]
        if !row.domain.isEmpty { spec["domain"] = .string(row.domain) }
        if !row.workflow.isEmpty { spec["workflow"] = .string(row.workflow) }
        let parts = [row.project, row.domain, row.workflow]
        let name =
            kept.assignments[parts.joined(separator: "/")]
            ?? names.objectName(parts.filter { !$0.isEmpty }.joined(separator: "-"), of: "ExecutionClusterLabel")
        let object = ImportNames.object("ExecutionClusterLabel", name, spec)
        do throws(DecodingFailure) {
            if let problem = try ExecutionClusterLabel(json: object).spec.problems().first {
                return gaps.append(ImportGap(row.place, "\(row.subject): \(problem)"))
            }
        } catch {
            return gaps.append(ImportGap(row.place, "\(row.subject): \(error)"))
        }
        assignments.append(object)
    }

    // MARK: What fits

    private mutating func usable(_ values: [String: String], _ row: ImportedRow) -> [String: String] {
        values.filter { name, text in
            if let problem = ValueRules.problem(ofName: name) {
                gaps.append(ImportGap(row.place, "\(row.subject): \(name.shortForMessage): \(problem)"))
                return false
            }
            valueNames.insert(name)
            return true
        }
    }

    private static let resources = ["cpu", "memory", "gpu", "storage", "ephemeral_storage"]

    private mutating func usable(taskResources json: JSON, _ row: ImportedRow) -> JSON {
        var result: JSON = [:]
        for part in ["defaults", "limits"] {
            for (name, value) in json[part]?.object ?? [:] {
                guard Self.resources.contains(name), let text = value.quantity else {
                    gaps.append(
                        ImportGap(
                            row.place, "\(row.subject): \(part).\(name.shortForMessage) has no field in a FlyteProject")
                    )
                    continue
                }
                result[path: [part, name == "ephemeral_storage" ? "ephemeralStorage" : name]] = .string(text)
            }
        }
        return result
    }

    private mutating func usable(config json: JSON, _ row: ImportedRow) -> JSON {
        var rest = json
        var result: JSON = [:]
        result["maxParallelism"] = rest.take("max_parallelism")
        result["serviceAccount"] = rest.take("security_context", "run_as", "k8s_service_account")
        result["iamRole"] = rest.take("security_context", "run_as", "iam_role")
        choosesIdentity = choosesIdentity || result["serviceAccount"] != nil || result["iamRole"] != nil
        result["rawOutputPrefix"] = rest.take("raw_output_data_config", "output_location_prefix")
        result["labels"] = rest.take("labels", "values")
        result["annotations"] = rest.take("annotations", "values")
        for path in rest.leaves() {
            gaps.append(ImportGap(row.place, "\(row.subject): \(path.shortForMessage) has no field in a FlyteProject"))
        }
        return result
    }

    // MARK: Projects

    private mutating func addProject(_ name: String, _ project: Project, _ domains: [String], kept: JSON?) {
        let object = ImportNames.dnsName(name)
        guard object == name else {
            return gaps.append(
                ImportGap(
                    "project \(name.shortForMessage)",
                    "a FlyteProject has its project's name, and no object can be called so"))
        }
        var spec = kept ?? [:]
        let values = Self.byDomain(project.values, domains, merges: nil)
        if let all = values["*"], !all.isEmpty { spec["values"] = .object(all.mapValues { .string($0) }) }
        let own = values.filter { $0.key != "*" && !$0.value.isEmpty }
        if !own.isEmpty {
            spec["domainValues"] = .object(own.mapValues { .object($0.mapValues { .string($0) }) })
        }
        var attributes: JSON = [:]
        for (domain, json) in Self.byDomain(project.taskResources, domains, merges: nil)
        where json.object?.isEmpty == false { attributes[path: [domain, "taskResources"]] = json }
        let configs = Self.byDomain(project.executionConfig, domains) { whole, own in whole.overlaid(with: own) }
        for (domain, json) in configs where json.object?.isEmpty == false {
            attributes[path: [domain, "executionConfig"]] = json
        }
        if attributes.object?.isEmpty == false { spec["attributes"] = attributes }
        let hasWide = [project.taskResources[""], project.executionConfig[""]].contains { $0 != nil }
        if hasWide {
            notes.append(
                "project \(name): the attributes of the whole project become rows of its domains; the row of the whole project "
                    + "stays in flyteadmin, weaker than these")
        }
        projects.append(ImportNames.object("FlyteProject", name, spec))
    }

    /// By domain, with "*" for what holds in all domains.
    private static func byDomain<Value>(
        _ rows: [String: Value], _ domains: [String], merges: ((Value, Value) -> Value)?
    ) -> [String: Value] {
        var rows = rows
        guard let whole = rows.removeValue(forKey: "") else { return rows }
        if rows.isEmpty { return ["*": whole] }
        for domain in Set(domains).union(rows.keys) {
            rows[domain] = rows[domain].map { merges?(whole, $0) ?? $0 } ?? whole
        }
        return rows
    }
}

extension ImportedRow.Content {
    fileprivate var kind: String {
        switch self {
        case .label: "its label"
        case .clusterResources: "its cluster resource attributes"
        case .taskResources: "its task resources"
        case .executionConfig: "its execution config"
        case .other: "its attributes"
        }
    }
}

extension JSON {
    fileprivate var quantity: String? {
        switch self {
        case .string(let text): text
        case .int, .double: serializedString
        default: nil
        }
    }

    /// Returns the value at the path and removes it.
    fileprivate mutating func take(_ path: String...) -> JSON? {
        let value = self[path: path]
        if value != nil { self[path: path] = nil }
        return value
    }

    /// The paths of all values except the objects themselves.
    fileprivate func leaves(_ path: String = "") -> [String] {
        guard case .object(let members) = self else { return [path] }
        return members.sorted { $0.key < $1.key }.flatMap { key, value in
            value.leaves(path.isEmpty ? key : "\(path).\(key)")
        }
    }
}
