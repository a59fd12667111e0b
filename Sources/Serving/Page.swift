import NIOCore

/// A request for a page: GET or HEAD, without a body.
public struct PageRequest: Sendable {
    /// The path without the query.
    public var path: String
    private var headers: [(name: String, value: String)]

    public init(path: String, headers: [(name: String, value: String)] = []) {
        self.path = path
        self.headers = headers
    }

    /// All values of a header. The name is in lower case.
    public func values(of name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name }.map(\.value)
    }
}

/// The answer for a page.
public struct PageAnswer: Sendable {
    /// Shared between connections, since a page of metrics can have megabytes.
    enum Content: Sendable {
        case whole(ByteBuffer)
        case stream(PageStream)
    }
    public var status: Int
    /// `Content-Type`.
    public var type: String
    /// Further headers beside type and length.
    public var headers: [(name: String, value: String)] = []
    var content: Content

    public init(_ status: Int, _ text: String, type: String = "text/plain") {
        self.status = status
        self.type = type
        content = .whole(ByteBuffer(string: text))
    }

    public init(_ bytes: [UInt8], type: String) {
        status = 200
        self.type = type
        content = .whole(ByteBuffer(bytes: bytes))
    }

    /// An answer that goes on until either side closes.
    public init(_ stream: PageStream, type: String) {
        status = 200
        self.type = type
        content = .stream(stream)
    }

    /// Empty for a stream.
    public var text: String {
        guard case .whole(let body) = content else { return "" }
        return String(buffer: body)
    }
}

/// A body that goes on, for server-sent events. A slow client misses pieces: it gets the newest piece when it has taken
/// the one before, so that nothing waits in memory.
public struct PageStream: Sendable {
    /// Calls the closure on any thread whenever there may be a new piece. The returned closure ends that.
    public typealias Following = @Sendable (_ wake: @escaping @Sendable () -> Void) -> @Sendable () -> Void

    let follow: Following
    /// The newest piece and its number. Nil if the piece `last` is the newest.
    let next: @Sendable (_ last: UInt64) -> (number: UInt64, text: String)?
    /// Sent after each pause of `PageLimits.streamPause`, to find out whether the client is still there.
    let beat: String

    public init(
        beat: String, follow: @escaping Following,
        next: @escaping @Sendable (_ last: UInt64) -> (number: UInt64, text: String)?
    ) {
        (self.beat, self.follow, self.next) = (beat, follow, next)
    }
}
