import NIOCore
import NIOHTTP1
import Support

/// The connections that are open, and which of them goes where there is one too many.
final class AdminConnections: Sendable {
    private struct Entry {
        var channel: any Channel
        var isAnswered = false
        /// When this began, by the order of beginnings.
        var order: UInt64
    }
    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var lastOrder: UInt64 = 0
    }
    private let state = Locked(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// A new one, or another state of one that is there.
    func note(_ channel: any Channel, isAnswered: Bool) {
        let tooMany: (any Channel)? = state.withLock { state in
            state.lastOrder += 1
            let id = ObjectIdentifier(channel)
            let isNew = state.entries[id] == nil
            state.entries[id] = Entry(channel: channel, isAnswered: isAnswered, order: state.lastOrder)
            guard isNew, state.entries.count > limit else { return nil }
            // One that waits for a request goes before one that takes its answer; the longest of each first.
            func rank(_ entry: Entry) -> (Int, UInt64) { (entry.isAnswered ? 1 : 0, entry.order) }
            let oldest = state.entries.filter { $0.key != id }.min { rank($0.value) < rank($1.value) }
            return oldest.flatMap { state.entries.removeValue(forKey: $0.key) }?.channel
        }
        tooMany?.close(promise: nil)
    }

    func forget(_ channel: any Channel) {
        state.withLock { _ = $0.entries.removeValue(forKey: ObjectIdentifier(channel)) }
    }
}

/// Counts what a client sends, before the parser that keeps it.
final class RequestMeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: AdminConnection

    init(_ connection: AdminConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch connection.received(unwrapInboundIn(data).readableBytes, on: context.channel) {
        case .taken: context.fireChannelRead(data)
        case .dropped: break
        case .tooLarge:
            let text = "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)))
                .whenComplete { _ in channel.close(promise: nil) }
        }
    }
}

/// One client: its requests one after the other, each within limits of bytes and time.
final class AdminConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// For the first byte of another request. → reading, closing
        case waiting
        /// A request's headers. → answering, closing
        case reading
        /// Until all of the answer is sent; nothing is read meanwhile. → waiting, closing
        case answering(keepsOpen: Bool)
        /// Nothing that comes counts any more.
        case closing
    }
    enum Verdict { case taken, dropped, tooLarge }

    private let pages: AdminPages
    private let limits: AdminLimits
    private let open: AdminConnections
    private var phase = Phase.reading
    /// Since the last answer.
    private var bytes = 0
    private var deadline: Scheduled<Void>?

    init(pages: AdminPages, limits: AdminLimits, open: AdminConnections) {
        self.pages = pages
        self.limits = limits
        self.open = open
    }

    func channelActive(context: ChannelHandlerContext) {
        open.note(context.channel, isAnswered: false)
        end(context.channel, after: limits.requestTime)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closing
        deadline?.cancel()
        open.forget(context.channel)
        context.fireChannelInactive()
    }

    /// So many more bytes have come.
    func received(_ count: Int, on channel: any Channel) -> Verdict {
        switch phase {
        case .closing: return .dropped
        case .waiting:
            phase = .reading
            end(channel, after: limits.requestTime)
        case .reading, .answering: break
        }
        // Can't overflow: it is checked after each piece of 2 KiB.
        bytes += count
        guard bytes > limits.requestBytes else { return .taken }
        phase = .closing
        return .tooLarge
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let request) = unwrapInboundIn(data) else { return }
        switch phase {
        case .reading: answer(request, context)
        case .waiting:
            // Its bytes came together with those of the request before.
            phase = .closing
            context.close(promise: nil)
        case .answering: phase = .answering(keepsOpen: false)  // it did not wait for the answer: it gets no second one
        case .closing: break
        }
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isRead = request.method == .GET || request.method == .HEAD
        let answer =
            if request.version != .http1_1 {
                AdminAnswer(.httpVersionNotSupported, "only HTTP/1.1\n")
            } else if !isRead {
                AdminAnswer(.methodNotAllowed, "only GET\n")
            } else if request.hasBody {
                AdminAnswer(.payloadTooLarge, "no body\n")
            } else {
                pages.answer(request.uri.prefix { $0 != "?" }) ?? pages.missing
            }
        let keepsOpen = request.isKeepAlive && request.version == .http1_1 && !request.hasBody
        var head = HTTPResponseHead(version: .http1_1, status: answer.status)
        head.headers.add(name: "content-type", value: answer.type)
        head.headers.add(name: "content-length", value: String(answer.body.readableBytes))
        if !isRead { head.headers.add(name: "allow", value: "GET, HEAD") }
        if !keepsOpen { head.headers.add(name: "connection", value: "close") }

        phase = .answering(keepsOpen: keepsOpen)
        let channel = context.channel
        open.note(channel, isAnswered: true)
        end(channel, after: limits.answerTime)
        channel.setOption(.autoRead, value: false).whenFailure { _ in channel.close(promise: nil) }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil) }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.sent(on: channel) }
    }

    private func sent(on channel: any Channel) {
        guard case .answering(let keepsOpen) = phase else { return }
        guard keepsOpen else {
            phase = .closing
            return channel.close(promise: nil)
        }
        phase = .waiting
        bytes = 0
        open.note(channel, isAnswered: false)
        end(channel, after: limits.idleTime)
        channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
    }

    /// Instead of the end that was set before.
    private func end(_ channel: any Channel, after time: Duration) {
        deadline?.cancel()
        deadline = channel.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension HTTPRequestHead {
    fileprivate var hasBody: Bool {
        headers.contains(name: "transfer-encoding") || headers["content-length"].contains { $0 != "0" }
    }
}
