import HTTP
import JSON
import KubeObjects
import Support
import Testing

@testable import Kube

/// A file beside the tests, as it was recorded from Kubernetes 1.36.
func fixture(_ name: String) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    return try FileContents.read("/\(folder)/Fixtures/\(name)", limit: 1 << 20)
}

func fixtureStatus(_ name: String, code: Int) throws -> APIStatus {
    APIStatus(answer: code, headers: [:], body: try fixture(name), now: Instant(secondsSince1970: 0))
}

func client(
    _ transport: ScriptedTransport, authorization: any Authorization = NoAuthorization(), limiter: RateLimiter? = nil
) -> KubeClient {
    var options = KubeClient.Options(userAgent: "squadron/1.2.3")
    options.limiter = limiter
    options.wallClock = WallClock { Instant(secondsSince1970: 784_111_777) }  // Sun, 06 Nov 1994 08:49:37 GMT
    return KubeClient(
        server: "https://10.0.0.1:6443/", transport: transport, authorization: authorization, options: options)
}

/// The error that `body` must throw.
func failure(_ body: () async throws -> some Any, _ location: SourceLocation = #_sourceLocation) async throws
    -> KubeError
{
    do {
        let value = try await body()
        Issue.record("no error but \(value)", sourceLocation: location)
        throw CancellationError()
    } catch let error as KubeError {
        return error
    }
}

/// The part of a URL behind its server.
func target(_ request: HTTPRequest) -> String { String(request.url.dropFirst("https://10.0.0.1:6443".count)) }

/// A clock that moves only when it is told to.
final class ManualClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }
    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [Int: (until: Instant, wake: CheckedContinuation<Bool, Never>)] = [:]
        var watchers: [(count: Int, wake: CheckedContinuation<Void, Never>)] = []
        var next = 0
    }
    private let state = Locked(State())

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        let isCancelled = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
                    if Task.isCancelled || state.now >= deadline { return nil }
                    state.sleepers[id] = (deadline, continuation)
                    let ready = state.watchers.filter { $0.count <= state.sleepers.count }.map(\.wake)
                    state.watchers.removeAll { $0.count <= state.sleepers.count }
                    return ready
                }
                if let ready { ready.forEach { $0.resume() } } else { continuation.resume(returning: Task.isCancelled) }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id)?.wake }
            sleeper?.resume(returning: true)
        }
        if isCancelled { throw CancellationError() }
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.sorted { $0.until < $1.until }.map(\.wake)
        }
        for wake in due { wake.resume(returning: false) }
    }

    /// Returns when so many are asleep.
    func sleepers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
