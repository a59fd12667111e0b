import JSON
import KubeObjects
import Support

/// A place for ClusterProfiles: an entry of `spec.clusterProfiles`.
public struct ClusterProfileTarget: Sendable, Hashable, Codable {
    /// A namespace of the control plane.
    public var namespace: String
    public init(namespace: String) { self.namespace = namespace }

    func problems(at path: String) -> [SpecProblem] {
        NameRules.problem(ofNamespace: namespace).map { [SpecProblem(path + ".namespace", $0)] } ?? []
    }
}

extension ResourceType {
    /// A kind of the cluster inventory API (KEP-4322).
    public static let clusterProfiles = ResourceType(
        group: "multicluster.x-k8s.io", version: "v1alpha1", kind: "ClusterProfile", plural: "clusterprofiles",
        isNamespaced: true)
}

/// The ClusterProfile of a data plane, for Kueue, multicluster-runtime and other programs that look for clusters there.
///
/// It names the server and its CA, but no credential. Its access provider names a Secret by the data plane's name,
/// which the consumer's own account fills.
public struct ClusterProfile: Sendable, Hashable {
    public static let manager = "squadron"
    public static let managerLabel = "x-k8s.io/cluster-manager"
    /// The consumer's plugin for this provider reads the key `token` of a Secret in the consumer's namespace.
    static let accessProvider = "secretreader"

    public let name: String
    private let clusterName: String
    private let identity: String
    /// In the form of `Found`.
    public let status: JSON

    /// - Parameters:
    ///   - ca: PEM. Nil if it is not known, or if the system's roots verify the server.
    ///   - identity: the registry's id.
    public init(of object: DataPlane, ca: [UInt8]?, identity: String) {
        (name, clusterName, self.identity) = (object.metadata.name, object.clusterName, identity)
        status = [
            "conditions": [Self.condition(of: object)],
            "version": ["kubernetes": .string(object.status?.kubernetesVersion ?? "")],
            "properties": Self.properties(of: object),
            "accessProviders": .array(Self.accessProvider(of: object, ca: ca).map { [$0] } ?? []),
        ]
    }

    private static func condition(of object: DataPlane) -> JSON {
        let reachable = object.status?.conditions[.reachable]
        let since =
            reachable?.lastTransitionTime ?? object.metadata.creationTimestamp
            ?? Timestamp(Instant(secondsSince1970: 0))
        return [
            "type": "ControlPlaneHealthy", "status": .string((reachable?.status ?? .unknown).rawValue),
            "reason": .string(reachable?.reason ?? Reason.pending),
            // Always the same text, so that a server's varying words cause no writes.
            "message": .string("as the condition Reachable of DataPlane \(object.metadata.name) says"),
            "lastTransitionTime": .string(since.description),
        ]
    }

    private static func properties(of object: DataPlane) -> JSON {
        let available = object.status?.availability?.status ?? .unknown
        let isSchedulable = object.spec.enabled && !object.spec.unschedulable
        let all = [
            ("clusterset.k8s.io/cluster-id", object.status?.clusterUID ?? ""),
            (FleetGroup.name + "/cluster-name", object.clusterName),
            (FleetGroup.name + "/available", available.rawValue),
            (FleetGroup.name + "/schedulable", isSchedulable ? "true" : "false"),
        ]
        return .array(
            all.filter { !$0.1.isEmpty }.map { name, value -> JSON in ["name": .string(name), "value": .string(value)] }
        )
    }

    /// Nil for the control plane itself, where the consumer runs too.
    private static func accessProvider(of object: DataPlane, ca: [UInt8]?) -> JSON? {
        guard !object.spec.inCluster, let endpoint = object.spec.endpoint else { return nil }
        var cluster: JSON = ["server": .string(endpoint)]
        if let ca { cluster["certificate-authority-data"] = .string(Base64.encode(ca)) }
        let connection = object.spec.connection
        if !connection.tlsServerName.isEmpty { cluster["tls-server-name"] = .string(connection.tlsServerName) }
        if !connection.proxyURL.isEmpty { cluster["proxy-url"] = .string(connection.proxyURL) }
        cluster["extensions"] = [
            [
                "name": "client.authentication.k8s.io/exec",
                "extension": ["clusterName": .string(object.metadata.name)],
            ]
        ]
        return ["name": .string(accessProvider), "cluster": cluster]
    }

    /// The object to apply, without its status.
    public func object(in namespace: String) -> JSON {
        let type = ResourceType.clusterProfiles
        return [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
            "metadata": [
                "name": .string(name), "namespace": .string(namespace),
                "labels": [Self.managerLabel: .string(Self.manager)],
                "annotations": [Ownership.controlPlaneAnnotation: .string(identity)],
            ],
            "spec": ["displayName": .string(clusterName), "clusterManager": ["name": .string(Self.manager)]],
        ]
    }

    /// The relevant parts of the existing object with that name.
    public struct Found: Sendable, Hashable {
        /// The cluster manager that it names.
        var manager: String
        var identity: String?
        var isLabelled: Bool
        var displayName: String?
        var status: JSON
        public var version: UInt64?

        public init(_ object: DynamicObject) {
            let json = object.json
            manager = json[path: ["spec", "clusterManager", "name"]]?.string ?? ""
            displayName = json[path: ["spec", "displayName"]]?.string
            identity = object.metadata.annotations?[Ownership.controlPlaneAnnotation]
            isLabelled = object.metadata.labels?[ClusterProfile.managerLabel] == ClusterProfile.manager
            status = [:]
            for field in ["conditions", "version", "properties", "accessProviders"] {
                status[field] = json[path: ["status", field]]
            }
            version = object.metadata.versionNumber
        }

        /// Whether it is surely one of this registry: it has the mark, which nobody else writes.
        public func hasMark(of identity: String) -> Bool {
            manager == ClusterProfile.manager && self.identity == identity
        }

        /// Nil for a profile of this registry.
        public func owner(otherThan identity: String) -> String? {
            guard manager == ClusterProfile.manager else { return "the cluster manager \(manager.shown(bytes: 128))" }
            guard let own = self.identity, own != identity else { return nil }
            return "the registry \(own.shown(bytes: 128))"
        }
    }

    public func needsObject(_ found: Found?) -> Bool {
        guard let found else { return true }
        return !found.isLabelled || found.displayName != clusterName || found.identity != identity
    }

    public func needsStatus(_ found: Found?) -> Bool {
        guard var there = found?.status else { return true }
        // An older CRD does not have the field and drops it.
        if there["accessProviders"] == nil, there["version"] != nil {
            there["accessProviders"] = status["accessProviders"]
        }
        return there != status
    }
}
