import Fleet
import JSON
import KubeObjects
import Support

/// What one look found.
public enum Seen<Value: Sendable>: Sendable {
    case present(Value)
    case absent
    /// Why it could not be looked at.
    case unreadable(String)
    /// Nobody asked: it does not matter for this fleet.
    case unasked

    var value: Value? { if case .present(let value) = self { value } else { nil } }
    var isAbsent: Bool { if case .absent = self { true } else { false } }
    /// Why a check can't say anything; nil where it can.
    var obstacle: String? { if case .unreadable(let why) = self { why } else { nil } }
}

/// Everything that `squadron doctor` goes by. A pure value: the checks ask nobody.
public struct DoctorFacts: Sendable {
    public var now: Instant
    public var objects: ControlPlaneObjects
    /// By kind, why its objects could not be listed.
    public var unlisted: [String: String] = [:]
    /// By kind.
    public var definitions: [String: Seen<JSON>] = [:]
    public var lease = Seen<Lease>.unasked
    /// Of the control plane's namespace, whole.
    public var deployments: [String: Seen<JSON>] = [:]
    public var configMaps: [String: Seen<JSON>] = [:]
    public var secrets: [String: Seen<SecretContent>] = [:]
    /// What the operator's account may not do, as "verb resource name".
    public var missingRights = Seen<[String]>.unasked
    /// How far the API server's clock is ahead of the one here, in seconds.
    public var clock = Seen<Double>.unasked
    /// By DataPlane.
    public var dataPlanes: [String: DataPlaneSight] = [:]
    public var flyteAdmin = FlyteAdminAnswer.notConfigured

    public init(_ objects: ControlPlaneObjects, now: Instant) { (self.objects, self.now) = (objects, now) }
}

/// What was seen of one data plane, with the credentials that its DataPlane names.
public struct DataPlaneSight: Sendable {
    /// Why nothing could be seen; nil where it answered.
    public var unreachable: String?
    public var clock = Seen<Double>.unasked
    public var propeller = Seen<JSON>.unasked
    public var servesFlyteWorkflows = Seen<Bool>.unasked
    public init() {}
}

public enum FlyteAdminAnswer: Sendable, Hashable {
    case notConfigured
    /// The operator would not send what the Secret holds.
    case notAllowed(String)
    /// A Secret could not be read from here, so that nobody was asked.
    case notAsked(String)
    case failed(String)
    case answered
}

extension DoctorFacts {
    static let credentials = CredentialsReference.defaultSecretName
    static let defaultFlyteAdmin = "flyteadmin"
    static let syncResources = "syncresources"

    /// Of the registry that counts; the defaults without one.
    public var registry: ClusterRegistrySpec { registries.first?.spec ?? ClusterRegistrySpec() }
    private var registries: [ClusterRegistry] {
        objects.decoded(ClusterRegistry.self).objects.filter { $0.metadata.name == ClusterRegistry.theName }
    }
    public var planes: [DataPlane] { objects.decoded(DataPlane.self).objects }
    public var projects: [FlyteProject] { objects.decoded(FlyteProject.self).objects }
    var enabledPlanes: [DataPlane] { planes.filter(\.spec.enabled) }

    /// What flyteadmin's Deployments are called.
    public static func workloads(_ registry: ClusterRegistrySpec) -> [String] {
        let named = registry.publish?.restart.map(\.name) ?? []
        return named.isEmpty ? [defaultFlyteAdmin] : named
    }

    /// Enabled clusters that can't be worked with.
    var deadClusters: [String] {
        enabledPlanes.filter { plane in
            guard let condition = plane.status?.availability else { return false }
            return condition.status == .isFalse
        }.map(\.clusterName).sorted()
    }
}
