import NIOCore
import NIOHTTP1
import Support

/// One client. Its requests are served one after the other, each within limits of bytes and time.
final class PageConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// Waits for the first byte of another request. → reading, closing
        case waiting
        /// Reads a request's headers. → answering, closing
        case reading
        /// Sends the answer, and reads nothing meanwhile. → waiting, closing
        case answering(keepsOpen: Bool)
        /// Sends an answer that goes on, and reads nothing more. → closing
        case streaming(Stream)
        /// Ignores everything that still comes.
        case closing
    }
    private struct Stream {
        var source: PageStream
        /// Ends the following.
        var end: @Sendable () -> Void
        /// The number of the last piece that was sent.
        var last: UInt64 = 0
        var isWriting = false
    }
    enum Outcome { case taken, dropped, tooLarge }

    private let answering: PageServer.Answering
    private let limits: PageLimits
    private let open: PageConnections
    private var phase = Phase.reading
    /// Bytes received since the last answer.
    private var bytes = 0
    private var deadline: Scheduled<Void>?

    init(answer: @escaping PageServer.Answering, limits: PageLimits, open: PageConnections) {
        answering = answer
        self.limits = limits
        self.open = open
    }

    func channelActive(context: ChannelHandlerContext) {
        open.note(context.channel, isAnswered: false)
        end(context.channel, after: limits.requestTime)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .streaming(let stream) = phase { stream.end() }
        phase = .closing
        deadline?.cancel()
        open.forget(context.channel)
        context.fireChannelInactive()
    }

    /// Counts received bytes.
    func received(_ count: Int, on channel: any Channel) -> Outcome {
        switch phase {
        case .closing: return .dropped
        case .waiting:
            phase = .reading
            end(channel, after: limits.requestTime)
        case .streaming: return .dropped
        case .reading, .answering: break
        }
        // This can't overflow, since it is checked after each piece of 2 KiB.
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
            // This request's bytes came together with those of the one before.
            phase = .closing
            context.close(promise: nil)
        case .answering: phase = .answering(keepsOpen: false)  // it did not wait for the answer: it gets no second one
        case .streaming, .closing: break
        }
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isRead = request.method == .GET || request.method == .HEAD
        let answer =
            if request.version != .http1_1 {
                PageAnswer(505, "only HTTP/1.1\n")
            } else if !isRead {
                PageAnswer(405, "only GET\n")
            } else if request.hasBody {
                PageAnswer(413, "no body\n")
            } else {
                answering(request.page)
            }
        var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status))
        head.headers.add(name: "content-type", value: answer.type)
        for (name, value) in answer.headers { head.headers.add(name: name, value: value) }
        if !isRead { head.headers.add(name: "allow", value: "GET, HEAD") }
        let channel = context.channel
        open.note(channel, isAnswered: true)
        channel.setOption(.autoRead, value: false).whenFailure { _ in channel.close(promise: nil) }

        guard case .whole(let body) = answer.content else {
            if case .stream(let source) = answer.content {
                begin(source, head, isHead: request.method == .HEAD, context)
            }
            return
        }
        let keepsOpen = request.isKeepAlive && request.version == .http1_1 && !request.hasBody
        head.headers.add(name: "content-length", value: String(body.readableBytes))
        if !keepsOpen { head.headers.add(name: "connection", value: "close") }
        phase = .answering(keepsOpen: keepsOpen)
        end(channel, after: limits.answerTime)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
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

    // MARK: Streams

    private func begin(_ source: PageStream, _ head: HTTPResponseHead, isHead: Bool, _ context: ChannelHandlerContext) {
        let channel = context.channel
        guard !isHead else {
            phase = .closing
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            return context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let end = source.follow { channel.eventLoop.execute { bound.value.send(on: channel) } }
        phase = .streaming(Stream(source: source, end: end))
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        send(on: channel)
    }

    /// Sends the newest piece, if the client has taken the one before and does not have this one.
    /// - Parameter beats: whether to send the beat if there is no new piece.
    private func send(on channel: any Channel, beats: Bool = false) {
        guard case .streaming(var stream) = phase, !stream.isWriting else { return }
        let piece = stream.source.next(stream.last)
        guard let text = piece?.text ?? (beats ? stream.source.beat : nil) else {
            return rest(on: channel)
        }
        stream.last = piece?.number ?? stream.last
        stream.isWriting = true
        phase = .streaming(stream)
        end(channel, after: limits.answerTime)
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text))))
            .whenComplete { result in bound.value.taken(result, on: channel) }
    }

    private func taken(_ result: Result<Void, any Error>, on channel: any Channel) {
        guard case .streaming(var stream) = phase else { return }
        if case .failure = result { return channel.close(promise: nil) }
        stream.isWriting = false
        phase = .streaming(stream)
        send(on: channel)
    }

    /// Waits until there is a new piece, or until the client must be tried.
    private func rest(on channel: any Channel) {
        deadline?.cancel()
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        deadline = channel.eventLoop.scheduleTask(in: TimeAmount(limits.streamPause)) {
            bound.value.send(on: channel, beats: true)
        }
    }

    // MARK: Time

    /// Replaces the end that was set before.
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

    fileprivate var page: PageRequest {
        PageRequest(path: String(uri.prefix { $0 != "?" }), headers: headers.map { ($0.name, $0.value) })
    }
}
