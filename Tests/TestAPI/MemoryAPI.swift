import DevCluster
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import TestSupport

/// A Kubernetes API without a network: devcluster's API behind the transport of a `KubeClient`. Everybody may do everything.
public final class MemoryAPI: HTTPTransport {
    /// A request as the server got it.
    public struct Sent: Sendable {
        public var method: HTTPRequest.Method
        /// The path with the query.
        public var target: String
        public var body: [UInt8]?

        public var json: JSON { body.flatMap { try? JSON(parsing: $0) } ?? .null }
        public var isWrite: Bool {
            method != .get && !["selfsubject", "/token"].contains { target.contains($0) }
        }
    }
    /// What a request gets instead of an answer.
    public enum Fault: Sendable {
        case status(Int, retryAfter: Int? = nil)
        case lost(HTTPError.Kind)
        /// No answer until the caller gives up.
        case silence
    }
    private struct State {
        var faults: [@Sendable (Sent) -> Fault?] = []
        /// Nil: any.
        var tokens: Set<Sensitive>?
    }

    let server: APIServer
    /// All requests, in the order in which they came.
    public let sent = Probe<Sent>()
    private let state = Locked(State())
    public static let account = "system:serviceaccount:flyte:squadron"

    /// - Parameter timer: of its bookmarks and of the ends of its watches.
    public init(timer: any Clock<Duration>, wallClock: WallClock = .system) {
        server = APIServer(
            store: ObjectStore(historyLimit: 1024, initialRevision: 1000), virtual: AllowingReviews(),
            clock: wallClock, timer: timer)
    }

    public func client(mayWrite: (@Sendable () -> Bool)? = nil) -> KubeClient {
        var options = KubeClient.Options(userAgent: "squadron-test")
        options.mayWrite = mayWrite
        return KubeClient(
            server: "https://memory.invalid", transport: self, authorization: NoAuthorization(), options: options)
    }

    public var writes: [Sent] { sent.all.filter(\.isWrite) }

    /// From now on, a request for which it gives a fault gets that.
    public func fail(_ fault: @escaping @Sendable (Sent) -> Fault?) { state.withLock { $0.faults.append(fault) } }
    public func heal() { state.withLock { $0.faults = [] } }
    /// From now on, all other tokens are refused.
    public func accept(_ tokens: String...) { state.withLock { $0.tokens = Set(tokens.map { Sensitive($0) }) } }

    // MARK: Transport

    public func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let answer = try await answer(request)
        var bytes: [UInt8] = []
        switch answer.body {
        case .bytes(let all): bytes = all
        case .stream(let stream): while let next = await stream.next() { bytes += next }
        }
        return HTTPResponse(status: answer.status, headers: Self.headers(answer), body: bytes)
    }

    public func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        let answer = try await answer(request)
        let body: HTTPBody
        switch answer.body {
        case .bytes(let all):
            let rest = Locked<[UInt8]?>(all)
            body = HTTPBody { () async throws(HTTPError) in
                rest.withLock { rest in
                    defer { rest = nil }
                    return rest
                }
            }
        case .stream(let stream): body = HTTPBody { () async throws(HTTPError) in await stream.next() }
        }
        return HTTPStream(status: answer.status, headers: Self.headers(answer), body: body)
    }

    public func close() {}

    private func answer(_ request: HTTPRequest) async throws(HTTPError) -> APIResponse {
        if let isWanted = request.isStillWanted, !isWanted() {
            throw HTTPError(.closed, "not sent: it is not wanted any more", mayHaveBeenProcessed: false)
        }
        let target = request.url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).dropFirst(2)
            .joined().drop { $0 != "/" }
        let sent = Sent(method: request.method, target: String(target), body: request.body)
        self.sent.record(sent)
        let state = state.withLock { $0 }
        for fault in state.faults {
            switch fault(sent) {
            case nil: continue
            case .lost(let kind)?:
                throw HTTPError(kind, "the test lets it fail", mayHaveBeenProcessed: false)
            case .silence?:
                await untilCancelled()
                throw HTTPError(.cancelled, "nobody waits for it any more", mayHaveBeenProcessed: false)
            case .status(let code, let retryAfter)?: return Self.failure(code, retryAfter)
            }
        }
        if let tokens = state.tokens, request.bearerToken.map({ !tokens.contains($0) }) ?? true {
            return Self.failure(401)
        }
        let headers = Dictionary(
            request.headers.fields.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $0 + ", " + $1 })
        return await server.respond(
            to: APIRequest(
                method: request.method.rawValue, target: sent.target, headers: headers, body: request.body ?? []),
            user: User(name: Self.account, groups: ["system:authenticated"]))
    }

    private static func headers(_ answer: APIResponse) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for (name, value) in answer.headers { headers.append(name, value) }
        return headers
    }

    private static func failure(_ code: Int, _ retryAfter: Int? = nil) -> APIResponse {
        let reasons = [401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 429: "TooManyRequests"]
        let status: JSON = [
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": .int(Int64(code)),
            "reason": .string(reasons[code] ?? "InternalError"), "message": "the test refuses it",
        ]
        var headers = [("Content-Type", "application/json")]
        if let retryAfter { headers.append(("Retry-After", String(retryAfter))) }
        return APIResponse(status: code, headers: headers, body: .bytes(status.serialized()))
    }
}

/// Answers every review with: allowed.
private struct AllowingReviews: VirtualResources {
    func create(_ request: VirtualRequest) async throws(APIError) -> JSON {
        var answer = request.object
        switch request.resource {
        case "selfsubjectreviews": answer["status"] = ["userInfo": ["username": .string(request.user.name)]]
        case "selfsubjectrulesreviews":
            answer["status"] = [
                "resourceRules": [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]], "nonResourceRules": [],
                "incomplete": false,
            ]
        default: answer["status"] = ["allowed": true]
        }
        return answer
    }
}
