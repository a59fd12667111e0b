import KubeObjects

/// Gives a kind its resource, as client-go's RESTMapper does: for the kinds that every Kubernetes serves, and for those
/// that a data plane was asked for.
public struct RESTMapper: Sendable, Hashable {
    private var types: [GroupVersionKind: ResourceType] = [:]
    /// Why the data plane gave no answer for a group version, for example because the server of an aggregated API is
    /// away.
    public private(set) var unanswered: [String: String] = [:]

    /// Discovery of a group version failed. The first cause of an outage stays.
    public mutating func gaveNoAnswer(_ apiVersion: String, _ why: String) {
        if unanswered[apiVersion] == nil { unanswered[apiVersion] = why }
    }
    public mutating func answered(_ apiVersion: String) { unanswered[apiVersion] = nil }

    public init(_ types: some Sequence<ResourceType>) { for type in types { add(type) } }
    public subscript(kind: GroupVersionKind) -> ResourceType? { types[kind] }
    /// The resources of that kind in any group.
    func types(of kind: String) -> [ResourceType] {
        types.filter { $0.key.kind == kind }.map(\.value).sorted { $0.group < $1.group }
    }
    /// Adds the resources that a data plane reports for a group version. With more than `limit`, those of earlier
    /// answers are dropped.
    public mutating func add(_ new: some Sequence<ResourceType>, of apiVersion: String, atMost limit: Int) {
        for type in new { add(type) }
        let kept = types.keys.filter { $0.apiVersion == apiVersion }
        guard kept.count > limit else { return }
        let latest = Set(new.map { GroupVersionKind($0) })
        for kind in kept where !latest.contains(kind) && Self.wellKnown[kind] == nil { types[kind] = nil }
    }
    /// Adds a resource from a data plane's discovery.
    public mutating func add(_ type: ResourceType) { types[GroupVersionKind(type)] = type }

    /// The kinds that Kubernetes itself always serves. They need no discovery.
    public static let wellKnown = RESTMapper([
        .namespace, .serviceAccount,
        core("ResourceQuota", "resourcequotas"), core("LimitRange", "limitranges"), core("Secret", "secrets"),
        core("ConfigMap", "configmaps"), core("Service", "services"),
        core("PersistentVolumeClaim", "persistentvolumeclaims"),
        core("Pod", "pods"), core("PersistentVolume", "persistentvolumes", isNamespaced: false),
        of("rbac.authorization.k8s.io", "Role", "roles"),
        of("rbac.authorization.k8s.io", "RoleBinding", "rolebindings"),
        of("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", isNamespaced: false),
        of("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", isNamespaced: false),
        of("networking.k8s.io", "NetworkPolicy", "networkpolicies"), of("networking.k8s.io", "Ingress", "ingresses"),
        of("apps", "Deployment", "deployments"), of("batch", "Job", "jobs"), of("batch", "CronJob", "cronjobs"),
        of("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
        of("storage.k8s.io", "StorageClass", "storageclasses", isNamespaced: false),
        of("scheduling.k8s.io", "PriorityClass", "priorityclasses", isNamespaced: false),
    ])
    private static func core(_ kind: String, _ plural: String, isNamespaced: Bool = true) -> ResourceType {
        of("", kind, plural, isNamespaced: isNamespaced)
    }
    private static func of(_ group: String, _ kind: String, _ plural: String, isNamespaced: Bool = true) -> ResourceType
    {
        ResourceType(group: group, version: "v1", kind: kind, plural: plural, isNamespaced: isNamespaced)
    }
}
