import JSON
import Kube
import KubeObjects

/// The destination of events. `namespace` and `name` are those of the event.
public protocol EventSink: Sendable {
    /// `event` is a whole events.k8s.io/v1 Event.
    func create(_ event: JSON, namespace: String, name: String) async throws(KubeError)
    /// `patch` is a JSON merge patch.
    func patch(_ patch: JSON, namespace: String, name: String) async throws(KubeError)
}

/// The object that an event is about (`ObjectReference` of core/v1).
public struct EventSubject: Sendable, Hashable {
    public var apiVersion: String
    public var kind: String
    public var key: ObjectKey
    public var uid: String?
    public var resourceVersion: String?

    public init(apiVersion: String, kind: String, key: ObjectKey, uid: String?, resourceVersion: String? = nil) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.key = key
        self.uid = uid
        self.resourceVersion = resourceVersion
    }

    public init(_ type: ResourceType, _ metadata: ObjectMeta) {
        self.init(
            apiVersion: type.apiVersion, kind: type.kind, key: metadata.key, uid: metadata.uid,
            resourceVersion: metadata.resourceVersion)
    }

    /// The API wants an event in the namespace of its object, and in `default` if the object has no namespace.
    var eventNamespace: String { key.namespace ?? "default" }

    var json: JSON {
        var json: JSON = ["apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(key.name)]
        if let namespace = key.namespace { json["namespace"] = .string(namespace) }
        if let uid { json["uid"] = .string(uid) }
        if let resourceVersion { json["resourceVersion"] = .string(resourceVersion) }
        return json
    }
}

/// Something that happened to an object, as a controller reports it.
public struct EventReport: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable { case normal = "Normal", warning = "Warning" }
    public var kind: Kind
    public var subject: EventSubject
    /// The reason, in CamelCase; at most 128 bytes.
    public var reason: String
    /// What was done or tried, in CamelCase; at most 128 bytes. The API requires it.
    public var action: String
    /// The text for people. It is cut at 1024 bytes.
    public var note: String

    public init(_ kind: Kind, _ subject: EventSubject, reason: String, action: String, note: String) {
        self.kind = kind
        self.subject = subject
        self.reason = reason
        self.action = action
        self.note = note
    }
}
