import JSON

/// How much a server may answer, in bytes. What it sends is parsed, and takes several times the room then.
///
/// etcd takes objects of 1.5 MiB by default, what they say in `managedFields` included. As JSON one may be larger than it
/// is there, hardly twice as large.
public struct AnswerLimits: Sendable, Hashable {
    /// Of a page of a list.
    public var page = 32 << 20
    /// Of a single object, a review, discovery, and what a write answers.
    public var object = 8 << 20
    /// Of an object's metadata.
    public var metadata = 2 << 20
    /// Of one event of a watch.
    public var event = 16 << 20
    /// Of one event of a watch of metadata.
    public var metadataEvent = 4 << 20
    /// Of a refusal. What is longer is not looked at for a `Status`.
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
    /// For an answer of at most so many bytes. No object is so dense that its values take fewer than eight each.
    static func answer(bytes: Int) -> JSON.Limits {
        JSON.Limits(bytes: bytes, values: min(bytes / 8, JSON.Limits.default.values))
    }
}
