import ControlLoop
import Support

/// Collects what a closure under test is told, and lets a test wait until it has been told something.
final class Probe<Value: Sendable>: Sendable {
    private let values = Locked([Value]())
    private let changed = Signal()

    var all: [Value] { values.withLock { $0 } }

    func record(_ value: Value) {
        values.withLock { $0.append(value) }
        changed.advance()
    }

    /// Returns once there are so many.
    @discardableResult
    func count(_ wanted: Int) async -> [Value] { await until { $0.count >= wanted } }

    /// Returns once the values satisfy a condition.
    @discardableResult
    func until(_ condition: @Sendable ([Value]) -> Bool) async -> [Value] {
        while true {
            let seen = changed.generation
            let now = all
            if condition(now) || Task.isCancelled { return now }
            await changed.wait(past: seen)
        }
    }

    @discardableResult
    func first(where condition: @Sendable (Value) -> Bool) async -> Value? {
        await until { $0.contains(where: condition) }.first(where: condition)
    }
}

/// Runs a service for as long as a test's body takes, then cancels it and waits for its end.
func running(_ service: @escaping @Sendable () async -> Void, _ body: () async -> Void) async {
    await withDiscardingTaskGroup { group in
        group.addTask { await service() }
        await body()
        group.cancelAll()
    }
}
