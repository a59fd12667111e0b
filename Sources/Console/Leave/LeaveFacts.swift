import Fleet
import KubeObjects

/// The arguments of `squadron leave`.
public struct LeaveRequest: Sendable, Hashable {
    /// The DataPlane's name.
    public var name: String
    /// The namespace of the control plane, and of the accounts in the data plane.
    public var namespace: String
    public var keepsAccount = false
    public var abandonsExecutions = false

    public init(name: String, namespace: String) {
        self.name = name
        self.namespace = namespace
    }
}

/// Everything that decides the next step of `squadron leave`. It is read again before each step.
struct LeaveFacts: Sendable {
    /// DataPlanes, ExecutionLabels and the registry.
    var objects: ControlPlaneObjects
    var flyteAdmin = FlyteAdminFacts()
    /// The Secrets that may hold keys of the data plane, without those that don't exist.
    var secrets: [SecretKeys] = []
    /// What `squadron join` made in the data plane. Nil without a context.
    var accounts: [JoinedObject]?
    /// What it made in the control plane beside the keys and the DataPlane.
    var others: [JoinedObject] = []
    /// The UID of the cluster that the context reaches. Nil without a context.
    var clusterUID: String?
}

/// A Secret's keys, without their values.
struct SecretKeys: Sendable, Hashable {
    var name: String
    var keys: Set<String>
    var annotations: Set<String> = []
    /// The object that keeps the Secret: `ExternalSecret clusters`. Nil if none does.
    var owner: String?
    var version: String?
}

/// An object that `squadron join` has made, as its annotation says.
struct JoinedObject: Sendable, Hashable, CustomStringConvertible {
    var type: ResourceType
    var name: String
    /// Nil for a kind outside of namespaces.
    var namespace: String?
    var uid: String?
    /// Other field managers that have written it. Such an object stays.
    var others: Set<String> = []

    var description: String { "\(type.kind) \(name)" }

    /// Managers that write what join has made, but do not own it.
    private static let known: Set = [
        "squadron-join", "squadron-rotate", "squadron-leave", "kube-controller-manager",
        "clusterrole-aggregation-controller",
    ]
    static let label = "app.kubernetes.io/name=squadron"

    /// Nil if the object does not belong to the DataPlane.
    init?(
        _ type: ResourceType, _ metadata: ObjectMeta, of dataPlane: String, annotation: String = NeededRights.annotation
    ) {
        guard metadata.annotations?[annotation] == dataPlane else { return nil }
        (self.type, name, namespace, uid) = (type, metadata.name, metadata.namespace, metadata.uid)
        others = Set((metadata.managedFields ?? []).compactMap(\.manager)).subtracting(Self.known)
    }

    init(_ type: ResourceType, _ name: String, in namespace: String? = nil) {
        (self.type, self.name, self.namespace) = (type, name, namespace)
    }
}
