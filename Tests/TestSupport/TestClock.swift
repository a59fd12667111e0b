/// A clock that stands still until a test moves it. It shows which tasks sleep on it, so a test waits for a sleeper and
/// never for time.
public final class TestClock: Clock, Sendable {
    public struct Instant: InstantProtocol {
        public var offset: Duration
        public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        public func duration(to other: Instant) -> Duration { other.offset - offset }
        public static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper: Sendable {
        var deadline: Duration
        var continuation: CheckedContinuation<Void, any Error>
    }
    private struct State: Sendable {
        var now = Duration.zero
        var lastID = 0
        var sleepers: [Int: Sleeper] = [:]
    }
    private let state = Observed(State())

    public init() {}

    public var now: Instant { Instant(offset: state.value.now) }
    public var minimumResolution: Duration { .nanoseconds(1) }

    public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.update { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = state.update { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if deadline.offset <= state.now { return .success(()) }
                    state.sleepers[id] = Sleeper(deadline: deadline.offset, continuation: continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            state.update { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves the time and wakes those whose deadline it reaches.
    public func advance(by duration: Duration) {
        let due = state.update { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.sorted { $0.deadline < $1.deadline }.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Waits until `count` tasks sleep.
    public func sleepers(_ count: Int) async { await state.wait { $0.sleepers.count >= count } }

    /// Waits until a task sleeps for exactly `rest` from now.
    public func sleeper(for rest: Duration) async {
        await state.wait { state in state.sleepers.values.contains { $0.deadline == state.now + rest } }
    }

    /// The time from now to the first sleeper's deadline, once a task sleeps.
    public func untilNextSleeper() async -> Duration {
        let state = await state.wait { !$0.sleepers.isEmpty }
        return state.sleepers.values.map { $0.deadline - state.now }.min() ?? .zero
    }

    /// Waits for a sleeper and moves the time to its deadline; returns by how much.
    @discardableResult
    public func advanceToNextSleeper() async -> Duration {
        let rest = await untilNextSleeper()
        advance(by: rest)
        return rest
    }
}
