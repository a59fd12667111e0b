import Fleet
import JSON

/// A row of flyteadmin's matchable attributes: from one of flytectl's files, or from flyteadmin itself.
public struct ImportedRow: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        case label(String)
        case clusterResources([String: String])
        /// `{defaults, limits}`, without empty members.
        case taskResources(JSON)
        /// The members of flyteadmin's WorkflowExecutionConfig, in snake case.
        case executionConfig(JSON)
        /// A kind of attribute that Squadron has no place for.
        case other(String)
    }
    public var place: String
    public var project: String
    /// Empty: the row is for the whole project.
    public var domain: String
    /// Empty: the row is for all workflows.
    public var workflow: String
    public var content: Content

    public init(place: String, project: String, domain: String = "", workflow: String = "", content: Content) {
        (self.place, self.project, self.domain, self.workflow) = (place, project, domain, workflow)
        self.content = content
    }

    var subject: String { [project, domain, workflow].filter { !$0.isEmpty }.joined(separator: "/").shortForMessage }
}

extension ImportedRow {
    /// Reads one of flytectl's attribute files. They don't name their kind, so their members decide it.
    init(file: ImportNode) throws(ImportFailure) {
        guard let project = file["project"]?.text, !project.isEmpty else {
            throw ImportFailure("\(file.line): is not one of flytectl's attribute files: it has no project", .usage)
        }
        self.init(
            place: file.line, project: project, domain: file["domain"]?.text ?? "",
            workflow: file["workflow"]?.text ?? "", content: .other("an unknown attribute"))
        let members = file.json.snakeCased.withoutEmpty
        func has(_ names: String...) -> Bool { names.contains { members[$0] != nil } }
        if let value = file["value"]?.text {
            content = .label(value)
        } else if let attributes = file["attributes"] {
            content = .clusterResources(
                Dictionary(attributes.members.compactMap { entry in entry.value.text.map { (entry.key, $0) } }) { $1 })
        } else if has("defaults", "limits") {
            content = .taskResources(["defaults": members["defaults"] ?? [:], "limits": members["limits"] ?? [:]])
        } else if has("tags") {
            content = .other("an execution queue")
        } else if has("overrides") {
            content = .other("a plugin override")
        } else if has("tier", "spec") {
            content = .other("a quality of service")
        } else if has(
            "max_parallelism", "security_context", "raw_output_data_config", "labels", "annotations", "interruptible",
            "overwrite_cache", "envs")
        {
            var config = members
            for name in ["project", "domain", "workflow", "org"] { config[name] = nil }
            content = .executionConfig(config)
        }
    }

    /// Reads `matching_attributes` of flyteadmin's answer.
    public static func content(matching json: JSON) -> Content {
        let members = json.snakeCased
        if let label = members["execution_cluster_label"]?["value"]?.string { return .label(label) }
        if let values = members["cluster_resource_attributes"] {
            return .clusterResources((values["attributes"]?.object ?? [:]).compactMapValues(\.string))
        }
        if let resources = members["task_resource_attributes"]?.withoutEmpty {
            return .taskResources([
                "defaults": resources["defaults"] ?? [:], "limits": resources["limits"] ?? [:],
            ])
        }
        if let config = members["workflow_execution_config"] { return .executionConfig(config.withoutEmpty) }
        if members["plugin_overrides"] != nil { return .other("a plugin override") }
        if members["execution_queue_attributes"] != nil { return .other("an execution queue") }
        if members["quality_of_service"] != nil { return .other("a quality of service") }
        if members["cluster_assignment"] != nil { return .other("a cluster assignment") }
        return .other("an unknown attribute")
    }
}

extension JSON {
    /// Names the members as protobuf does. The keys of labels and annotations stay as they are.
    fileprivate var snakeCased: JSON {
        switch self {
        case .array(let elements): return .array(elements.map(\.snakeCased))
        case .object(let members):
            var result: [String: JSON] = [:]
            for (key, value) in members {
                let isMap = key == "values" || key == "attributes"
                result[key.snakeCased] = isMap ? value : value.snakeCased
            }
            return .object(result)
        default: return self
        }
    }

    /// flyteadmin writes out members that are not set, so this removes them.
    fileprivate var withoutEmpty: JSON {
        guard case .object(let members) = self else { return self }
        return .object(members.mapValues(\.withoutEmpty).filter { !$0.value.isEmptyValue })
    }

    private var isEmptyValue: Bool {
        switch self {
        case .null, .string(""), .int(0), .bool(false): true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }
}

extension String {
    fileprivate var snakeCased: String {
        var result = ""
        for character in self {
            if character.isUppercase { result += "_" + character.lowercased() } else { result.append(character) }
        }
        return result
    }
}
