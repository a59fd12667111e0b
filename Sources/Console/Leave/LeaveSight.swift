import Fleet
import KubeObjects

/// What `squadron leave` was asked for.
public struct LeaveRequest: Sendable, Hashable {
    /// Of the DataPlane.
    public var name: String
    /// Of the control plane, and of the accounts in the data plane.
    public var namespace: String
    public var keepsAccount = false
    public var abandonsExecutions = false

    public init(name: String, namespace: String) {
        self.name = name
        self.namespace = namespace
    }
}

/// Everything that the decision rests on what `squadron leave` does next. It is looked at anew before each step.
struct LeaveSight: Sendable {
    /// DataPlanes, ExecutionLabels and the registry.
    var objects: ControlPlaneObjects
    var flyteAdmin = FlyteAdminSight()
    /// The Secrets that may hold keys of the data plane. Those that aren't there are left out.
    var secrets: [SecretKeys] = []
    /// What `squadron join` made in the data plane; nil where no context was named.
    var accounts: [JoinedObject]?
    /// What it made in the control plane beside the keys and the DataPlane.
    var others: [JoinedObject] = []
    /// Of the cluster that the context reaches; nil where none was named.
    var clusterUID: String?
}

/// The names in a Secret, without what they hold.
struct SecretKeys: Sendable, Hashable {
    var name: String
    var keys: Set<String>
    var annotations: Set<String> = []
    /// `ExternalSecret clusters`: what keeps it; nil where nothing does.
    var owner: String?
    var version: String?
}

/// An object that `squadron join` has made: it says so itself.
struct JoinedObject: Sendable, Hashable, CustomStringConvertible {
    var type: ResourceType
    var name: String
    /// Nil for a kind without.
    var namespace: String?
    var uid: String?
    /// Other field managers that have written it. Such an object stays.
    var others: Set<String> = []

    var description: String { "\(type.kind) \(name)" }

    /// Those that write what join has made, without making it theirs.
    private static let known: Set = [
        "squadron-join", "squadron-rotate", "squadron-leave", "kube-controller-manager",
        "clusterrole-aggregation-controller",
    ]
    static let label = "app.kubernetes.io/name=squadron"

    /// Nil where it is none of the DataPlane's.
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
