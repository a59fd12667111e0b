import ControlLoop
import KubeObjects

/// Which objects of one kind are gone, and until when they still count. A pure value.
///
/// When a CRD is deleted, the API server first deletes its objects one by one and then ends the kind. Until then nothing
/// tells these deletions from those that a user meant. So an object that is gone counts for `grace` longer, until a list
/// of its kind has succeeded after that. Without the kind, everything counts as it was.
struct Departures<Value: Sendable>: Sendable {
    /// When an object went. After its kind was missing: when the kind came back.
    private(set) var gone: [ObjectKey: Duration] = [:]
    private(set) var isKindMissing = false
    private var notBefore = Duration.zero
    let grace: Duration
    /// For objects that went with their kind, once it is back: they may come back a little later than the kind does.
    var graceAfterReturn: Duration { grace * 6 }
    /// The distance of questions that are not answered with a list.
    var retryInterval: Duration { grace / 2 }

    init(grace: Duration = .seconds(10)) { self.grace = grace }

    /// What a watch says comes to this for those who read the store.
    ///
    /// - Parameters:
    ///   - held: what the store has now; nil before the first list.
    ///   - isSameClaim: whether an object takes the place of another one (the same label under another name): then nothing
    ///     is taken away, so the other one need not count any longer.
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

    /// When to ask for a list; nil while nothing depends on one.
    var nextLook: Duration? {
        if isKindMissing { return notBefore }
        return gone.values.min().map { max($0 + grace, notBefore) }
    }

    /// A list that was asked for at `start` has succeeded.
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
