import Support

/// What one API server may make its client keep and do. A server that wants more is in trouble or means harm: it waits,
/// and says so on its own object. The servers beside it do not notice.
///
/// An API server of 1,000 nodes stays far below these numbers. Objects have a budget that grows with what is wanted
/// there (`objects(wanted:)`).
public struct Budget: Sendable, Hashable {
    /// Bytes of answers that have arrived and are not read yet, over all requests.
    public var unreadBytes = 16 << 20
    /// The limits of single answers. They hold metadata, reviews and discovery.
    public var answers = AnswerLimits(
        page: 8 << 20, object: 2 << 20, metadata: 2 << 20, event: 2 << 20, metadataEvent: 2 << 20, bytesAValue: 32)
    /// Kinds of one group version in discovery.
    public var kinds = 1_000
    /// Watch events a second in the long run. An event counts once, and once more for each `eventUnit` bytes of it.
    public var eventsPerSecond = 2_000
    /// Watch events at once.
    public var eventBurst = 20_000
    /// In bytes.
    public var eventUnit = 2 << 10
    /// Pages of one list.
    public var pages = 2_000
    /// Objects that a server may have beside what is wanted there.
    public var spareObjects = 20_000

    public init() {}

    /// How many objects are kept of one server in all.
    public func objects(wanted: Int) -> Int { spareObjects.saturatingAdd(wanted.saturatingAdd(wanted)) }
}

/// The part of a budget that a server has used up, for people.
public enum BudgetExcess: Sendable, Hashable, CustomStringConvertible {
    case events(perSecond: Int, bytesPerSecond: Int)
    case objects(Int)

    public var description: String {
        switch self {
        case .events(let events, let bytes):
            "it sends more watch events than its budget of \(events) a second (\(bytes >> 10) KiB a second); they are read "
                + "more slowly"
        case .objects(let limit): "it has more objects with our label than its budget of \(limit)"
        }
    }
}
