import DevCluster
// Nearly every test here waits, so no file has to import it by itself.
@_exported import TestSupport
import Testing

/// For what must not happen: checks it during the whole of that time.
func throughout(
    _ time: Duration, _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + time
    while clock.now < end {
        try #require(try await holds(), "\(what)", sourceLocation: sourceLocation)
        try await timePasses(.milliseconds(20))
    }
}

/// Waits until a server got only the allowed requests for that long: clears its log, waits and looks, again and
/// again.
func waitForQuiet(
    for time: Duration, _ what: String, on log: RequestLog, _ isQuiet: () async throws -> Bool
) async throws {
    try await eventually(what) {
        log.reset()
        try await timePasses(time)
        return try await isQuiet()
    }
}
