import JSON

/// What flyteadmin keeps by project, domain and workflow: its "matchable attributes", one kind of them. The raw value is
/// its number in the API.
public enum AttributeKind: Int, Sendable, Hashable, CaseIterable {
    case taskResource = 0
    case clusterResource = 1
    case executionClusterLabel = 3
    case workflowExecutionConfig = 6

    /// The API's name.
    public var name: String {
        switch self {
        case .taskResource: "TASK_RESOURCE"
        case .clusterResource: "CLUSTER_RESOURCE"
        case .executionClusterLabel: "EXECUTION_CLUSTER_LABEL"
        case .workflowExecutionConfig: "WORKFLOW_EXECUTION_CONFIG"
        }
    }

    /// The member of `matching_attributes` that a row of this kind has.
    public var member: String {
        switch self {
        case .taskResource: "task_resource_attributes"
        case .clusterResource: "cluster_resource_attributes"
        case .executionClusterLabel: "execution_cluster_label"
        case .workflowExecutionConfig: "workflow_execution_config"
        }
    }

    /// For people, in the singular.
    public var noun: String {
        switch self {
        case .taskResource: "task resource"
        case .clusterResource: "cluster resource attribute"
        case .executionClusterLabel: "execution cluster label"
        case .workflowExecutionConfig: "execution configuration"
        }
    }
    var shortNoun: String { self == .executionClusterLabel ? "label" : noun }

    /// What `LabelRow.value` is of these `matching_attributes`; nil where they are of another kind.
    func value(_ attributes: JSON?) -> String? {
        guard let content = Answers.member(member, of: attributes) else { return nil }
        if self == .executionClusterLabel { return Answers.member("value", of: content)?.string }
        // A row may be there with nothing in it.
        return JSON.object([member: AttributeForm.set(content) ?? [:]]).serializedString
    }

    /// `matching_attributes` of a value; nil where it is none.
    func attributes(_ value: String) -> JSON? {
        if self == .executionClusterLabel { return [member: ["value": .string(value)]] }
        guard let json = try? JSON(parsing: value), json[member]?.object != nil else { return nil }
        return json
    }
}

/// Attributes without what is unset, in the proto's names: flyteadmin writes unset fields out, as null, "", 0, false or [],
/// and older ones write camel case.
enum AttributeForm {
    /// In these messages, whose names are the user's, nothing is left out or spelled anew.
    private static let maps: Set<String> = ["values", "attributes"]
    /// A wrapped boolean: false is not unset.
    private static let wrapped: Set<String> = ["interruptible"]

    /// Nil where nothing is set.
    static func set(_ json: JSON, of name: String = "") -> JSON? {
        switch json {
        case .array(let elements):
            if elements.isEmpty { return .none }
            return .array(elements.map { Self.set($0) ?? [:] })
        case .object(let members):
            if members.isEmpty { return .none }
            if maps.contains(name) { return json }
            var result: [String: JSON] = [:]
            for (key, value) in members {
                let key = snakeCase(key)
                if let value = Self.set(value, of: key) { result[key] = value }
            }
            return result.isEmpty ? Optional.none : .object(result)
        case .bool(false) where wrapped.contains(name): return json
        case .null, .bool(false), .int(0), .double(0), .string(""): return .none
        case .bool, .int, .double, .string: return json
        }
    }

    static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { text, character in
            if character.isUppercase { text += "_" }
            text += character.lowercased()
        }
    }
}
