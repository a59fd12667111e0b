import Support

/// A request, as `HTTPTransport` sends it.
public struct HTTPRequest: Sendable {
    public enum Method: String, Sendable, Hashable {
        case get = "GET", head = "HEAD", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
    }

    public var method: Method
    /// An absolute `https://` (or, where the configuration allows it, `http://`) URL, percent-encoded, without a user
    /// name. Any other URL fails the request as `.invalidRequest`.
    public var url: String
    /// `Content-Length` and `Transfer-Encoding` are left out: the length of `body` is sent. With `Accept-Encoding: gzip`
    /// the answer's body arrives decompressed. A name or value that HTTP does not allow (RFC 9110, 5.5 and 5.6.2) fails
    /// the request as `.invalidRequest`.
    public var headers: HTTPHeaders
    /// Nil sends none; POST, PUT and PATCH then have an empty one. HEAD never has one.
    public var body: [UInt8]?
    /// Sent as `Authorization: Bearer …`, and only to the server of `url`, since redirects are not followed. It replaces
    /// an `Authorization` of `headers`. A token that is empty or can't be a header fails the request as
    /// `.invalidRequest`.
    public var bearerToken: Sensitive?
    public var timeouts: HTTPTimeouts
    /// `send` fails with `.bodyTooLarge` past this many bytes of (decompressed) body. `open` has no limit, since its
    /// caller reads piece by piece.
    public var maximumBodySize: Int
    /// What the bodies of several requests may have together. `send` fails with `.bodyTooLarge` past it.
    public var allowance: ByteAllowance?
    /// Called when the connection stands, right before the request goes out. If it is false, the request fails as
    /// `.closed` and is certainly not sent. It runs on the engine's thread, so it must not wait for anything.
    public var isStillWanted: (@Sendable () -> Bool)?
    /// The answer's body holds a secret. No copy of it stays behind while it is received. The caller has the last copy,
    /// and may `wipe` it.
    public var answersWithSecrets = false

    public init(
        _ method: Method, _ url: String, headers: HTTPHeaders = [:], body: [UInt8]? = nil,
        bearerToken: Sensitive? = nil,
        timeouts: HTTPTimeouts = HTTPTimeouts(), maximumBodySize: Int = 64 << 20
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.bearerToken = bearerToken
        self.timeouts = timeouts
        self.maximumBodySize = maximumBodySize
    }
}

/// How long to wait. Each time counts on its own. Nil waits forever.
public struct HTTPTimeouts: Sendable, Hashable {
    /// Name lookup, TCP and TLS handshake. The addresses of a name share this time: if the first one does not answer,
    /// the second one is tried halfway.
    public var connect: Duration? = .seconds(10)
    /// From the start of the request to the first byte of the response's head.
    public var firstByte: Duration? = .seconds(30)
    /// Between two pieces of the body. A watch that is silent for longer fails with `.timeout(.idle)`. Time in which
    /// the reader does not take what has arrived (back-pressure) does not count.
    public var idle: Duration? = .seconds(30)
    /// The whole exchange. Set for `send`, nil for a watch.
    public var total: Duration?

    public init(
        connect: Duration? = .seconds(10), firstByte: Duration? = .seconds(30), idle: Duration? = .seconds(30),
        total: Duration? = nil
    ) {
        self.connect = connect
        self.firstByte = firstByte
        self.idle = idle
        self.total = total
    }
}

/// Header fields in order; names compare without case.
public struct HTTPHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    public struct Field: Sendable, Hashable {
        public var name: String
        public var value: String
    }
    public private(set) var fields: [Field] = []

    public init() {}
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// The first value of that name. Setting it removes all fields of that name and adds one at the end; nil only
    /// removes them.
    public subscript(name: String) -> String? {
        get { fields.first { $0.name.lowercased() == name.lowercased() }?.value }
        set {
            fields.removeAll { $0.name.lowercased() == name.lowercased() }
            if let newValue { fields.append(Field(name: name, value: newValue)) }
        }
    }

    /// Adds a field, also beside others of that name.
    public mutating func append(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }
}

/// A response whose body has arrived whole, whatever its status. Interim responses (1xx) and trailers are left out.
public struct HTTPResponse: Sendable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// Keeps the body's bytes counted in the request's allowance. Keep it for as long as what is made of the body.
    public var hold: ByteAllowance.Hold?

    public init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// A response whose head has arrived, whatever its status, and whose body is read piece by piece.
public struct HTTPStream: Sendable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: HTTPBody

    public init(status: Int, headers: HTTPHeaders, body: HTTPBody) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The pieces of a body, split wherever the network split them. For one reader.
///
/// A bounded buffer slows the sender down while the reader is behind. Cancelling the reader's task, or releasing the
/// body, ends the transfer. After the end each further call gives nil again, and after a failure it throws that failure
/// again.
public struct HTTPBody: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = HTTPError
    private let read: @Sendable () async throws(HTTPError) -> [UInt8]?

    /// `read` gives the next piece, and nil at the end. It captures what must live as long as the body.
    public init(_ read: @escaping @Sendable () async throws(HTTPError) -> [UInt8]?) { self.read = read }

    public func makeAsyncIterator() -> Iterator { Iterator(read: read) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let read: @Sendable () async throws(HTTPError) -> [UInt8]?
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPError) -> [UInt8]? {
            try await read()
        }
    }
}

/// Why an exchange did not complete. It never holds a header, a body or a credential.
public struct HTTPError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// The URL, a header or the token can't be sent.
        case invalidRequest
        case dnsFailed
        case connectFailed
        /// No trusted certificate vouches for the server's, or the trusted ones can't be read.
        case tlsUntrusted
        case tlsNameMismatch
        /// The server's certificate has expired, or is not valid yet.
        case tlsExpired
        /// Any other failure of the handshake: protocol version, client certificate refused, …
        case tlsFailed
        case timeout(Phase)
        /// The connection broke after it stood: reset, closed in the middle of a body, HTTP/2 error.
        case connectionLost
        /// The body is larger than `maximumBodySize`, or than what is left of `allowance`.
        case bodyTooLarge
        /// The proxy can't be reached or refuses, or its certificate is not accepted.
        case proxyFailed
        /// The caller's task was cancelled.
        case cancelled
        /// The transport was closed.
        case closed
        /// The answer can't be read, memory is short, or the reader of a stream was too slow.
        case other
    }
    /// The limit of `HTTPTimeouts` that was exceeded.
    public enum Phase: String, Sendable, Hashable { case connect, firstByte, idle, total }

    public var kind: Kind
    /// What happened, for people: "could not connect to 10.0.0.1 port 6443: Connection refused".
    public var message: String
    /// Whether the server may have acted on the request. False only if the request certainly never left (lookup,
    /// connect, TLS).
    public var mayHaveBeenProcessed: Bool

    public init(_ kind: Kind, _ message: String, mayHaveBeenProcessed: Bool) {
        self.kind = kind
        self.message = message
        self.mayHaveBeenProcessed = mayHaveBeenProcessed
    }

    public var description: String { message }
}

/// Sends requests to one server (more exactly: with one TLS and proxy configuration), and keeps its connections.
public protocol HTTPTransport: Sendable {
    /// The whole response, whatever its status. It throws if none came. Cancelling the task ends the transfer at once with
    /// `.cancelled`.
    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse
    /// Returns when the head has arrived, whatever its status. `timeouts.total` counts until the end of the body.
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream
    /// Ends the exchanges in flight with `.closed`, and drops the connections. Later calls fail with `.closed`.
    func close()
}
