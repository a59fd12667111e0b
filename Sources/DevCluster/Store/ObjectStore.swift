import JSON
import Support

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
    public static let customResourceDefinitions = GroupResource("customresourcedefinitions", group: "apiextensions.k8s.io")
}

public enum StoreError: Error, Sendable, Hashable {
    case alreadyExists
    case notFound
    /// Changed since it was read.
    case conflict
}

/// One change to a collection.
public struct StoreChange: Sendable {
    public enum Kind: Sendable { case added, modified, deleted }
    public var kind: Kind
    public var namespace: String?
    public var name: String
    /// The state after the change; of a deletion the last state, with the resourceVersion of the deletion.
    public var object: JSON
}

/// The objects of one cluster, in memory. Direct access, for system controllers and tests: nothing is validated,
/// defaulted or authorised here, but watches see every change.
public final class ObjectStore: Sendable {
    public init(clock: WallClock = .system, historyLimit: Int = 4096, initialRevision: Int64? = nil) {}

    /// Of the latest change.
    public var revision: Int64 { 0 }

    public func get(_ resource: GroupResource, namespace: String? = nil, name: String) -> JSON? { nil }
    /// Sorted by namespace and name.
    public func list(_ resource: GroupResource, namespace: String? = nil) -> [JSON] { [] }
    /// Fills in uid, creationTimestamp, generation (where `spec` is there) and resourceVersion. `metadata` says where it goes.
    @discardableResult
    public func create(_ resource: GroupResource, _ object: JSON) throws(StoreError) -> JSON { throw .conflict }
    /// Creates or replaces.
    @discardableResult
    public func put(_ resource: GroupResource, _ object: JSON) -> JSON { object }
    /// Reads, changes and writes, anew whenever somebody else was faster. Writes nothing where nothing changed; `body`
    /// returning false leaves the object as it is.
    @discardableResult
    public func update(
        _ resource: GroupResource, namespace: String? = nil, name: String, _ body: (inout JSON) -> Bool
    ) throws(StoreError) -> JSON { throw .notFound }
    /// Removes it at once, finalizers or not.
    @discardableResult
    public func delete(_ resource: GroupResource, namespace: String? = nil, name: String) -> JSON? { nil }

    /// Every object that exists (as `added`), then every change, for one reader. A reader that falls behind the history gets
    /// the existing ones again: level-based controllers need no more.
    public func changes(of resource: GroupResource) -> StoreChanges { StoreChanges() }

    /// Forgets the history: older resourceVersions and continue tokens are answered with 410 from now on.
    public func compact() {}

    public func snapshot() -> StoreSnapshot { StoreSnapshot() }
    /// Goes back to a snapshot; what watches have seen since is not taken back: end them first.
    public func restore(_ snapshot: StoreSnapshot) {}
}

public struct StoreSnapshot: Sendable {}

public struct StoreChanges: AsyncSequence, Sendable {
    public typealias Failure = Never
    public struct Iterator: AsyncIteratorProtocol {
        public mutating func next(isolation actor: isolated (any Actor)?) async -> StoreChange? { nil }
        public mutating func next() async -> StoreChange? { nil }
    }
    public func makeAsyncIterator() -> Iterator { Iterator() }
}
