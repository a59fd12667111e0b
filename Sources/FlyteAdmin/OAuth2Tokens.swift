import HTTP
import JSON
import Support

/// Access tokens by OAuth2 client credentials (RFC 6749, 4.4), kept until shortly before they expire.
///
/// Only one request at a time is under way. All other callers wait for its outcome.
public final class OAuth2Tokens: Sendable {
    /// The place of the client's id and secret in a request (RFC 6749, 2.3.1).
    public enum ClientAuth: Sendable, Hashable {
        /// In the header, which every server must understand.
        case header
        /// In the form, which some servers require.
        case body
    }

    public struct Credentials: Sendable, Hashable {
        /// https. The caller allows http only for loopback and in-cluster names, and the transport permits it.
        public var tokenURL: String
        public var clientID: String
        public var clientSecret: Sensitive
        public var scopes: [String]
        /// Only one form is used. A refused secret is not sent again in the other form.
        public var clientAuth: ClientAuth

        public init(
            tokenURL: String, clientID: String, clientSecret: Sensitive, scopes: [String] = [],
            clientAuth: ClientAuth = .header
        ) {
            self.tokenURL = tokenURL
            self.clientID = clientID
            self.clientSecret = clientSecret
            self.scopes = scopes
            self.clientAuth = clientAuth
        }
    }

    private struct Token {
        var value: Sensitive
        var goodUntil: Duration
    }
    /// The result that wakes a waiting caller.
    private enum Outcome: Sendable {
        case token(Sensitive)
        case failure(FlyteAdminError)
        /// The caller that asked was cancelled. Each waiting caller must ask again.
        case again
    }
    /// What a caller that needs a token must do.
    private enum Decision {
        case use(Sensitive)
        case wait
        case fetch
    }
    private struct State {
        var token: Token?
        var isFetching = false
        var lastWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Outcome, Never>] = [:]
    }

    private let credentials: Credentials
    private let transports: [any HTTPTransport]
    private let now: @Sendable () -> Duration
    private let state = Locked(State())

    /// - Parameters:
    ///   - transports: tried in turn if the server's certificate is not trusted. A token endpoint may be a public one,
    ///     or have its certificate from flyteadmin's private CA. The secret is sent only over a connection that one of them
    ///     has verified.
    ///   - now: a time that never goes back.
    public init(
        _ credentials: Credentials, transports: [any HTTPTransport],
        now: @escaping @Sendable () -> Duration = sinceStart
    ) {
        self.credentials = credentials
        self.transports = transports
        self.now = now
    }

    var clientSecret: Sensitive { credentials.clientSecret }

    private static let start = ContinuousClock().now
    /// Time since the first use.
    public static let sinceStart: @Sendable () -> Duration = { start.duration(to: ContinuousClock().now) }

    /// A token that has not expired. A failure names `operation`, for which the token is needed.
    func token(for operation: String) async throws(FlyteAdminError) -> Sensitive {
        while true {
            let decision = state.withLock { state -> Decision in
                if let token = state.token, now() < token.goodUntil { return .use(token.value) }
                if state.isFetching { return .wait }
                state.isFetching = true
                return .fetch
            }
            switch decision {
            case .use(let token): return token
            case .fetch: return try await fetch(operation)
            case .wait:
                switch await wait() {
                case .token(let token): return token
                case .failure(let error): throw error
                case .again:
                    if Task.isCancelled {
                        throw FlyteAdminError(.cancelled, operation: operation, message: "cancelled")
                    }
                }
            }
        }
    }

    /// The token was refused, so the next caller gets a new one.
    func drop(_ token: Sensitive) {
        state.withLock { if $0.token?.value == token { $0.token = nil } }
    }

    private func wait() async -> Outcome {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.isFetching, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !mustWait { continuation.resume(returning: .again) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: .again)
        }
    }

    private func fetch(_ operation: String) async throws(FlyteAdminError) -> Sensitive {
        do {
            let answer = try await send(TokenRequest(credentials), operation)
            finish(.token(answer.token)) { state in
                state.token = Token(value: answer.token, goodUntil: self.now() + answer.keepFor)
            }
            return answer.token
        } catch {
            finish(error.kind == .cancelled ? .again : .failure(error)) { _ in }
            throw error
        }
    }

    private func finish(_ outcome: Outcome, _ change: (inout State) -> Void) {
        let waiters = state.withLock { state in
            change(&state)
            state.isFetching = false
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(returning: outcome) }
    }

    private func send(
        _ request: TokenRequest, _ operation: String
    ) async throws(FlyteAdminError) -> TokenRequest.Answer {
        let prefix = "the token endpoint: "
        var failure: HTTPError?
        for transport in transports {
            let response: HTTPResponse
            do throws(HTTPError) {
                response = try await transport.send(request.http)
            } catch {
                guard error.kind == .tlsUntrusted else {
                    throw FlyteAdminError(error, operation: operation, prefix: prefix)
                }
                failure = failure ?? error
                continue
            }
            return try request.answer(response, operation)
        }
        throw FlyteAdminError(
            failure ?? HTTPError(.closed, "no way to reach it", mayHaveBeenProcessed: false), operation: operation,
            prefix: prefix)
    }
}
