import NIOCore
import Support

/// The open connections, and which one to close when there is one too many.
final class PageConnections: Sendable {
    private struct Entry {
        var channel: any Channel
        var isAnswered = false
        /// When the present state began, as a rank among all beginnings.
        var order: UInt64
    }
    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var lastOrder: UInt64 = 0
    }
    private let state = Locked(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Notes a new connection, or a new state of a known one.
    func note(_ channel: any Channel, isAnswered: Bool) {
        let tooMany: (any Channel)? = state.withLock { state in
            state.lastOrder += 1
            let id = ObjectIdentifier(channel)
            let isNew = state.entries[id] == nil
            state.entries[id] = Entry(channel: channel, isAnswered: isAnswered, order: state.lastOrder)
            guard isNew, state.entries.count > limit else { return nil }
            // Connections that wait for a request are closed before those that take an answer, the oldest of each
            // first.
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

/// Counts what a client sends, before the parser keeps it.
final class RequestMeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: PageConnection

    init(_ connection: PageConnection) { self.connection = connection }

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
