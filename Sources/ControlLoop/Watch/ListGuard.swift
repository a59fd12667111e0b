/// What a complete list would do to a store.
struct ListCensus: Sendable, Hashable {
    /// The number of objects in the store before the list.
    var held: Int
    /// The number of objects in the list.
    var listed: Int
    /// The number of objects in the store that are not in the list.
    var gone: Int
}

/// Why a list is not believed at once.
public enum ListSuspicion: Sendable, Hashable, CustomStringConvertible {
    /// `gone` of `held` objects would disappear in one list. The answer is truncated, or somebody really removed them.
    case shrunk(held: Int, gone: Int)
    /// The server's resourceVersion is lower than one that it (or another server behind the same name) gave before. It
    /// was restored from an old backup, or is another cluster.
    case wentBack(from: String, to: String)

    /// Whether a second list can confirm a first one: both have the same kind of suspicion.
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

/// Suspicious lists that agree, so far too few to be believed.
struct ListDoubt: Sendable {
    var suspicion: ListSuspicion
    /// How many lists have confirmed the first one.
    var confirmations: Int
    /// A list before this time does not count.
    var notBefore: Duration
}

/// Decides whether a list that replaces a store's content is believed at once. An empty or truncated answer, or a
/// restored backup, must not look like a bulk removal.
///
/// A suspicious list changes nothing. The watcher lists again, `confirmations` times with `interval` between. A list
/// that is not suspicious ends the suspicion, and the last of so many suspicious lists is believed. The first list of
/// an empty store is always believed, since there is nothing to compare it with.
public struct ListGuard: Sendable, Hashable {
    /// A list is suspicious if more objects than this are gone, and …
    public var minimumGone: Int
    /// … more than this part of the held objects.
    public var goneFraction: Double
    /// An empty list is suspicious for a store of at least this many objects. It may be 1, where one object may hold
    /// the settings of everything.
    public var smallestEmptied: Int
    /// How many more lists must agree before a suspicious list is believed.
    public var confirmations: Int
    /// The least time between two lists that count for this.
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

    /// Believes every list. It is for collections whose loss does no harm.
    public static let off = ListGuard(
        minimumGone: .max, goneFraction: 1, smallestEmptied: .max, confirmations: 0, interval: .zero)

    /// Nil if the list is believed. `newest` is the highest resourceVersion seen before.
    func judge(_ census: ListCensus, resourceVersion: String, newest: String?) -> ListSuspicion? {
        if let newest, ResourceVersion.isLower(resourceVersion, than: newest) {
            return .wentBack(from: newest, to: resourceVersion)
        }
        let isEmptied = census.listed == 0 && census.held >= smallestEmptied
        let isShrunk = census.gone > minimumGone && Double(census.gone) > Double(census.held) * goneFraction
        return isEmptied || isShrunk ? .shrunk(held: census.held, gone: census.gone) : nil
    }

    /// What a suspicious list leads to: another doubt, or nil if enough lists agree with it to believe it.
    /// - Parameter before: the doubt that this list was to confirm or clear.
    func doubt(_ suspicion: ListSuspicion, after before: ListDoubt?, now: Duration) -> ListDoubt? {
        guard let before, suspicion.confirms(before.suspicion) else {
            return confirmations > 0
                ? ListDoubt(suspicion: suspicion, confirmations: 0, notBefore: now + interval) : nil
        }
        if now < before.notBefore {
            return ListDoubt(
                suspicion: suspicion, confirmations: before.confirmations, notBefore: before.notBefore)
        }
        let confirmed = before.confirmations + 1
        guard confirmed < confirmations else { return nil }
        return ListDoubt(suspicion: suspicion, confirmations: confirmed, notBefore: now + interval)
    }
}

enum ResourceVersion {
    /// Compares only whole numbers. The API calls versions opaque, and those of some servers are not numbers.
    static func isLower(_ left: String, than right: String) -> Bool {
        guard let left = UInt64(left), let right = UInt64(right) else { return false }
        return left < right
    }
}
