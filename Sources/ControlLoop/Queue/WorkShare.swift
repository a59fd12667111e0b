import Support

/// Divides the background keys that may be in work among the queues that have any.
///
/// Each key in work holds the memory of a request. With hundreds of data planes, a limit for each queue alone would let
/// tens of thousands of requests run at once, which is slower than a few thousand and takes far more memory.
///
/// - A queue that is the only busy one gets the whole.
/// - Every busy queue gets at least `least`, however many there are. So queues whose keys hang take nothing from others.
public final class WorkShare: Sendable {
    private let whole: Int
    private let least: Int
    private let busy = Locked(0)

    /// - Parameters:
    ///   - whole: the keys of all queues together.
    ///   - least: the keys of each queue.
    public init(whole: Int, least: Int) {
        self.whole = whole
        self.least = least
    }

    /// How many background keys each busy queue may have in work now.
    public var part: Int { busy.withLock { max(least, whole / max(1, $0)) } }

    func enter() { busy.withLock { $0 += 1 } }
    func leave() { busy.withLock { $0 -= 1 } }
}
