import HTTP
import JSON
import KubeObjects
import Support

/// One API server.
///
/// - Every failure is a `KubeError` that says what was tried and whether to try again. The client itself repeats a
///   request in one case only: a 401, once, if reading the credentials anew brought other ones (the server has not
///   acted on the first). 429 and 503 with `Retry-After` go to the caller: his queue knows what else waits.
/// - A success is checked before it is believed: a proxy's `{}` or HTML page with code 200 is an `.unexpectedAnswer`.
/// - Credentials go to `server` only and appear in no error, also where the server repeats them.
/// - Cancelling the task ends the request at once; a write may then have been processed or not
///   (`HTTPError.mayHaveBeenProcessed`).
public final class KubeClient: Sendable {
    public struct Options: Sendable {
        public var userAgent: String
        /// Of requests; a watch has its own.
        public var timeouts = HTTPTimeouts(total: .seconds(60))
        /// Nil: unlimited.
        public var limiter: RateLimiter?
        /// Asked right before anything but a GET goes out, after the wait for limiter and connection: a leader that was
        /// paused there may have lost its Lease. What it refuses fails as `.closed`, surely not sent.
        public var mayWrite: (@Sendable () -> Bool)?
        public var limits = AnswerLimits()
        /// For `Retry-After` given as a date.
        public var wallClock = WallClock.system

        public init(userAgent: String) { self.userAgent = userAgent }
    }

    /// Without a slash at the end: `https://10.0.0.1:6443`, `https://proxy.example/k8s/clusters/c-1`.
    public let server: String
    public let options: Options
    private let transport: any HTTPTransport
    private let authorization: any Authorization

    /// Ends what is in flight and drops the connections: the client is of no more use.
    public func close() { transport.close() }

    public init(server: String, transport: any HTTPTransport, authorization: any Authorization, options: Options) {
        self.server = server.withoutSlashesAtTheEnd
        self.transport = transport
        self.authorization = authorization
        self.options = options
    }

    /// Requests for these subjects that wait for the rate limit go before background ones from now on.
    public func raise(_ subjects: Set<String>) { options.limiter?.raise(subjects) }

    /// Sends nothing any more that waits, or would wait, for the rate limit: it fails as cancelled.
    public func stopWaiting() { options.limiter?.stop() }

    /// The whole answer of a request that succeeded (2xx).
    func send(_ request: KubeRequest) async throws(KubeError) -> HTTPResponse { try await receive(request).response }

    /// The whole answer as JSON.
    func sendForJSON(_ request: KubeRequest) async throws(KubeError) -> JSON {
        var answer = try await receive(request)
        defer { if request.answersWithSecrets { answer.response.body.wipe() } }
        do {
            return try JSON(parsing: answer.response.body, limits: .answer(bytes: limit(request)))
        } catch  where request.answersWithSecrets {
            throw request.unexpected("the answer (code \(answer.response.status)) is not JSON: \(error.message)")
        } catch {
            let excerpt = APIStatus.excerpt(of: answer.response.body.redacting(answer.token))
            throw request.unexpected(
                "the answer (code \(answer.response.status)) is not JSON: \(error.message): \(excerpt)")
        }
    }

    /// An answer whose head has arrived and says success, and the token that was sent for it. Not rate-limited within:
    /// the caller decides.
    func open(_ request: KubeRequest) async throws(KubeError) -> (stream: HTTPStream, token: Sensitive?) {
        let (stream, token) = try await exchange(request) { http throws(HTTPError) in
            try await self.transport.open(http)
        } status: {
            $0.status
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
        } status: {
            $0.status
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
    private func exchange<Answer>(
        _ request: KubeRequest, _ carryOut: (HTTPRequest) async throws(HTTPError) -> Answer, status: (Answer) -> Int
    ) async throws(KubeError) -> (Answer, Sensitive?) {
        if request.isRateLimited, let limiter = options.limiter {
            do {
                try await limiter.acquire(request.turn)
            } catch {
                let reason = HTTPError(.cancelled, "cancelled before it was sent", mayHaveBeenProcessed: false)
                throw KubeError(operation: request.operation, cause: .transport(reason))
            }
        }
        do {
            let token = try await token(for: request)
            let answer = try await carryOut(http(request, token: token))
            guard status(answer) == 401 else { return (answer, token) }
            authorization.rejected()
            let fresh = try await self.token(for: request)
            if fresh == token { return (answer, token) }
            let second = try await carryOut(http(request, token: fresh))
            return (second, fresh)
        } catch let error as HTTPError {
            throw KubeError(operation: request.operation, cause: .transport(error))
        } catch let error as KubeError {
            throw error
        } catch {
            throw request.unexpected("\(error)")  // nothing else is thrown above; the compiler can't know
        }
    }

    private func token(for request: KubeRequest) async throws(KubeError) -> Sensitive? {
        do {
            return try await authorization.bearerToken()
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

extension KubeRequest {
    func unexpected(_ text: String) -> KubeError { KubeError(operation: operation, cause: .unexpectedAnswer(text)) }
}

extension HTTPBody {
    /// As much as arrives, up to a limit: the body of a refusal, which may well be cut short.
    fileprivate func start(limit: Int) async -> [UInt8] {
        var result: [UInt8] = []
        var pieces = makeAsyncIterator()
        while result.count < limit, let piece = try? await pieces.next(isolation: nil) {
            result += piece.prefix(limit - result.count)
        }
        return result
    }
}
