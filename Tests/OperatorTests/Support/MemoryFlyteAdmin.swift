import HTTP
import JSON
import Support

@testable import DevFlyteAdmin

/// devflyteadmin's tables without a socket: a test can change them right before a request has its effect, as somebody with
/// flytectl would, and break any answer.
final class MemoryFlyteAdmin: HTTPTransport {
    enum Fault: Sendable {
        /// With words of flyteadmin's own, as a gateway or a webhook before it would not have them.
        case refuses(Int, String)
        case losesAnswer
        case timesOut
    }
    struct Seen: Sendable {
        var method: String
        var path: String
        var query: String
        var body: JSON
    }
    private struct State {
        var tables: Tables
        var requests: [Seen] = []
        var faults: [@Sendable (Seen) -> Fault?] = []
        var before: (@Sendable (Seen, inout Tables) -> Void)?
    }
    private let state: Locked<State>

    init(projects: [String]) { state = Locked(State(tables: Tables(projects: projects))) }

    var tables: Tables { state.withLock { $0.tables } }
    func edit(_ change: (inout Tables) -> Void) { state.withLock { change(&$0.tables) } }
    var requests: [Seen] { state.withLock { $0.requests } }
    var writes: [Seen] { requests.filter { $0.method != "GET" } }
    func forgetRequests() { state.withLock { $0.requests = [] } }
    func add(_ fault: @escaping @Sendable (Seen) -> Fault?) { state.withLock { $0.faults.append(fault) } }
    func heal() { state.withLock { ($0.faults, $0.before) = ([], nil) } }
    /// A second writer.
    func before(_ change: @escaping @Sendable (Seen, inout Tables) -> Void) { state.withLock { $0.before = change } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let parts = request.url.split(separator: "?", maxSplits: 1)
        let url = String(parts[0])
        let start = url.range(of: "://").flatMap { url[$0.upperBound...].firstIndex(of: "/") } ?? url.endIndex
        let query = parts.count > 1 ? String(parts[1]) : ""
        let path = Form.decode(String(url[start...]), plusIsSpace: false)
        let seen = Seen(
            method: request.method.rawValue, path: path, query: query,
            body: request.body.flatMap { try? JSON(parsing: $0) } ?? .null)
        let answer = state.withLock { state -> Answer? in
            state.requests.append(seen)
            let fault = state.faults.lazy.compactMap { $0(seen) }.first
            if case .timesOut? = fault { return nil }
            if case .refuses(let status, let words)? = fault { return Answer(status, ["message": .string(words)]) }
            state.before?(seen, &state.tables)
            let asked = Request(
                method: seen.method, path: path, rawQuery: query, query: Form.parse(query),
                headers: ["accept": "application/json"], body: request.body ?? [])
            let answer = RestAPI(asked, version: .v1_16, now: Instant(secondsSince1970: 0)).answer(&state.tables)
            if case .losesAnswer? = fault { return nil }
            return answer
        }
        guard let answer else { throw HTTPError(.timeout(.firstByte), "no answer", mayHaveBeenProcessed: true) }
        var response = HTTPResponse(status: answer.status)
        response.body = answer.body
        return response
    }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.closed, "no streams here", mayHaveBeenProcessed: false)
    }
    func close() {}
}
