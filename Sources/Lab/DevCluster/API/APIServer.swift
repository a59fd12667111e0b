import JSON
import KubeObjects
import Support

/// The API of one cluster. It takes requests that are authenticated and authorized, and answers as kube-apiserver does.
public final class APIServer: Sendable {
    public struct Configuration: Sendable {
        /// The time between two bookmarks of a watch that asked for them.
        public var bookmarkInterval: Duration = .seconds(60)
        /// How long a watch without `timeoutSeconds` lasts: 1 to 2 times this, as in kube-apiserver.
        public var minimumWatchTimeout: Duration = .seconds(1800)
        /// How long a deleted namespace stays Terminating before its content goes. Nil holds it until
        /// `setNamespaceTerminationDelay` is called.
        public var namespaceTerminationDelay: Duration? = .zero
        /// Whether it takes `sendInitialEvents`. Servers before 1.34, and those with the feature gate WatchList off,
        /// refuse it.
        public var servesInitialEvents = true
        public init() {}
    }
    public let store: ObjectStore
    let virtual: (any VirtualResources)?
    let clock: WallClock
    let timer: any Clock<Duration>
    let configuration: Configuration
    let registryCache: RegistryCache
    let terminationDelay: Locked<Duration?>

    /// Puts the namespaces that every cluster has into the store.
    public convenience init(
        store: ObjectStore, virtual: (any VirtualResources)? = nil, clock: WallClock = .system,
        timer: any Clock<Duration> = ContinuousClock(), configuration: Configuration = Configuration()
    ) {
        self.init(
            store: store, virtual: virtual, clock: clock, timer: timer, configuration: configuration,
            compiler: Self.defaultCompiler)
    }

    init(
        store: ObjectStore, virtual: (any VirtualResources)?, clock: WallClock, timer: any Clock<Duration>,
        configuration: Configuration, compiler: any SchemaCompiling
    ) {
        self.store = store
        self.virtual = virtual
        self.clock = clock
        self.timer = timer
        self.configuration = configuration
        registryCache = RegistryCache(store: store, compiler: compiler)
        terminationDelay = Locked(configuration.namespaceTerminationDelay)
        createSystemNamespaces()
    }

    public func respond(to request: APIRequest, user: User) async -> APIResponse {
        do throws(APIError) {
            return try await answer(request, user)
        } catch {
            return error.response
        }
    }

    /// Larger bodies are refused. This is the real server's limit.
    static let maximumBodySize = 3 << 20

    private func answer(_ request: APIRequest, _ user: User) async throws(APIError) -> APIResponse {
        if request.body.count > Self.maximumBodySize { throw .tooLargeBody }
        let registry = registryCache.current
        switch Route(request, registry: registry) {
        case .unknown: return .pageNotFound
        case .noSuchResource: throw .noSuchResource
        case .document: return try Documents(registry: registry, store: store).respond(to: request)
        case .virtual(let group, let resource, let subresource, let namespace, let name):
            return try await create(
                VirtualRequest(
                    group: group, version: "v1", resource: resource, subresource: subresource, namespace: namespace,
                    name: name, object: .null, user: user), request)
        case .resource(let definition, let namespace, let name, let subresource, let isLegacyWatch):
            let resource = ResourceRequest(
                http: request, user: user, definition: definition, namespace: namespace, name: name,
                subresource: subresource)
            return try handle(resource, isWatch: isLegacyWatch || request.flag("watch"))
        }
    }

    private func handle(_ request: ResourceRequest, isWatch: Bool) throws(APIError) -> APIResponse {
        let verbs = request.definition.verbs
        func require(_ verb: String) throws(APIError) { if !verbs.contains(verb) { throw .methodNotAllowed } }
        let isCollection = request.name == nil
        switch request.http.method {
        case "GET":
            if isWatch, request.subresource == nil { return try watch(request) }
            return isCollection ? try list(request) : try get(request)
        case "POST" where isCollection:
            if request.definition.isNamespaced, request.namespace == nil { throw .methodNotAllowed }
            try require("create")
            return try create(request)
        case "PUT" where !isCollection:
            try require("update")
            return try update(request)
        case "PATCH" where !isCollection:
            try require("patch")
            return try patch(request)
        case "DELETE" where !isCollection && request.subresource == nil:
            try require("delete")
            return try delete(request)
        case "DELETE" where isCollection:
            if request.definition.isNamespaced, request.namespace == nil { throw .methodNotAllowed }
            try require("deletecollection")
            return try deleteCollection(request)
        default: throw .methodNotAllowed
        }
    }

    private func create(_ request: VirtualRequest, _ http: APIRequest) async throws(APIError) -> APIResponse {
        guard http.method == "POST" else { throw .methodNotAllowed }
        guard let virtual else { throw .noSuchResource }
        if let name = request.name {
            let key = ObjectCollection.key(namespace: request.namespace, name: name)
            guard store.stored(.serviceAccounts, key) != nil else { throw .notFound(.serviceAccounts, name) }
        }
        var request = request
        do {
            request.object = http.body.isEmpty ? [:] : try JSON(parsing: http.body)
        } catch {
            throw .badRequest("the object provided is unrecognized: json parse error: \(error)")
        }
        let kind =
            request.subresource == "token"
            ? "TokenRequest" : BuiltInResources.reviews.first { $0.plural == request.resource }?.kind ?? ""
        let group = request.subresource == "token" ? "authentication.k8s.io" : request.group
        if let sent = request.object["kind"]?.string, sent != kind {
            throw .badRequest("\(sent) in version \"v1\" cannot be handled as a \(kind)")
        }
        request.object["kind"] = .string(kind)
        request.object["apiVersion"] = .string("\(group)/v1")
        return .json(201, try await virtual.create(request))
    }

    var timestamp: String { Timestamp(clock.now).description }

    /// The headers of an answer about a resource.
    func headers(_ request: ResourceRequest, warnings: [String] = []) -> [(String, String)] {
        var headers = [("Content-Type", "application/json"), ("Cache-Control", "no-cache, private")]
        for warning in [request.definition.deprecationWarning].compactMap({ $0 }) + warnings {
            let escaped = warning.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            headers.append(("Warning", "299 - \"\(escaped)\""))
        }
        return headers
    }

    func respond(_ status: Int, _ object: JSON, _ request: ResourceRequest, warnings: [String] = []) -> APIResponse {
        APIResponse(
            status: status, headers: headers(request, warnings: warnings),
            body: .bytes(object.serialized() + [UInt8(ascii: "\n")]))
    }
}

extension APIResponse {
    static func json(_ status: Int, _ object: JSON, type: String = "application/json") -> APIResponse {
        APIResponse(
            status: status, headers: [("Content-Type", type)], body: .bytes(object.serialized() + [UInt8(ascii: "\n")]))
    }
    static func text(_ status: Int, _ text: String) -> APIResponse {
        APIResponse(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: .bytes(Array(text.utf8)))
    }
    static let pageNotFound = text(404, "404 page not found\n")
}
