import JSON

/// How many bytes a server may answer. The parsed answer takes several times that much memory.
///
/// By default etcd takes objects of 1.5 MiB, their `managedFields` included. An object may be larger as JSON than in
/// etcd, but hardly twice as large.
public struct AnswerLimits: Sendable, Hashable {
    /// The limit for a page of a list.
    public var page = 32 << 20
    /// The limit for a single object, a review, discovery, and the answer to a write.
    public var object = 8 << 20
    /// The limit for an object's metadata.
    public var metadata = 2 << 20
    /// The limit for one event of a watch.
    public var event = 16 << 20
    /// The limit for one event of a watch of metadata.
    public var metadataEvent = 4 << 20
    /// The limit for a refusal. A longer one is not searched for a `Status`.
    static let refusal = 1 << 20
    /// No answer is so dense that a value takes fewer bytes of it. This bounds the memory of a parsed answer.
    public var bytesAValue = 8

    public init() {}

    public init(page: Int, object: Int, metadata: Int, event: Int, metadataEvent: Int, bytesAValue: Int) {
        self.page = page
        self.object = object
        self.metadata = metadata
        self.event = event
        self.metadataEvent = metadataEvent
        self.bytesAValue = bytesAValue
    }

    /// The parser's limits for an answer, or an event, of at most that many bytes.
    func json(bytes: Int) -> JSON.Limits {
        var limits = JSON.Limits(bytes: bytes, values: min(bytes / max(1, bytesAValue), JSON.Limits.default.values))
        // What our manager owns of the objects of one template.
        limits.repeatedMember = "fieldsV1"
        return limits
    }

    func bytes(of answer: KubeRequest.Answer) -> Int {
        switch answer {
        case .page: page
        case .object: object
        case .metadata: metadata
        }
    }
}
