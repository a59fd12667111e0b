import NIOCore

/// A request for a page: GET or HEAD, without a body.
public struct PageRequest: Sendable {
    /// Without the query.
    public var path: String
    private var headers: [(name: String, value: String)]

    public init(path: String, headers: [(name: String, value: String)] = []) {
        self.path = path
        self.headers = headers
    }

    /// Every value of a header, whose name is in small letters.
    public func values(of name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name }.map(\.value)
    }
}

/// What a page says.
public struct PageAnswer: Sendable {
    /// Shared between connections: a page of metrics can have megabytes.
    enum Content: Sendable {
        case whole(ByteBuffer)
        case stream(PageStream)
    }
    public var status: Int
    public var type: String
    /// Beside type and length.
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

    /// Goes on until either side closes.
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

/// A body that goes on, for server-sent events. A client that is slow misses what was between: it gets the newest piece
/// once it has taken the one before, so that nothing waits in memory.
public struct PageStream: Sendable {
    /// Calls the closure, on any thread, whenever there may be a new piece. What is returned ends that.
    public typealias Following = @Sendable (_ wake: @escaping @Sendable () -> Void) -> @Sendable () -> Void

    let follow: Following
    /// The newest piece, and its number; nil where the piece of that number is the newest.
    let next: @Sendable (_ last: UInt64) -> (number: UInt64, text: String)?
    /// What is sent after each pause of `PageLimits.streamPause`, to find out whether the client is still there.
    let beat: String

    public init(
        beat: String, follow: @escaping Following,
        next: @escaping @Sendable (_ last: UInt64) -> (number: UInt64, text: String)?
    ) {
        (self.beat, self.follow, self.next) = (beat, follow, next)
    }
}
