import DevCluster
import TestSupport
import Testing

struct NotInTime: Error, CustomStringConvertible {
    var what: String
    var last: String
    var description: String { "not in time: \(what)\(last.isEmpty ? "" : "; last seen: \(last)")" }
}

/// Looks again and again until it holds; throws when it does not within the time.
func eventually(
    _ what: String, within limit: Duration = .seconds(20), _ holds: () async throws -> Bool
) async throws {
    try await eventually(what, within: limit, seen: { try await holds() }, until: { $0 })
}

/// The same, and reports the last value that was seen.
@discardableResult
func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(20), seen: () async throws -> Value,
    until accepts: (Value) -> Bool
) async throws -> Value {
    let clock = ContinuousClock()
    let end = clock.now + limit * patience
    while true {
        let value = try await seen()
        if accepts(value) { return value }
        guard clock.now < end else { throw NotInTime(what: what, last: "\(value)") }
        try await clock.sleep(for: .milliseconds(15))
    }
}

/// For what must not happen: checks it during the whole of that time.
func throughout(
    _ time: Duration, _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + time
    while clock.now < end {
        try #require(try await holds(), "\(what)", sourceLocation: sourceLocation)
        try await clock.sleep(for: .milliseconds(15))
    }
}

/// Waits until a server got only the allowed requests for that long: clears its log, waits and looks, again and
/// again.
func waitForQuiet(
    for time: Duration, _ what: String, on log: RequestLog, _ isQuiet: () async throws -> Bool
) async throws {
    try await eventually(what) {
        log.reset()
        try await Task.sleep(for: time)
        return try await isQuiet()
    }
}
