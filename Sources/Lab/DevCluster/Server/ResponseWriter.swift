import NIOCore
import NIOHTTP1

/// Writes one response, with back-pressure.
///
/// `@unchecked Sendable`: every call comes from the connection's event loop, where the handler lives and where the task that
/// answers runs (`EventLoopExecutor`); the debug build checks it.
final class ResponseWriter: @unchecked Sendable {
    private enum State { case waiting, body, ended, gone }

    /// The most bytes that are handed to the channel and not yet written to the socket. What the slow reader of a
    /// stream does not take stays at its source.
    private static let maximumOutstanding = 1 << 20

    private let context: ChannelHandlerContext
    private let connection: any Channel
    private let version: HTTPVersion
    private let isHead: Bool
    private let keepsAlive: Bool
    private var state = State.waiting
    private var outstanding = 0
    private var waiter: CheckedContinuation<Void, Never>?
    /// The task that answers through this writer.
    var task: Task<Void, Never>?

    init(
        context: ChannelHandlerContext, connection: any Channel, version: HTTPVersion, isHead: Bool, keepsAlive: Bool
    ) {
        self.context = context
        self.connection = connection
        self.version = version
        self.isHead = isHead
        self.keepsAlive = keepsAlive
    }

    /// Whether the client has gone.
    var isGone: Bool { state == .gone }

    /// The whole response in one go.
    func respond(status: Int, headers: [(String, String)], body: [UInt8]) {
        guard state == .waiting else { return }
        writeHead(status, headers, length: body.count)
        if !body.isEmpty { writeBody(body) }
        end()
    }

    /// Sends the head of a streamed body. `length` is nil if it is not known.
    func begin(status: Int, headers: [(String, String)], length: Int? = nil) {
        guard state == .waiting else { return }
        writeHead(status, headers, length: length)
        context.flush()
    }

    /// Sends a piece, and returns when there is room for the next one. False if the client is gone.
    func send(_ bytes: [UInt8]) async -> Bool {
        guard state == .body else { return false }
        writeBody(bytes)
        context.flush()
        while state == .body, !context.channel.isWritable || outstanding > Self.maximumOutstanding {
            await withCheckedContinuation { waiter = $0 }
        }
        return state == .body && !Task.isCancelled
    }

    /// Returns when all that was sent is with the kernel, or the client is gone.
    func drain() async {
        while state == .body, outstanding > 0 { await withCheckedContinuation { waiter = $0 } }
    }

    /// Ends a body in good order.
    func end() {
        guard state == .body else { return }
        state = .ended
        let end = HTTPServerResponsePart.end(nil)
        guard version.major < 2, !keepsAlive else { return context.writeAndFlush(NIOAny(end), promise: nil) }
        let context = context
        context.writeAndFlush(NIOAny(end)).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }

    /// Ends the whole connection with a TCP reset, other streams on it included.
    func reset() {
        guard state != .gone else { return }
        state = .gone
        connection.triggerUserOutboundEvent(LinkEvent.reset, promise: nil)
    }

    /// Called after the response. A response that was never given is a bug in the server, or an injected fault. In both
    /// cases the client must not wait for ever.
    func finish() {
        if state == .waiting || state == .body {
            state = .gone
            context.close(promise: nil)
        }
    }

    func connectionIsGone() {
        state = .gone
        wake()
    }

    func wake() {
        context.eventLoop.assertInEventLoop()
        let waiter = waiter
        self.waiter = nil
        waiter?.resume()
    }

    private func writeHead(_ status: Int, _ headers: [(String, String)], length: Int?) {
        context.eventLoop.assertInEventLoop()
        state = .body
        var fields = HTTPHeaders()
        fields.reserveCapacity(headers.count + 5)
        fields.add(name: "Audit-Id", value: Identifiers.uuid())
        if !headers.contains(where: { $0.0 == "Cache-Control" }) {
            fields.add(name: "Cache-Control", value: "no-cache, private")
        }
        for (name, value) in headers { fields.add(name: name, value: value) }
        fields.add(name: "Date", value: HTTPDate.now)
        if let length { fields.add(name: "Content-Length", value: String(length)) }
        if version.major < 2, !keepsAlive { fields.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: version, status: .init(statusCode: status), headers: fields)
        context.write(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
    }

    private func writeBody(_ bytes: [UInt8]) {
        guard !isHead else { return }
        let count = bytes.count
        outstanding += count
        let buffer = context.channel.allocator.buffer(bytes: bytes)
        context.write(NIOAny(HTTPServerResponsePart.body(.byteBuffer(buffer)))).assumeIsolated().whenComplete { _ in
            self.outstanding -= count
            if self.waiter != nil { self.wake() }
        }
    }
}
