import KubeObjects

/// What `prune: true` may delete in data planes: objects that we applied and that left the templates, in namespaces
/// that are still wanted. A mistake in a template must not empty a fleet. So a large part of our objects is deleted
/// only after the registry allowed that number.
public struct Pruning: Sendable, Hashable {
    /// On the ClusterRegistry: how many objects may be deleted in one data plane, whatever part of all objects that is.
    public static let allowAnnotation = "multicluster.flyte.org/allow-prune"
    /// This number of objects is never held back.
    public static let few = 10
    /// A larger part of our objects (without Namespaces) is held back.
    public static let largestPart = 0.5

    private let allowed: Int

    /// Nil if nothing is pruned.
    public init?(_ spec: ClusterRegistrySpec, annotations: [String: String]?) {
        guard spec.prune else { return nil }
        allowed = annotations?[Self.allowAnnotation].flatMap { Int($0) } ?? 0
    }

    /// Why this number of objects is not deleted. Nil if they may be.
    public func objection(surplus: Int, managed: Int) -> String? {
        if surplus <= max(Self.few, allowed) || Double(surplus) <= Double(managed) * Self.largestPart { return nil }
        return
            "\(surplus) of \(managed) of our objects are no longer in any template: so many are not deleted unless the "
            + "ClusterRegistry has the annotation \(Self.allowAnnotation): \"\(surplus)\""
    }

    /// The kinds that are searched beside those of the templates, since a kind leaves the templates with its last
    /// object.
    public static let kinds: [ResourceType] = [
        "ResourceQuota", "LimitRange", "NetworkPolicy", "Secret", "ConfigMap", "ServiceAccount", "Role", "RoleBinding",
    ].compactMap { kind in RESTMapper.wellKnown.types(of: kind).first }

    /// Namespaces are never deleted, nor the ServiceAccount that every namespace has.
    public static func spares(_ type: ResourceType, _ name: String) -> Bool {
        type == .namespace || (type == .serviceAccount && name == "default")
    }
}
