import Foundation
import NIOCore
import NIOHTTP1
import TestSupport

/// Answers by path; one for each h1 connection and each h2 stream.
///
/// `/echo` the request as text; `/bytes/N`; `/status/N`; `/redirect`; `/gzip` 200,000 zeros, compressed; `/hang`
/// nothing ever; `/stall` head and a few bytes, then nothing; `/pieces/N/MS`; `/endless` as fast as it is taken;
/// `/numbered` the same, each 16 KiB filled with their number modulo 251; `/reset` breaks off in the middle;
/// `/headers/N` N lines of 1 KB; `/header/N` one line of N bytes.
final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let log: Observed<ServerLog>
    private var request = ServerLog.Request(method: "", uri: "", version: "", headers: [:], body: [])
    private var isCounted = false
    private var isEndless = false
    /// The number of the next piece of `/numbered`.
    private var number: Int?

    init(log: Observed<ServerLog>) { self.log = log }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            request = ServerLog.Request(
                method: head.method.rawValue, uri: head.uri, version: "\(head.version)",
                headers: Dictionary(
                    head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { "\($0), \($1)" }),
                body: [])
        case .body(let bytes): request.body += bytes.readableBytesView
        case .end:
            let request = request
            isCounted = true
            log.update {
                $0.requests.append(request)
                $0.exchangesOpen += 1
                $0.mostExchangesOpen = max($0.mostExchangesOpen, $0.exchangesOpen)
            }
            answer(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isEndless = false
        finish()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // Not directly: NIO calls this from the write itself, so the stack would grow with each piece.
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.execute { bound.value.0.pour(bound.value.1) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func finish() {
        guard isCounted else { return }
        isCounted = false
        log.update { $0.exchangesOpen -= 1 }
    }

    private func answer(_ context: ChannelHandlerContext) {
        let path = request.uri.split(separator: "?").first.map(String.init) ?? "/"
        let parts = path.split(separator: "/").map(String.init)
        let numbers = parts.compactMap { Int($0) }
        switch parts.first {
        case "bytes": reply(context, body: [UInt8](repeating: 0x78, count: numbers[0]))
        case "status": reply(context, status: .init(statusCode: numbers[0]))
        case "redirect": reply(context, status: .found, headers: [("location", "https://127.0.0.1:1/elsewhere")])
        case "gzip":
            reply(
                context, headers: [("content-encoding", "gzip")], body: Array(Data(base64Encoded: compressed) ?? Data())
            )
        case "headers":
            reply(context, headers: (0..<numbers[0]).map { ("x-\($0)", String(repeating: "h", count: 1000)) })
        case "header": reply(context, headers: [("x-long", String(repeating: "h", count: numbers[0]))])
        case "hang": break
        case "stall":
            head(context, length: 1000)
            write(context, Array("start".utf8))
        case "pieces": piece(context, left: numbers[0], every: .milliseconds(Int64(numbers[1])), isFirst: true)
        case "endless", "numbered":
            head(context)
            isEndless = true
            number = parts.first == "numbered" ? 0 : nil
            pour(context)
        case "reset":
            head(context, length: 1000)
            write(context, Array("start".utf8))
            if request.version.contains("2") {
                context.close(promise: nil)
            } else {
                // A reset instead of an orderly end, past the TLS handler.
                _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                let bottom = try? context.pipeline.syncOperations.context(handlerType: ConnectionCounter.self)
                bottom?.close(promise: nil)
            }
        default:
            var text = "\(request.method) \(request.uri) \(request.version)\n"
            for (name, value) in request.headers.sorted(by: { $0.key < $1.key }) { text += "\(name): \(value)\n" }
            reply(context, body: Array("\(text)\n".utf8) + request.body)
        }
    }

    private func head(
        _ context: ChannelHandlerContext, _ status: HTTPResponseStatus = .ok, headers: [(String, String)] = [],
        length: Int? = nil
    ) {
        var fields = HTTPHeaders(headers)
        if let length { fields.add(name: "content-length", value: "\(length)") }
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: fields)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func write(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
    }

    private func reply(
        _ context: ChannelHandlerContext, status: HTTPResponseStatus = .ok, headers: [(String, String)] = [],
        body: [UInt8] = []
    ) {
        head(context, status, headers: headers, length: body.count)
        if !body.isEmpty && request.method != "HEAD" { write(context, body) }
        end(context)
    }

    private func end(_ context: ChannelHandlerContext) {
        finish()
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func piece(_ context: ChannelHandlerContext, left: Int, every pause: TimeAmount, isFirst: Bool = false) {
        guard context.channel.isActive else { return }
        if isFirst { head(context) }
        guard left > 0 else { return end(context) }
        write(context, Array("piece \(left)\n".utf8))
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: pause) {
            let (handler, context) = bound.value
            handler.piece(context, left: left - 1, every: pause)
        }
    }

    /// A few pieces a turn: what would end the loop (a reset, a channel that closes) only arrives between two turns.
    private func pour(_ context: ChannelHandlerContext) {
        for _ in 0..<16 {
            guard isEndless, context.channel.isWritable, context.channel.isActive else { return }
            let promise = context.eventLoop.makePromise(of: Void.self)
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { result in
                switch result {
                case .success: bound.value.log.update { $0.endlessBytes += 16_384 }
                case .failure: bound.value.isEndless = false
                }
            }
            let filling = number.map { UInt8($0 % 251) } ?? 0x78
            number = number.map { $0 + 1 }
            context.writeAndFlush(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(repeating: filling, count: 16_384)))), promise: promise)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.execute {
            let (handler, context) = bound.value
            handler.pour(context)
        }
    }
}

/// 200,000 zeros.
private let compressed = """
    H4sIAAAAAAACA+3BMQEAAADCoPVPbQZ/oAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACA1wB7WOBc\
    QA0DAA==
    """
