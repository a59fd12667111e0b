import KubeObjects

/// One entry of Flyte's `labelClusterMap`.
public typealias ExecutionLabel = CustomResource<ExecutionLabelSpec>

public struct ExecutionLabelSpec: CustomResourceSpec {
    public typealias Status = ExecutionLabelStatus
    public static var resourceType: ResourceType { .executionLabels }

    public struct Cluster: Sendable, Hashable, Codable {
        public var name: String
        public var weight: Double
        public init(name: String, weight: Double) {
            self.name = name
            self.weight = weight
        }
    }
    /// Nil for the object's name: use `ExecutionLabel.label`. The case is kept.
    public var label: String?
    public var clusters: [Cluster]

    public init(label: String? = nil, clusters: [Cluster]) {
        self.label = label
        self.clusters = clusters
    }

    /// Does not check weights, which have their own reason (`WeightsInvalid`, see `LabelWeights`).
    public func problems() -> [SpecProblem] {
        var problems: [SpecProblem] = []
        if let label, let message = NameRules.problem(ofLabel: label) {
            problems.append(SpecProblem("spec.label", message))
        }
        for (index, cluster) in clusters.enumerated() {
            if let message = NameRules.problem(ofClusterName: cluster.name) {
                problems.append(SpecProblem("spec.clusters[\(index)].name", message))
            }
        }
        return problems
    }
}

extension CustomResource<ExecutionLabelSpec> {
    public var label: String { spec.label ?? metadata.name }

    /// With "true" the label may be published without a working cluster.
    public static var allowEmptyAnnotation: String { FleetGroup.name + "/allow-empty" }
    public var mayBeEmpty: Bool { metadata.annotations?[Self.allowEmptyAnnotation] == "true" }
}

public struct ExecutionLabelStatus: CustomResourceStatus {
    public struct Cluster: Sendable, Hashable, Codable {
        public enum State: String, Sendable, Hashable, Codable {
            case ready = "Ready", notReady = "NotReady", disabled = "Disabled", unknown = "Unknown"
            case unschedulable = "Unschedulable"
        }
        public var name: String
        public var weight: Double
        public var state: State
        public init(name: String, weight: Double, state: State) {
            self.name = name
            self.weight = weight
            self.state = state
        }
    }
    public var observedGeneration: Int64?
    public var conditions: [Condition] = []
    /// The label in force, for the LABEL column.
    public var label: String?
    public var clusters: [Cluster] = []
    public var summary: Summary?

    public struct Summary: Sendable, Hashable, Codable {
        /// "dataplane_1=0.7,dataplane_2=0.3".
        public var clusters: String
        public init(clusters: String) { self.clusters = clusters }
    }

    public init() {}

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        observedGeneration = try container.decodeIfPresent(Int64.self, forKey: .observedGeneration)
        conditions = try container.value(.conditions, default: [])
        label = try container.decodeIfPresent(String.self, forKey: .label)
        // The status of an object that can't be read has none.
        clusters = try container.value(.clusters, default: [])
        summary = try container.decodeIfPresent(Summary.self, forKey: .summary)
    }
}
