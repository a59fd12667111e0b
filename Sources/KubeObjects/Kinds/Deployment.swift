import JSON
import Support

/// The part of an `apps/v1` Deployment that a rollout needs.
public struct Deployment: KubeResource, Hashable {
    public static let resourceType = ResourceType(
        group: "apps", version: "v1", kind: "Deployment", plural: "deployments", isNamespaced: true)

    public var metadata: ObjectMeta
    /// The wanted number. The API server's default is 1.
    public var replicas: Int64
    /// `spec.template.metadata.annotations`. A change of these replaces the pods.
    public var templateAnnotations: [String: String]
    public var isPaused: Bool
    /// The init containers of its pods: the name, and the words that each runs.
    public var initContainers: [InitContainer]
    public var status: Status

    public struct InitContainer: Sendable, Hashable {
        public var name: String
        /// `command` and `args`.
        public var words: [String]
        public init(name: String, words: [String]) {
            self.name = name
            self.words = words
        }
    }

    /// Counts that the server leaves out are 0.
    public struct Status: Sendable, Hashable {
        public var observedGeneration: Int64 = 0
        public var replicas: Int64 = 0
        public var updatedReplicas: Int64 = 0
        public var availableReplicas: Int64 = 0
        /// `Available`, `Progressing` (reason `ProgressDeadlineExceeded` when it got stuck), `ReplicaFailure`.
        public var conditions: [Condition] = []
        public init() {}
    }

    /// How far a rollout is. The texts are for people.
    public enum Rollout: Sendable, Hashable {
        case complete
        case progressing(String)
        /// The rollout will not go on by itself.
        case failed(String)
    }

    public init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        metadata = try fields.metadata()
        let spec = try fields.value("spec") { json throws(DecodingFailure) in try Fields(json) }
        replicas = try spec?.int("replicas") ?? 1
        isPaused = try spec?.bool("paused") ?? false
        templateAnnotations =
            spec?["template"]?["metadata"]?["annotations"]?.object?.compactMapValues(\.string) ?? [:]
        initContainers = (spec?["template"]?["spec"]?["initContainers"]?.array ?? []).map { container in
            let words = ["command", "args"].flatMap { container[$0]?.array ?? [] }.compactMap(\.string)
            return InitContainer(name: container["name"]?.string ?? "", words: words)
        }
        status = try fields.value("status", Status.init(json:)) ?? Status()
    }

    /// The state of the present generation's rollout, by the rules of `kubectl rollout status`.
    public var rollout: Rollout {
        if let generation = metadata.generation, status.observedGeneration < generation {
            return .progressing("the change has not been observed yet")
        }
        if let stuck = status.conditions.first(where: {
            $0.type == "Progressing" && $0.reason == "ProgressDeadlineExceeded"
        }) {
            return .failed(stuck.message)
        }
        if status.updatedReplicas < replicas {
            return .progressing("\(status.updatedReplicas) of \(replicas) replicas are updated")
        }
        if status.replicas > status.updatedReplicas {
            return .progressing(
                "\(status.replicas.saturatingSubtract(status.updatedReplicas)) old replicas are still there")
        }
        if status.availableReplicas < status.updatedReplicas {
            return .progressing("\(status.availableReplicas) of \(status.updatedReplicas) replicas are available")
        }
        return .complete
    }

    /// A merge patch that sets annotations of the pod template, as `kubectl rollout restart` does.
    public static func templateAnnotationsPatch(_ annotations: [String: String]) -> JSON {
        ["spec": ["template": ["metadata": ["annotations": .object(annotations.mapValues { .string($0) })]]]]
    }
}

extension Deployment.Status {
    init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        observedGeneration = try fields.int("observedGeneration") ?? 0
        replicas = try fields.int("replicas") ?? 0
        updatedReplicas = try fields.int("updatedReplicas") ?? 0
        availableReplicas = try fields.int("availableReplicas") ?? 0
        conditions = fields["conditions"]?.array?.compactMap(Condition.init(lenient:)) ?? []
    }
}
