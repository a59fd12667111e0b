import ControlLoop
import KubeObjects

/// The objects of one kind that were deleted, and until when they still count. A pure value.
///
/// When a CRD is deleted, the API server first deletes its objects one by one and then ends the kind. Until then these
/// deletions look like deletions by a user. So a deleted object counts for `grace` longer, and until a list of its kind
/// has succeeded after that. While the kind is missing, every object counts as before.
struct Departures<Value: Sendable>: Sendable {
    /// When each object was deleted. If its kind was missing meanwhile: when the kind came back.
    private(set) var gone: [ObjectKey: Duration] = [:]
    private(set) var isKindMissing = false
    private var notBefore = Duration.zero
    let grace: Duration
    /// The grace for objects that were deleted with their kind, once the kind is back. They may come back later than
    /// the kind does.
    var graceAfterReturn: Duration { grace * 6 }
    /// The time between two questions that no list has answered.
    var retryInterval: Duration { grace / 2 }

    init(grace: Duration = .seconds(10)) { self.grace = grace }

    /// Turns what the watch reports into the changes for readers of the store.
    ///
    /// - Parameters:
    ///   - held: what the store has now. Nil before the first list.
    ///   - isSameClaim: whether an object replaces another one (the same label under another name). Then nothing is
    /// lost, so the other one stops counting at once.
    mutating func take(
        _ update: StoreUpdate<Value>, held: [ObjectKey: Value]?, now: Duration,
        isSameClaim: (Value, Value) -> Bool = { _, _ in false }
    ) -> [StoreUpdate<Value>] {
        switch update {
        case .replace(let listed):
            if isKindMissing { returned(now) }
            var (all, since) = (listed, [ObjectKey: Duration]())
            for (key, value) in held ?? [:] where listed[key] == nil {
                if listed.values.contains(where: { isSameClaim($0, value) }) { continue }
                all[key] = value
                since[key] = gone[key] ?? now
            }
            gone = since
            return [.replace(all)]
        case .set(let key, let value):
            gone[key] = nil
            let replaced = gone.keys.filter { held?[$0].map { isSameClaim(value, $0) } ?? false }
            for key in replaced { gone[key] = nil }
            return [update] + replaced.map { .remove($0) }
        case .remove(let key):
            if held?[key] != nil, gone[key] == nil { gone[key] = now }
            return []
        }
    }

    /// When to list next. Nil while nothing depends on a list.
    var nextLook: Duration? {
        if isKindMissing { return notBefore }
        return gone.values.min().map { max($0 + grace, notBefore) }
    }

    /// A list that began at `start` has succeeded.
    mutating func listed(start: Duration, now: Duration) -> [StoreUpdate<Value>] {
        if isKindMissing {
            returned(now)
            return []
        }
        let over = gone.filter { $0.value + grace <= start }.keys
        for key in over { gone[key] = nil }
        return over.map { .remove($0) }
    }

    /// The server does not have the kind.
    mutating func kindIsMissing(now: Duration) {
        isKindMissing = true
        notBefore = now + retryInterval
    }

    /// A list has failed for another reason.
    mutating func failed(now: Duration) { notBefore = now + retryInterval }

    private mutating func returned(_ now: Duration) {
        isKindMissing = false
        for key in gone.keys { gone[key] = now + (graceAfterReturn - grace) }
    }
}
