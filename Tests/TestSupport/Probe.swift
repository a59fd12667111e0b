/// Collects what a closure under test is told, and lets a test wait until it has been told something.
public final class Probe<Value: Sendable>: Sendable {
    private let values = Observed([Value]())

    public init() {}

    public var all: [Value] { values.value }

    /// The one with this number, from 0; nil where there are fewer, so that a test fails and doesn't crash.
    public subscript(number: Int) -> Value? { all.dropFirst(number).first }

    public func record(_ value: Value) { values.update { $0.append(value) } }

    /// Returns once there are so many.
    @discardableResult
    public func count(_ wanted: Int) async -> [Value] { await until { $0.count >= wanted } }

    /// Returns once the values satisfy a condition.
    @discardableResult
    public func until(_ condition: @escaping @Sendable ([Value]) -> Bool) async -> [Value] {
        await values.wait(until: condition)
    }

    /// Returns once there is one; nil where the test is cancelled before that, so that it fails and doesn't crash.
    public func first() async -> Value? { await count(1).first }

    @discardableResult
    public func first(where condition: @escaping @Sendable (Value) -> Bool) async -> Value? {
        await until { $0.contains(where: condition) }.first(where: condition)
    }
}

/// Runs a service for as long as a test's body takes, then cancels it and waits for its end, also where the body throws.
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
