import HTTP
import JSON
import KubeObjects
import Support

/// One API server.
///
/// - Every failure is a `KubeError` that says what was tried and whether to try again. The client itself repeats a
///   request in one case only: once after a 401, if reading the credentials again brought other ones. (The server has
///   not acted on the first request.) Below it, `HTTPClient` may repeat a GET. 429 and 503 with `Retry-After` go to the
///   caller, whose queue knows what else waits.
/// - A success is checked first: a proxy's `{}` or HTML page with code 200 is an `.unexpectedAnswer`.
/// - Credentials go only to `server`. They appear in no error, even if the server repeats them.
/// - Cancelling the task ends the request at once. The server may then have processed a write, or not
///   (`HTTPError.mayHaveBeenProcessed`).
public final class KubeClient: Sendable {
    public struct Options: Sendable {
        public var userAgent: String
        /// The timeouts of requests. A watch has its own.
        public var timeouts = HTTPTimeouts(total: .seconds(60))
        /// Nil: unlimited.
        public var limiter: RequestLimiter?
        /// Whether its requests go past the limiter. Probes need this. The limiter still sees by their headers whether the
        /// server shares its time among clients.
        public var isExempt = false
        /// Called right before any request but a GET goes out, after the wait for limiter and connection. A leader that
        /// was paused there may have lost its Lease. A refused request fails as `.closed`, and is certainly not sent.
        public var mayWrite: (@Sendable () -> Bool)?
        /// How large answers may be.
        public var limits = AnswerLimits()
        /// Nil: the server has no budget except `limits`.
        public var meter: ServerMeter?
        /// For `Retry-After` given as a date.
        public var wallClock = WallClock.system
        /// Where the requests are counted. Nil: they are not counted.
        public var counts: RequestCounts.Host?

        public init(userAgent: String) { self.userAgent = userAgent }
    }

    /// Without a slash at the end: `https://10.0.0.1:6443`, `https://proxy.example/k8s/clusters/c-1`.
    public let server: String
    public let options: Options
    private let transport: any HTTPTransport
    private let authorization: any Authorization

    /// Ends the requests in flight and drops the connections. After that the client can't be used.
    public func close() { transport.close() }

    public init(server: String, transport: any HTTPTransport, authorization: any Authorization, options: Options) {
        self.server = server.withoutSlashesAtTheEnd
        self.transport = transport
        self.authorization = authorization
        self.options = options
    }

    /// A client with another token for the same server: over the same connections, with the same limits. `close` of either
    /// ends both.
    ///
    /// - Parameter mayWrite: nil for this client's.
    public func authorized(
        by authorization: any Authorization, mayWrite: (@Sendable () -> Bool)? = nil
    ) -> KubeClient {
        var options = options
        options.mayWrite = mayWrite ?? options.mayWrite
        return KubeClient(server: server, transport: transport, authorization: authorization, options: options)
    }

    /// From now on, waiting requests for these subjects go before background requests.
    public func raise(_ subjects: Set<String>) { options.limiter?.raise(subjects) }

    /// From now on, requests that wait, or would wait, for the rate limit fail as cancelled.
    public func stopWaiting() { options.limiter?.stop() }

    /// The whole answer of a request that succeeded (2xx).
    func send(_ request: KubeRequest) async throws(KubeError) -> HTTPResponse { try await receive(request).response }

    /// The whole answer, whatever its code, and the failure if the code is not a success.
    func sendForAny(
        _ request: KubeRequest
    ) async throws(KubeError) -> (response: HTTPResponse, failure: KubeError?) {
        let (response, token) = try await exchange(request) { http throws(HTTPError) in
            try await self.transport.send(http)
        }
        if (200..<300).contains(response.status) { return (response, nil) }
        return (response, failure(request, response.status, response.headers, response.body, token))
    }

    /// The whole answer as JSON.
    func sendForJSON(_ request: KubeRequest) async throws(KubeError) -> JSON {
        var answer = try await receive(request)
        defer { if request.answersWithSecrets { answer.response.body.wipe() } }
        guard let reader = options.meter?.reader, answer.response.body.count > AnswerReader.small else {
            return try json(answer.response, answer.token, request)
        }
        let (response, token) = answer
        return try await reader.read { () throws(KubeError) in try self.json(response, token, request) }
    }

    /// What is made of the answer. Only one of a server's larger answers is in memory as JSON at a time.
    /// - Parameters:
    ///   - usual: reads the text itself, if it has the form that it mostly has. Else nil.
    ///   - read: reads every other answer.
    func sendForJSON<Value: Sendable>(
        _ request: KubeRequest, usual: @Sendable ([UInt8], JSON.Limits) -> Value? = { _, _ in nil },
        _ read: @Sendable (JSON) throws(KubeError) -> Value
    ) async throws(KubeError) -> Value {
        var answer = try await receive(request)
        defer { if request.answersWithSecrets { answer.response.body.wipe() } }
        let limits = options.limits.json(bytes: limit(request))
        guard let reader = options.meter?.reader, answer.response.body.count > AnswerReader.small else {
            if let value = usual(answer.response.body, limits) { return value }
            var json = try json(answer.response, answer.token, request)
            defer { if request.answersWithSecrets { json.wipe() } }
            return try read(json)
        }
        let (response, token) = answer
        return try await reader.read { () throws(KubeError) in
            if let value = usual(response.body, limits) { return value }
            return try read(try self.json(response, token, request))
        }
    }

    private func json(
        _ response: HTTPResponse, _ token: Sensitive?, _ request: KubeRequest
    ) throws(KubeError) -> JSON {
        do {
            return try JSON(parsing: response.body, limits: options.limits.json(bytes: limit(request)))
        } catch  where request.answersWithSecrets {
            throw request.unexpected("the answer (code \(response.status)) is not JSON: \(error.message)")
        } catch {
            let excerpt = APIStatus.excerpt(of: response.body.redacting(token))
            throw request.unexpected("the answer (code \(response.status)) is not JSON: \(error.message): \(excerpt)")
        }
    }

    /// An answer whose head has arrived with a success, and the token that was sent for it. For the rate limit the request
    /// ends with the head.
    func open(_ request: KubeRequest) async throws(KubeError) -> (stream: HTTPStream, token: Sensitive?) {
        let (stream, token) = try await exchange(request) { http throws(HTTPError) in
            try await self.transport.open(http)
        }
        guard (200..<300).contains(stream.status) else {
            throw failure(request, stream.status, stream.headers, await stream.body.start(limit: 256 << 10), token)
        }
        return (stream, token)
    }

    /// The whole answer of a request that succeeded, and the token that was sent for it.
    private func receive(
        _ request: KubeRequest
    ) async throws(KubeError) -> (response: HTTPResponse, token: Sensitive?) {
        let (response, token) = try await exchange(request) { http throws(HTTPError) in
            try await self.transport.send(http)
        }
        guard (200..<300).contains(response.status) else {
            throw failure(request, response.status, response.headers, response.body, token)
        }
        if let token, !request.mayHoldToken, response.body.repeats(token) {
            throw request.unexpected("the answer repeats the token")
        }
        return (response, token)
    }

    /// The answer, and the token that was sent for it.
    private func exchange<Answer: AnswerHead>(
        _ request: KubeRequest, _ carryOut: (HTTPRequest) async throws(HTTPError) -> Answer
    ) async throws(KubeError) -> (Answer, Sensitive?) {
        guard request.isRateLimited, !options.isExempt, let limiter = options.limiter else {
            return try await exchangeAtOnce(request, carryOut)
        }
        do {
            try await limiter.acquire(request.turn)
        } catch {
            let reason = HTTPError(.cancelled, "cancelled before it was sent", mayHaveBeenProcessed: false)
            throw KubeError(operation: request.operation, cause: .transport(reason))
        }
        let start = limiter.time
        var result = RequestResult.silent
        defer { limiter.finished(result) }
        do throws(KubeError) {
            let answer = try await exchangeAtOnce(request, carryOut)
            if answer.0.status == 429, !answer.0.isOfWebhook {
                let retry = answer.0.headers["Retry-After"].flatMap { RetryAfter.parse($0, now: options.wallClock.now) }
                result = .refused(retryAfter: retry)
            } else if request.method != .get, answer.0.status != 429 {
                result = .answered(after: limiter.time - start)
            }
            return answer
        } catch {
            // A request that timed out is slow, too.
            if request.method != .get, error.isTimeout { result = .answered(after: limiter.time - start) }
            throw error
        }
    }

    private func exchangeAtOnce<Answer: AnswerHead>(
        _ request: KubeRequest, _ carryOut: (HTTPRequest) async throws(HTTPError) -> Answer
    ) async throws(KubeError) -> (Answer, Sensitive?) {
        do {
            let credential = try await credential(for: request)
            let answer = try await counted(request, carryOut, credential.token)
            guard answer.status == 401 else { return (answer, credential.token) }
            authorization.rejected(credential)
            let fresh = try await self.credential(for: request)
            if fresh.hasSameContent(as: credential) { return (answer, credential.token) }
            let second = try await counted(request, carryOut, fresh.token)
            return (second, fresh.token)
        } catch let error as HTTPError {
            throw KubeError(operation: request.operation, cause: .transport(error))
        } catch let error as KubeError {
            throw error
        } catch {
            throw request.unexpected("\(error)")  // only a KubeError is thrown above, which the compiler can't know
        }
    }

    private func counted<Answer: AnswerHead>(
        _ request: KubeRequest, _ carryOut: (HTTPRequest) async throws(HTTPError) -> Answer, _ token: Sensitive?
    ) async throws(HTTPError) -> Answer {
        do throws(HTTPError) {
            let answer = try await carryOut(http(request, token: token))
            options.counts?.count(request.method.rawValue, answer.status)
            // A server without priority and fairness answers without this header, and so does a proxy in front of a
            // server.
            if answer.status < 300 {
                options.limiter?.saw(isFair: answer.headers["X-Kubernetes-PF-FlowSchema-UID"] != nil)
            }
            return answer
        } catch {
            options.counts?.count(request.method.rawValue, nil)
            throw error
        }
    }

    private func credential(for request: KubeRequest) async throws(KubeError) -> RequestCredential {
        do {
            return try await authorization.credential()
        } catch {
            throw KubeError(operation: request.operation, cause: .credentials(error.message))
        }
    }

    private func http(_ request: KubeRequest, token: Sensitive?) -> HTTPRequest {
        var headers: HTTPHeaders = ["Accept": request.accept, "User-Agent": options.userAgent]
        if request.body != nil { headers.append("Content-Type", request.contentType) }
        var http = HTTPRequest(
            request.method, server + request.target, headers: headers, body: request.body, bearerToken: token,
            timeouts: request.timeouts ?? options.timeouts, maximumBodySize: limit(request))
        http.allowance = options.meter?.answers
        if request.method != .get { http.isStillWanted = options.mayWrite }
        http.answersWithSecrets = request.answersWithSecrets
        return http
    }

    private func limit(_ request: KubeRequest) -> Int { options.limits.bytes(of: request.answer) }

    private func failure(
        _ request: KubeRequest, _ code: Int, _ headers: HTTPHeaders, _ body: [UInt8], _ token: Sensitive?
    ) -> KubeError {
        let status = APIStatus(
            answer: code, headers: headers, body: body, token: token, now: options.wallClock.now)
        return KubeError(operation: request.operation, cause: .status(status))
    }
}

/// What is known of an answer once its head has arrived.
private protocol AnswerHead {
    var status: Int { get }
    var headers: HTTPHeaders { get }
    /// Whether an admission webhook refused this one object. Otherwise the server refused the client.
    var isOfWebhook: Bool { get }
}
extension HTTPResponse: AnswerHead {
    fileprivate var isOfWebhook: Bool {
        String(decoding: body.prefix(4 << 10), as: UTF8.self).contains("admission webhook")
    }
}
extension HTTPStream: AnswerHead {
    fileprivate var isOfWebhook: Bool { false }
}

extension KubeRequest {
    func unexpected(_ text: String) -> KubeError { KubeError(operation: operation, cause: .unexpectedAnswer(text)) }
}

extension HTTPBody {
    /// The start of the body of a refusal, up to a limit. The body may be cut short.
    fileprivate func start(limit: Int) async -> [UInt8] {
        var result: [UInt8] = []
        var pieces = makeAsyncIterator()
        while result.count < limit, let piece = try? await pieces.next(isolation: nil) {
            result += piece.prefix(limit - result.count)
        }
        return result
    }
}
