import JSON
import Support

/// Answers the requests of one cluster. It has the parts that outlive connections, restarts and certificates.
final class ServerCore: RequestServer {
    let log: RequestLog
    let faults: FaultInjector
    let watches = OpenWatches()
    let authenticator: Authenticator
    let authorizer: Authorizer
    /// Whether answers say that priority and fairness is on.
    let isFair: Bool
    private let identity: ServerIdentity
    private let current: Locked<APIServer>

    init(store: ObjectStore, identity: ServerIdentity, options: DevCluster.Options) {
        log = RequestLog(ringSize: options.requestRing, clock: options.clock)
        faults = FaultInjector(seed: options.seed)
        self.identity = identity
        isFair = options.isFair
        // It is replaced at once, since the API needs the reviews, which need the authenticator, which needs the API's
        // store.
        let current = Locked(APIServer(store: store))
        self.current = current
        authenticator = Authenticator(clock: options.clock) { current.withLock { $0 }.store }
        authorizer = Authorizer { current.withLock { $0 }.store }
        serve(store, options)
    }

    /// From now on it answers from this store.
    @discardableResult
    func serve(_ store: ObjectStore, _ options: DevCluster.Options) -> APIServer {
        let reviews = Reviews(authenticator: authenticator, authorizer: authorizer) { [current] in
            current.withLock { $0 }.store
        }
        let api = APIServer(
            store: store, virtual: reviews, clock: options.clock, timer: options.timer, configuration: options.api)
        current.withLock { $0 = api }
        return api
    }

    func api() -> APIServer { current.withLock { $0 } }
    func authorityPEM() -> String { identity.authority.certificatePEM }

    func serve(_ request: IncomingRequest, connection: Connection, writer: ResponseWriter) async {
        await Exchange(
            request: request, attributes: RequestAttributes(request.api),
            userAgent: request.api.headers["user-agent"] ?? "", connection: connection, writer: writer, core: self
        ).run()
    }

    /// The documents with the keys of ServiceAccount tokens. Nil for any other path.
    func wellKnown(_ path: String) -> APIResponse? {
        let document: JSON
        switch path {
        case "/openid/v1/jwks", "/openid/v1/jwks/": document = authenticator.signer.jsonWebKeySet
        case "/.well-known/openid-configuration", "/.well-known/openid-configuration/":
            document = [
                "issuer": .string(TokenClaims.issuer), "jwks_uri": .string(TokenClaims.issuer + "/openid/v1/jwks"),
                "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            ]
        default: return nil
        }
        return APIResponse(
            status: 200, headers: [("Content-Type", "application/json")], body: .bytes(document.serialized()))
    }
}
