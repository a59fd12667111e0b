import HTTP
import JSON
import Kube
import Support
import Testing

/// Sends requests and shows answers as they are: the contract is about bytes on the wire, whatever our own client makes of
/// them.
struct ContractClient: Sendable {
    let server: ContractServer
    private let transport: HTTPClient
    let token: Sensitive?

    /// - Parameter token: the user's token; the administrator's by default.
    init(_ server: ContractServer, token: String? = nil, isAnonymous: Bool = false) async throws {
        if isAnonymous {
            self.init(server, nil)
        } else if let token {
            self.init(server, Sensitive(token))
        } else {
            self.init(server, try await server.endpoint.authorization.bearerToken())
        }
    }

    private init(_ server: ContractServer, _ token: Sensitive?, userAgent: String = "contract/1.0") {
        self.server = server
        self.token = token
        transport = HTTPClient(HTTPClientConfiguration(tls: server.endpoint.tls, userAgent: userAgent))
    }

    /// The same user with another User-Agent.
    func named(_ userAgent: String) -> ContractClient { ContractClient(server, token, userAgent: userAgent) }

    /// A client of the shared server of that kind, as its administrator.
    init(_ kind: ServerKind) async throws { try await self.init(try await ContractServer.shared(kind)) }

    /// The same server, as another user.
    func with(token: String) async throws -> ContractClient { try await ContractClient(server, token: token) }
    func anonymous() async throws -> ContractClient { try await ContractClient(server, isAnonymous: true) }

    enum PatchType: String {
        case apply = "application/apply-patch+yaml"
        case merge = "application/merge-patch+json"
        case operations = "application/json-patch+json"
        case strategic = "application/strategic-merge-patch+json"
    }

    func get(_ path: String, accept: String = "application/json") async throws -> Answer {
        try await send(.get, path, nil, accept: accept)
    }
    func post(_ path: String, _ body: JSON) async throws -> Answer { try await send(.post, path, body) }
    func put(_ path: String, _ body: JSON) async throws -> Answer { try await send(.put, path, body) }
    func delete(_ path: String, _ options: JSON? = nil) async throws -> Answer {
        try await send(.delete, path, options)
    }
    func patch(_ type: PatchType, _ path: String, _ body: JSON) async throws -> Answer {
        try await send(.patch, path, body, type: type.rawValue)
    }
    /// Server-side apply.
    func apply(_ manager: String, _ path: String, _ body: JSON, force: Bool = false) async throws -> Answer {
        let separator = path.contains("?") ? "&" : "?"
        return try await patch(.apply, "\(path)\(separator)fieldManager=\(manager)&force=\(force)", body)
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSON?, type: String = "application/json",
        accept: String = "application/json"
    ) async throws -> Answer {
        var request = HTTPRequest(
            method, server.endpoint.server + path, headers: ["Accept": accept], bearerToken: token,
            timeouts: HTTPTimeouts(total: .seconds(60)))
        if let body {
            request.headers["Content-Type"] = type
            request.body = body.serialized()
        }
        let response = try await transport.send(request)
        return Answer(
            request: "\(method.rawValue) \(path)", status: response.status, headers: response.headers,
            body: response.body)
    }

    /// A watch; `path` with its query, without `watch=1`.
    func watch(
        _ path: String, accept: String = "application/json", within idle: Duration = .seconds(30)
    ) async throws -> Watch {
        let separator = path.contains("?") ? "&" : "?"
        let request = HTTPRequest(
            .get, "\(server.endpoint.server)\(path)\(separator)watch=1", headers: ["Accept": accept],
            bearerToken: token,
            timeouts: HTTPTimeouts(firstByte: idle, idle: idle))
        return Watch(try await transport.open(request))
    }
}

struct Answer: CustomStringConvertible {
    var request: String
    var status: Int
    var headers: HTTPHeaders
    var body: [UInt8]

    var json: JSON { (try? JSON(parsing: body)) ?? .string(String(decoding: body, as: UTF8.self)) }
    var metadata: JSON { json["metadata"] ?? [:] }
    var resourceVersion: String { metadata["resourceVersion"]?.string ?? "" }
    var uid: String { metadata["uid"]?.string ?? "" }
    var reason: String { json["reason"]?.string ?? "" }
    var message: String { json["message"]?.string ?? "" }
    var causes: [JSON] { json[path: ["details", "causes"]]?.array ?? [] }
    var warnings: [String] { headers.fields.filter { $0.name.lowercased() == "warning" }.map(\.value) }
    var description: String { "\(request): \(status) \(String(decoding: body.prefix(2_000), as: UTF8.self))" }

    subscript(path: String...) -> JSON? { json[path: path] }

    /// Returns itself if it has this status. Otherwise the test ends with the whole answer.
    @discardableResult
    func require(_ wanted: Int, sourceLocation: SourceLocation = #_sourceLocation) throws -> Answer {
        try #require(status == wanted, "\(self)", sourceLocation: sourceLocation)
        return self
    }

    /// Expects exactly this refusal.
    func expect(
        _ code: Int, _ reason: String, _ message: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(status == code, "\(self)", sourceLocation: sourceLocation)
        #expect(self.reason == reason, sourceLocation: sourceLocation)
        #expect(self.message == message, sourceLocation: sourceLocation)
    }
}

/// The lines of a watch, for one reader.
actor Watch {
    struct Event: Equatable, CustomStringConvertible {
        var type: String
        var object: JSON
        var name: String { object[path: ["metadata", "name"]]?.string ?? "" }
        var resourceVersion: String { object[path: ["metadata", "resourceVersion"]]?.string ?? "" }
        /// "ADDED a".
        var summary: String { "\(type) \(name)" }
        var description: String { "\(type) \(object.serializedString)" }
    }

    nonisolated let status: Int
    private let body: HTTPBody
    private var rest: [UInt8] = []

    init(_ stream: HTTPStream) {
        status = stream.status
        body = stream.body
    }

    /// Nil at the end of the stream.
    func next() async throws -> Event? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = try JSON(parsing: rest[..<end])
                rest.removeSubrange(...end)
                return Event(type: line["type"]?.string ?? "", object: line["object"] ?? .null)
            }
            var pieces = body.makeAsyncIterator()
            guard let piece = try await pieces.next(isolation: self) else {
                #expect(rest.isEmpty, "half a line: \(String(decoding: rest, as: UTF8.self))")
                return nil
            }
            rest += piece
        }
    }

    func next(_ count: Int) async throws -> [Event] {
        var events: [Event] = []
        while events.count < count, let event = try await next() { events.append(event) }
        return events
    }

    /// All events until the server ends the watch.
    func all() async throws -> [Event] {
        var events: [Event] = []
        while let event = try await next() { events.append(event) }
        return events
    }

    /// The events up to that one, which is of this type.
    func until(_ type: String) async throws -> [Event] {
        var events: [Event] = []
        while let event = try await next() {
            events.append(event)
            if event.type == type { break }
        }
        return events
    }
}
