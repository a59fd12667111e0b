/// `events.k8s.io/v1` Event: something that happened to an object, for people to read.
public struct Event: KubeResource, Hashable, Codable {
    /// The same event again and again: one object that counts.
    public struct Series: Sendable, Hashable, Codable {
        public var count: Int32
        public var lastObservedTime: MicroTimestamp
        public init(count: Int32, lastObservedTime: MicroTimestamp) {
            self.count = count
            self.lastObservedTime = lastObservedTime
        }
    }
    /// `Normal` and `Warning` are all there are.
    public enum Severity: String, Sendable, Hashable, Codable { case normal = "Normal", warning = "Warning" }

    public static let resourceType = ResourceType(
        group: "events.k8s.io", version: "v1", kind: "Event", plural: "events", isNamespaced: true)

    public var metadata: ObjectMeta
    /// First seen. Required by the API server, which takes null only from its own old clients.
    public var eventTime: MicroTimestamp?
    public var series: Series?
    /// A qualified name: `multicluster.flyte.org/squadron`.
    public var reportingController: String?
    /// At most 128 bytes.
    public var reportingInstance: String?
    /// What was done, or failed to be done; at most 128 bytes.
    public var action: String?
    /// Why, in one word, for machines; at most 128 bytes.
    public var reason: String?
    public var regarding: ObjectReference?
    public var related: ObjectReference?
    /// For people; at most 1024 bytes.
    public var note: String?
    public var type: Severity?

    public init(
        metadata: ObjectMeta, eventTime: MicroTimestamp, series: Series? = nil, reportingController: String,
        reportingInstance: String, action: String, reason: String, regarding: ObjectReference,
        related: ObjectReference? = nil, note: String, type: Severity
    ) {
        self.metadata = metadata
        self.eventTime = eventTime
        self.series = series
        self.reportingController = reportingController
        self.reportingInstance = reportingInstance
        self.action = action
        self.reason = reason
        self.regarding = regarding
        self.related = related
        self.note = note
        self.type = type
    }
}

/// `v1` ObjectReference.
public struct ObjectReference: Sendable, Hashable, Codable {
    public var apiVersion: String?
    public var kind: String?
    public var namespace: String?
    public var name: String?
    public var uid: String?
    public var resourceVersion: String?
    public var fieldPath: String?

    public init(
        apiVersion: String? = nil, kind: String? = nil, namespace: String? = nil, name: String? = nil,
        uid: String? = nil, resourceVersion: String? = nil, fieldPath: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.fieldPath = fieldPath
    }

    /// Points at an object of a known kind.
    public init(_ type: ResourceType, _ metadata: ObjectMeta) {
        self.init(
            apiVersion: type.apiVersion, kind: type.kind, namespace: metadata.namespace, name: metadata.name,
            uid: metadata.uid, resourceVersion: metadata.resourceVersion)
    }
}
