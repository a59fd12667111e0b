import KubeObjects

/// An entry of `spec.replicateSecrets`: one Secret by its name, or the Secrets that a selector matches. Each must also
/// have the label `multicluster.flyte.org/use: replicate`.
public struct SecretReplication: Sendable, Hashable, Codable {
    /// Empty for none.
    public var name = ""
    public var selector: LabelSelector?

    public init(name: String = "", selector: LabelSelector? = nil) {
        self.name = name
        self.selector = selector
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.value(.name, default: "")
        selector = try container.decodeIfPresent(LabelSelector.self, forKey: .selector)
    }

    func problems(at path: String) -> [SpecProblem] {
        guard name.isEmpty == (selector != nil) else {
            return [SpecProblem(path, "needs exactly one of name and selector")]
        }
        if !name.isEmpty, let message = NameRules.problem(ofDNSName: name) {
            return [SpecProblem(path + ".name", message)]
        }
        return selector?.problems(at: path + ".selector") ?? []
    }
}

/// Kubernetes' LabelSelector. An empty one matches every object.
public struct LabelSelector: Sendable, Hashable, Codable {
    public struct Expression: Sendable, Hashable, Codable {
        public enum Operator: String, Sendable, Hashable, Codable, CaseIterable {
            case isIn = "In", isNotIn = "NotIn", exists = "Exists", doesNotExist = "DoesNotExist"
        }
        public var key: String
        public var `operator`: Operator
        public var values: [String] = []

        public init(_ key: String, _ operator: Operator, _ values: [String] = []) {
            (self.key, self.operator, self.values) = (key, `operator`, values)
        }
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            key = try container.decode(String.self, forKey: .key)
            `operator` = try container.decode(Operator.self, forKey: .operator)
            values = try container.value(.values, default: [])
        }

        func matches(_ labels: [String: String]) -> Bool {
            switch `operator` {
            case .isIn: labels[key].map(values.contains) ?? false
            case .isNotIn: !(labels[key].map(values.contains) ?? false)
            case .exists: labels[key] != nil
            case .doesNotExist: labels[key] == nil
            }
        }
    }
    public var matchLabels: [String: String] = [:]
    public var matchExpressions: [Expression] = []

    public init(matchLabels: [String: String] = [:], matchExpressions: [Expression] = []) {
        self.matchLabels = matchLabels
        self.matchExpressions = matchExpressions
    }
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        matchLabels = try container.value(.matchLabels, default: [:])
        matchExpressions = try container.value(.matchExpressions, default: [])
    }

    public func matches(_ labels: [String: String]) -> Bool {
        matchLabels.allSatisfy { labels[$0.key] == $0.value } && matchExpressions.allSatisfy { $0.matches(labels) }
    }

    func problems(at path: String) -> [SpecProblem] {
        matchExpressions.enumerated().compactMap { index, expression in
            let needsValues = expression.operator == .isIn || expression.operator == .isNotIn
            guard expression.values.isEmpty == needsValues else { return nil }
            let rule = needsValues ? "needs values" : "has no values"
            return SpecProblem("\(path).matchExpressions[\(index)].values", "\(expression.operator.rawValue) \(rule)")
        }
    }
}
