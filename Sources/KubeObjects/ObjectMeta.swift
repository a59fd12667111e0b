import JSON

/// `metav1.ObjectMeta`: what every object carries. Fields that we neither read nor write are left out. Read from JSON, name,
/// namespace, UID and resourceVersion are never empty and have at most 1,024 bytes.
public struct ObjectMeta: Sendable, Hashable, Codable {
    public var name: String
    public var generateName: String?
    public var namespace: String?
    public var uid: String?
    /// Opaque, but for `versionNumber`.
    public var resourceVersion: String?
    public var generation: Int64?
    public var creationTimestamp: Timestamp?
    public var deletionTimestamp: Timestamp?
    public var labels: [String: String]?
    public var annotations: [String: String]?
    public var finalizers: [String]?
    public var ownerReferences: [OwnerReference]?
    public var managedFields: [ManagedFieldsEntry]?

    public init(name: String, namespace: String? = nil) {
        self.name = name
        self.namespace = namespace
    }
}

/// `metav1.OwnerReference`.
public struct OwnerReference: Sendable, Hashable, Codable {
    public var apiVersion: String
    public var kind: String
    public var name: String
    public var uid: String
    public var controller: Bool?
    public var blockOwnerDeletion: Bool?

    public init(
        apiVersion: String, kind: String, name: String, uid: String, controller: Bool? = nil,
        blockOwnerDeletion: Bool? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.controller = controller
        self.blockOwnerDeletion = blockOwnerDeletion
    }
}

/// `metav1.ManagedFieldsEntry`: the fields of an object that one manager owns (Kubernetes, "Server-Side Apply").
public struct ManagedFieldsEntry: Sendable, Hashable, Codable {
    public var manager: String?
    /// `Apply` or `Update`.
    public var operation: String?
    public var apiVersion: String?
    public var subresource: String?
    public var time: Timestamp?
    /// A tree of `f:name`, `k:{…}`, `v:…`, `.` keys.
    public var fieldsV1: JSON?

    public init(
        manager: String? = nil, operation: String? = nil, apiVersion: String? = nil, subresource: String? = nil,
        time: Timestamp? = nil, fieldsV1: JSON? = nil
    ) {
        self.manager = manager
        self.operation = operation
        self.apiVersion = apiVersion
        self.subresource = subresource
        self.time = time
        self.fieldsV1 = fieldsV1
    }
}

/// The namespace and name of an object. Queues hold it, and logs name it.
public struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var namespace: String?
    public var name: String
    public init(namespace: String? = nil, name: String) {
        self.namespace = namespace
        self.name = name
    }
    public var description: String { namespace.map { "\($0)/\(name)" } ?? name }
    public static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        (left.namespace ?? "", left.name) < (right.namespace ?? "", right.name)
    }
}

extension ObjectMeta {
    public var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }

    /// Resource versions of one kind in one API server are numbers that grow (KEP-5504; true of every server before it
    /// too). Nil if it is not a number.
    public var versionNumber: UInt64? { resourceVersion.flatMap(UInt64.init) }
}

extension JSON {
    /// The version of an object in a server's answer.
    public var versionNumber: UInt64? { self[path: ["metadata", "resourceVersion"]]?.string.flatMap(UInt64.init) }
}
