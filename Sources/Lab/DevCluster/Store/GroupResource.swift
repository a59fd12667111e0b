import JSON

/// A collection in the store: `secrets`, `leases.coordination.k8s.io`. Versions of one resource share a collection.
public struct GroupResource: Sendable, Hashable, CustomStringConvertible {
    public var group: String
    /// The plural.
    public var resource: String
    public init(_ resource: String, group: String = "") {
        self.group = group
        self.resource = resource
    }
    public var description: String { group.isEmpty ? resource : "\(resource).\(group)" }

    public static let namespaces = GroupResource("namespaces")
    public static let secrets = GroupResource("secrets")
    public static let configMaps = GroupResource("configmaps")
    public static let serviceAccounts = GroupResource("serviceaccounts")
    public static let roles = GroupResource("roles", group: "rbac.authorization.k8s.io")
    public static let roleBindings = GroupResource("rolebindings", group: "rbac.authorization.k8s.io")
    public static let clusterRoles = GroupResource("clusterroles", group: "rbac.authorization.k8s.io")
    public static let clusterRoleBindings = GroupResource("clusterrolebindings", group: "rbac.authorization.k8s.io")
    public static let customResourceDefinitions = GroupResource(
        "customresourcedefinitions", group: "apiextensions.k8s.io")
}

public enum StoreError: Error, Sendable, Hashable {
    case alreadyExists
    case notFound
    /// The object has changed since it was read.
    case conflict
}

/// One change to a collection.
public struct StoreChange: Sendable {
    public enum Kind: Sendable { case added, modified, deleted }
    public var kind: Kind
    public var namespace: String?
    public var name: String
    /// The state after the change. For a deletion it is the last state, with the resourceVersion of the deletion.
    public var object: JSON
}
