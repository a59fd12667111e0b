import ControlLoop
import Support

/// A clock that stands still until a test moves it, and tells who sleeps on it: a test waits for a sleeper, never for time.
final class TestClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct State {
        var now = Duration.zero
        var lastID = 0
        var sleepers: [Int: (deadline: Duration, continuation: CheckedContinuation<Void, any Error>)] = [:]
    }
    private let state = Locked(State())
    private let slept = Signal()

    var now: Instant { Instant(offset: state.withLock { $0.now }) }
    var minimumResolution: Duration { .nanoseconds(1) }
    var timeline: Timeline { Timeline(self) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if deadline.offset <= state.now { return .success(()) }
                    state.sleepers[id] = (deadline.offset, continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) } else { slept.advance() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves the time and wakes those whose deadline it reaches.
    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.sorted { $0.deadline < $1.deadline }.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// The time from now to the first sleeper's deadline, once somebody sleeps.
    func untilNextSleeper() async -> Duration {
        while true {
            let seen = slept.generation
            let rest = state.withLock { state in state.sleepers.values.map { $0.deadline - state.now }.min() }
            if let rest { return rest }
            await slept.wait(past: seen)
        }
    }

    /// Waits until somebody sleeps for exactly so long from now.
    func sleeper(for rest: Duration) async {
        while true {
            let seen = slept.generation
            if state.withLock({ state in state.sleepers.values.contains { $0.deadline == state.now + rest } }) {
                return
            }
            await slept.wait(past: seen)
        }
    }

    /// Waits for a sleeper and moves the time to its deadline; returns by how much.
    @discardableResult
    func advanceToNextSleeper() async -> Duration {
        let rest = await untilNextSleeper()
        advance(by: rest)
        return rest
    }
}
