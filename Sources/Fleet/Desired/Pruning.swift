import KubeObjects

/// What may be deleted in data planes with `prune: true`: objects that we applied and that the templates no longer have,
/// in namespaces that are still wanted. A mistake in a template must not empty a fleet, so a large part of all that is
/// managed goes only when it was said how much.
public struct Pruning: Sendable, Hashable {
    /// On the ClusterRegistry: so many objects may be deleted in one data plane, however large a part that is.
    public static let allowAnnotation = "multicluster.flyte.org/allow-prune"
    /// So few are never held back.
    public static let few = 10
    /// Of all that is ours but Namespaces: more than that is held back.
    public static let largestPart = 0.5

    private let allowed: Int

    /// Nil where nothing is pruned.
    public init?(_ spec: ClusterRegistrySpec, annotations: [String: String]?) {
        guard spec.prune else { return nil }
        allowed = annotations?[Self.allowAnnotation].flatMap { Int($0) } ?? 0
    }

    /// Why so many are not deleted; nil where they may be.
    public func objection(surplus: Int, managed: Int) -> String? {
        if surplus <= max(Self.few, allowed) || Double(surplus) <= Double(managed) * Self.largestPart { return nil }
        return
            "\(surplus) of \(managed) objects of ours are in no template any more: that many are not deleted unless the "
            + "ClusterRegistry has the annotation \(Self.allowAnnotation): \"\(surplus)\""
    }

    /// The kinds that are looked through beside those of the templates: the last object of a kind leaves them with it.
    public static let kinds: [ResourceType] = [
        "ResourceQuota", "LimitRange", "NetworkPolicy", "Secret", "ConfigMap", "ServiceAccount", "Role", "RoleBinding",
    ].compactMap { kind in KindTable.wellKnown.types(of: kind).first }

    /// Namespaces and the ServiceAccount that every namespace has anyway are never deleted.
    public static func spares(_ type: ResourceType, _ name: String) -> Bool {
        type == .namespace || (type == .serviceAccount && name == "default")
    }
}
