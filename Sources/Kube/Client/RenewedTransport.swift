import HTTP
import Support

/// Connections with the client certificate that a credential source has given last. A connection keeps the certificate with
/// which it was opened, so another certificate means other connections. Requests in flight keep theirs.
final class RenewedTransport: HTTPTransport {
    private struct State {
        var transport: any HTTPTransport
        var certificate: ClientCertificate?
        var isClosed = false
    }

    private let authorization: any Authorization
    private let make: @Sendable (ClientCertificate?) -> any HTTPTransport
    private let state: Locked<State>

    init(_ authorization: any Authorization, make: @escaping @Sendable (ClientCertificate?) -> any HTTPTransport) {
        (self.authorization, self.make) = (authorization, make)
        let first = authorization.clientCertificate
        state = Locked(State(transport: make(first), certificate: first))
    }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse { try await current.send(request) }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream { try await current.open(request) }

    func close() {
        let transport = state.withLock { state in
            state.isClosed = true
            return state.transport
        }
        transport.close()
    }

    private var current: any HTTPTransport {
        let certificate = authorization.clientCertificate
        return state.withLock { state in
            if state.isClosed || state.certificate == certificate { return state.transport }
            // The former one is closed when the last request that uses it ends.
            (state.transport, state.certificate) = (make(certificate), certificate)
            return state.transport
        }
    }
}

extension ClusterEndpoint {
    /// The connections to the server. They follow a client certificate that a credential plugin renews.
    ///
    /// - Parameter configure: changes the settings of the connections.
    public func transport(
        userAgent: String, _ configure: (inout HTTPClientConfiguration) -> Void = { _ in }
    ) -> any HTTPTransport {
        var configuration = HTTPClientConfiguration(tls: tls, userAgent: userAgent)
        (configuration.proxyURL, configuration.proxyLogin) = (proxyURL, proxyLogin)
        configure(&configuration)
        guard authorization is ExecAuthorization else { return HTTPClient(configuration) }
        return RenewedTransport(authorization) { [configuration] certificate in
            var own = configuration
            (own.tls.clientCertificate, own.tls.clientKey) = (certificate?.chain, certificate?.key)
            return HTTPClient(own)
        }
    }
}
