import JSON

/// How many bytes a server may answer. The parsed answer takes several times that room.
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

    public init() {}

    func bytes(of answer: KubeRequest.Answer) -> Int {
        switch answer {
        case .page: page
        case .object: object
        case .metadata: metadata
        }
    }
}

extension JSON.Limits {
    /// The limits for an answer of at most `bytes` bytes. No object is so dense that a value takes fewer than eight
    /// bytes.
    static func answer(bytes: Int) -> JSON.Limits {
        JSON.Limits(bytes: bytes, values: min(bytes / 8, JSON.Limits.default.values))
    }
}
