import JSON

/// One kind of flyteadmin's "matchable attributes", which it keeps by project, domain and workflow. The raw value is
/// the number in the API (`MatchableResource` in `flyteidl/admin/matchable_resource.proto`).
public enum AttributeKind: Int, Sendable, Hashable, CaseIterable {
    case taskResource = 0
    case clusterResource = 1
    case executionClusterLabel = 3
    case workflowExecutionConfig = 6

    /// The name in the API.
    public var name: String {
        switch self {
        case .taskResource: "TASK_RESOURCE"
        case .clusterResource: "CLUSTER_RESOURCE"
        case .executionClusterLabel: "EXECUTION_CLUSTER_LABEL"
        case .workflowExecutionConfig: "WORKFLOW_EXECUTION_CONFIG"
        }
    }

    /// The member of `matching_attributes` in a row of this kind.
    public var member: String {
        switch self {
        case .taskResource: "task_resource_attributes"
        case .clusterResource: "cluster_resource_attributes"
        case .executionClusterLabel: "execution_cluster_label"
        case .workflowExecutionConfig: "workflow_execution_config"
        }
    }

    /// The name for people, in the singular.
    public var noun: String {
        switch self {
        case .taskResource: "task resource"
        case .clusterResource: "cluster resource attribute"
        case .executionClusterLabel: "execution cluster label"
        case .workflowExecutionConfig: "execution configuration"
        }
    }
    var shortNoun: String { self == .executionClusterLabel ? "label" : noun }

    /// The `AttributeRow.value` for these `matching_attributes`. Nil if they are of another kind.
    func value(_ attributes: JSON?) -> String? {
        guard let content = Answers.member(member, of: attributes) else { return nil }
        if self == .executionClusterLabel { return Answers.member("value", of: content)?.string }
        // A row may exist with no content.
        return JSON.object([member: AttributeForm.set(content) ?? [:]]).serializedString
    }

    /// The `matching_attributes` for a value. Nil if the value is not valid.
    func attributes(_ value: String) -> JSON? {
        if self == .executionClusterLabel { return [member: ["value": .string(value)]] }
        guard let json = try? JSON(parsing: value), json[member]?.object != nil else { return nil }
        return json
    }
}

/// Attributes in the proto's names, without unset fields. flyteadmin writes unset fields as null, "", 0, false or [],
/// and older versions write camel case.
enum AttributeForm {
    /// The members of these messages have names from users, so they are kept unchanged.
    private static let maps: Set<String> = ["values", "attributes"]
    /// Wrapped booleans, in which false is not unset.
    private static let wrapped: Set<String> = ["interruptible"]

    /// Nil if no field is set.
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
