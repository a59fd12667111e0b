import Foundation

/// What a test waited for did not come.
public struct NotInTime: Error, CustomStringConvertible {
    public var what: String
    public var last: String
    public init(_ what: String, last: String = "") {
        self.what = what
        self.last = last
    }
    public var description: String { "not in time: \(what)\(last.isEmpty ? "" : "; last seen: \(last)")" }
}

/// Looks again and again until it holds; throws when it does not within the time. For what nothing announces: another
/// process, a socket, an API server. Where something is announced, wait for that (`Observed`, `Probe`, `TestClock`).
///
/// The time is long, since other work may have the processors: a test that passes does not wait for its end.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(20),
    _ holds: () async throws -> Bool
) async throws {
    try await eventually(what, within: limit, every: pause, seen: { try await holds() }, until: { $0 })
}

/// As above, and tells what was seen last.
@discardableResult
public func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(20),
    seen: () async throws -> Value, until accepts: (Value) -> Bool
) async throws -> Value {
    let clock = ContinuousClock()
    let end = clock.now + limit * patience
    while true {
        let value = try await seen()
        if accepts(value) { return value }
        guard clock.now < end else { throw NotInTime(what, last: "\(value)") }
        try await clock.sleep(for: pause)
    }
}

/// Lets time go by where the time itself is what a test is about: a limit that must not strike yet, a pause of somebody who
/// acts again and again. Never to wait for something: that takes longer on a busy machine.
public func timePasses(_ time: Duration) async throws { try await Task.sleep(for: time) }

/// Ends with the task.
public func untilCancelled() async {
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
}

/// What somebody asked a test for, beside whether it passes: a measurement, the seed of a search.
public func report(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
