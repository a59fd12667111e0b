import JSON

/// A kind of object as the API server serves it.
public struct ResourceType: Sendable, Hashable, CustomStringConvertible {
    /// Empty for the core group.
    public var group: String
    public var version: String
    public var kind: String
    public var plural: String
    public var isNamespaced: Bool

    public init(group: String = "", version: String, kind: String, plural: String, isNamespaced: Bool) {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        self.isNamespaced = isNamespaced
    }

    /// `v1`, `coordination.k8s.io/v1`.
    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    /// `secrets`, `leases.coordination.k8s.io`.
    public var description: String { group.isEmpty ? plural : "\(plural).\(group)" }

    /// `/api/v1/namespaces/flyte/secrets/x/status`; without a name the collection. Segments are percent-encoded.
    public func path(namespace: String? = nil, name: String? = nil, subresource: String? = nil) -> String {
        var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        if isNamespaced, let namespace { path += "/namespaces/" + namespace.percentEncodedPathSegment }
        path += "/" + plural
        if let name { path += "/" + name.percentEncodedPathSegment }
        if let subresource { path += "/" + subresource }
        return path
    }
}

extension String {
    /// RFC 3986: everything but unreserved characters is encoded.
    public var percentEncodedPathSegment: String {
        var result = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}

/// What every object carries. Fields that we neither read nor write are left out.
public struct ObjectMeta: Sendable, Hashable, Codable {
    public var name: String
    public var generateName: String?
    public var namespace: String?
    public var uid: String?
    /// Opaque; the empty string never occurs.
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

public struct OwnerReference: Sendable, Hashable, Codable {
    public var apiVersion: String
    public var kind: String
    public var name: String
    public var uid: String
    public var controller: Bool?
    public var blockOwnerDeletion: Bool?

    public init(
        apiVersion: String, kind: String, name: String, uid: String, controller: Bool? = nil, blockOwnerDeletion: Bool? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.controller = controller
        self.blockOwnerDeletion = blockOwnerDeletion
    }
}

/// Who owns which fields of an object (server-side apply).
public struct ManagedFieldsEntry: Sendable, Hashable, Codable {
    public var manager: String?
    /// `Apply` or `Update`.
    public var operation: String?
    public var apiVersion: String?
    public var subresource: String?
    public var time: Timestamp?
    /// A tree of `f:name`, `k:{…}`, `v:…`, `.` keys.
    public var fieldsV1: JSON?
}

/// Where an object is: what a queue holds, what a log names.
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
}

/// A kind that can be read from an API server.
public protocol KubeResource: Sendable {
    static var resourceType: ResourceType { get }
    var metadata: ObjectMeta { get }
    /// Fails with the path of the first field that does not fit.
    init(json: JSON) throws(DecodingFailure)
}

extension KubeResource where Self: Decodable {
    public init(json: JSON) throws(DecodingFailure) { self = try json.decode(Self.self) }
}

/// An object as it came: one that does not fit its type must neither stop a watch nor vanish.
public enum Decoded<Object: KubeResource>: Sendable {
    case valid(Object)
    case malformed(ObjectMeta, DecodingFailure)

    public init(json: JSON) throws(DecodingFailure) {
        do {
            self = .valid(try Object(json: json))
        } catch {
            self = .malformed(try (json["metadata"] ?? .null).decode(ObjectMeta.self), error)
        }
    }

    public var metadata: ObjectMeta {
        switch self {
        case .valid(let object): object.metadata
        case .malformed(let metadata, _): metadata
        }
    }
    public var object: Object? { if case .valid(let object) = self { object } else { nil } }
}

/// `metav1.Condition`.
public struct Condition: Sendable, Hashable, Codable {
    public enum Status: String, Sendable, Hashable, Codable { case isTrue = "True", isFalse = "False", unknown = "Unknown" }
    public var type: String
    public var status: Status
    public var reason: String
    public var message: String
    public var observedGeneration: Int64?
    public var lastTransitionTime: Timestamp

    public init(
        type: String, status: Status, reason: String, message: String, observedGeneration: Int64?,
        lastTransitionTime: Timestamp
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.observedGeneration = observedGeneration
        self.lastTransitionTime = lastTransitionTime
    }
}
