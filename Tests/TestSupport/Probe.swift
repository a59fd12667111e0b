/// Collects the values that a closure under test gets, and lets a test wait for them.
public final class Probe<Value: Sendable>: Sendable {
    private let values = Observed([Value]())

    public init() {}

    public var all: [Value] { values.value }

    /// The value with this number, from 0. Nil if there are fewer, so that a test fails and does not crash.
    public subscript(number: Int) -> Value? { all.dropFirst(number).first }

    public func record(_ value: Value) { values.update { $0.append(value) } }

    /// Returns once there are `count` values.
    @discardableResult
    public func count(_ wanted: Int) async -> [Value] { await until { $0.count >= wanted } }

    /// Returns once the values satisfy a condition.
    @discardableResult
    public func until(_ condition: @escaping @Sendable ([Value]) -> Bool) async -> [Value] {
        await values.wait(until: condition)
    }

    /// Returns once there is a value. Nil if the test is cancelled before that, so that it fails and does not crash.
    public func first() async -> Value? { await count(1).first }

    @discardableResult
    public func first(where condition: @escaping @Sendable (Value) -> Bool) async -> Value? {
        await until { $0.contains(where: condition) }.first(where: condition)
    }
}

/// Runs a service during a test's body, then cancels it and waits for its end, even if the body throws.
public func running<Failure: Error>(
    _ service: @escaping @Sendable () async -> Void, _ body: () async throws(Failure) -> Void
) async throws(Failure) {
    let result = await withDiscardingTaskGroup { group -> Result<Void, Failure> in
        group.addTask { await service() }
        defer { group.cancelAll() }
        do throws(Failure) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
    try result.get()
}
