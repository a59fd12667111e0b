/// What a complete list would do to a store.
struct ListCensus: Sendable, Hashable {
    /// Objects in the store before.
    var held: Int
    /// Objects in the list.
    var listed: Int
    /// Objects that are in the store and not in the list.
    var gone: Int
}

/// Why a list is not believed at once.
public enum ListSuspicion: Sendable, Hashable, CustomStringConvertible {
    /// `gone` of `held` objects would disappear in one list: a truncated answer, or somebody really removed them.
    case shrunk(held: Int, gone: Int)
    /// The server's resourceVersion is lower than one that it (or another one behind the same name) gave before: a
    /// restore from an old backup, or another cluster.
    case wentBack(from: String, to: String)

    /// The same kind of suspicion: a second list can confirm a first one.
    func confirms(_ other: ListSuspicion) -> Bool {
        switch (self, other) {
        case (.shrunk, .shrunk), (.wentBack, .wentBack): true
        case (.shrunk, .wentBack), (.wentBack, .shrunk): false
        }
    }

    public var description: String {
        switch self {
        case .shrunk(let held, let gone): "the list lacks \(gone) of the \(held) objects known before"
        case .wentBack(let from, let to): "resourceVersion went back from \(from) to \(to)"
        }
    }
}

/// When a list that replaces what a store holds is too bad to be believed at once: an empty or truncated answer and a
/// restored backup must not look like a bulk removal.
///
/// A suspicious list changes nothing. The watcher lists again, `confirmations` times with `interval` between; a list that
/// is not suspicious ends it, and the last of so many suspicious ones is believed. The first list of an empty store is
/// always believed: there is nothing to compare it with.
public struct ListGuard: Sendable, Hashable {
    /// More objects than this have to be gone, and …
    public var minimumGone: Int
    /// … more than this part of those held, before it is suspicious.
    public var goneFraction: Double
    /// An empty list is suspicious for a store of at least this many objects: also for one, where that one object may
    /// hold the settings of everything.
    public var smallestEmptied: Int
    /// How many more lists have to agree before a suspicious one is believed.
    public var confirmations: Int
    /// The least time between two lists that count.
    public var interval: Duration

    public init(
        minimumGone: Int = 10, goneFraction: Double = 0.2, smallestEmptied: Int = 1, confirmations: Int = 2,
        interval: Duration = .seconds(15)
    ) {
        self.minimumGone = minimumGone
        self.goneFraction = goneFraction
        self.smallestEmptied = smallestEmptied
        self.confirmations = confirmations
        self.interval = interval
    }

    /// Believes everything: for collections whose loss has no consequence.
    public static let off = ListGuard(
        minimumGone: .max, goneFraction: 1, smallestEmptied: .max, confirmations: 0, interval: .zero)

    /// Nil: believable. `newest` is the highest resourceVersion seen before.
    func judge(_ census: ListCensus, resourceVersion: String, newest: String?) -> ListSuspicion? {
        if let newest, ResourceVersion.isLower(resourceVersion, than: newest) {
            return .wentBack(from: newest, to: resourceVersion)
        }
        let isEmptied = census.listed == 0 && census.held >= smallestEmptied
        let isShrunk = census.gone > minimumGone && Double(census.gone) > Double(census.held) * goneFraction
        return isEmptied || isShrunk ? .shrunk(held: census.held, gone: census.gone) : nil
    }
}

enum ResourceVersion {
    /// Only where both are whole numbers: the API calls them opaque, and those of some servers are not numbers.
    static func isLower(_ left: String, than right: String) -> Bool {
        guard let left = UInt64(left), let right = UInt64(right) else { return false }
        return left < right
    }
}
