import ControlLoop
import Support

/// Lets writes end in good order when the operator ends. A write that has begun is finished, including the rows to put
/// back after a delete. No other write begins. Reads are not waited for.
final class WriteGate: Sendable {
    private struct State {
        var isClosed = false
        var isWriting = false
    }
    private let state = Locked(State())
    private let changes = Signal()

    /// Whether no write may begin any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// False if it is closed. Otherwise call `leave` afterwards.
    func enter() -> Bool {
        state.withLock { state in
            if !state.isClosed { state.isWriting = true }
            return !state.isClosed
        }
    }

    func leave() {
        state.withLock { $0.isWriting = false }
        changes.advance()
    }

    func close() { state.withLock { $0.isClosed = true } }

    /// Returns when no write is under way, or at the deadline.
    func drained(until deadline: Duration, on timeline: Timeline) async {
        while timeline.now < deadline, !Task.isCancelled {
            let seen = changes.generation
            guard state.withLock({ $0.isWriting }) else { return }
            await changes.wait(past: seen, until: deadline, on: timeline)
        }
    }
}
