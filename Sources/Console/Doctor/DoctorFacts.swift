import Fleet
import JSON
import KubeObjects
import Support

/// The result of reading one thing.
public enum Seen<Value: Sendable>: Sendable {
    case present(Value)
    case absent
    /// Why it could not be read.
    case unreadable(String)
    /// It was not read, since it does not matter for this fleet.
    case unasked

    var value: Value? { if case .present(let value) = self { value } else { nil } }
    var isAbsent: Bool { if case .absent = self { true } else { false } }
    /// Why a check can't decide. Nil if it can.
    var obstacle: String? { if case .unreadable(let why) = self { why } else { nil } }
}

/// Everything that `squadron doctor` decides by. A pure value: the checks read nothing.
public struct DoctorFacts: Sendable {
    public var now: Instant
    public var objects: ControlPlaneObjects
    /// Why the objects of a kind could not be listed, by kind.
    public var unlisted: [String: String] = [:]
    /// The CRDs, by kind.
    public var definitions: [String: Seen<JSON>] = [:]
    public var lease = Seen<Lease>.unasked
    /// The Deployments of the control plane's namespace as JSON, by name.
    public var deployments: [String: Seen<JSON>] = [:]
    public var configMaps: [String: Seen<JSON>] = [:]
    public var secrets: [String: Seen<SecretContent>] = [:]
    /// The rights that the operator's account lacks, as "verb resource name".
    public var missingRights = Seen<[String]>.unasked
    /// How far the API server's clock is ahead of this machine's, in seconds.
    public var clock = Seen<Double>.unasked
    /// By name of the DataPlane.
    public var dataPlanes: [String: DoctorDataPlaneFacts] = [:]
    public var flyteAdmin = FlyteAdminAnswer.notConfigured

    public init(_ objects: ControlPlaneObjects, now: Instant) { (self.objects, self.now) = (objects, now) }
}

/// What was seen of one data plane, with the credentials that its DataPlane names.
public struct DoctorDataPlaneFacts: Sendable {
    /// Why nothing could be seen. Nil if the data plane answered.
    public var unreachable: String?
    public var clock = Seen<Double>.unasked
    public var propeller = Seen<JSON>.unasked
    public var servesFlyteWorkflows = Seen<Bool>.unasked
    public init() {}
}

public enum FlyteAdminAnswer: Sendable, Hashable {
    case notConfigured
    /// The operator would not send the Secret's content.
    case notAllowed(String)
    /// A Secret could not be read from here, so flyteadmin was not asked.
    case notAsked(String)
    case failed(String)
    case answered
}

extension DoctorFacts {
    static let credentials = CredentialsReference.defaultSecretName
    static let defaultFlyteAdmin = "flyteadmin"
    static let syncResources = "syncresources"

    /// The spec of the registry that is used, or the defaults without a registry.
    public var registry: ClusterRegistrySpec { registries.first?.spec ?? objects.settingsWithoutRegistry }
    private var registries: [ClusterRegistry] {
        objects.decoded(ClusterRegistry.self).objects.filter { $0.metadata.name == ClusterRegistry.theName }
    }
    public var planes: [DataPlane] { objects.decoded(DataPlane.self).objects }
    public var projects: [FlyteProject] { objects.decoded(FlyteProject.self).objects }
    var enabledPlanes: [DataPlane] { planes.filter(\.spec.enabled) }

    /// The names of flyteadmin's Deployments.
    public static func workloads(_ registry: ClusterRegistrySpec) -> [String] {
        let named = registry.publish?.restart.map(\.name) ?? []
        return named.isEmpty ? [defaultFlyteAdmin] : named
    }

    /// Enabled clusters that the operator can't reach or use.
    var deadClusters: [String] {
        enabledPlanes.filter { plane in
            guard let condition = plane.status?.availability else { return false }
            return condition.status == .isFalse
        }.map(\.clusterName).sorted()
    }
}
