import DequeModule
import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The first handler of every connection, below TLS. It delays, holds or resets what passes, and blocks no thread.
final class LinkHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Outgoing {
        case bytes(NIOAny, EventLoopPromise<Void>?)
        case close(CloseMode, EventLoopPromise<Void>?)
    }
    private struct InTransit<Element> {
        var arrival: NIODeadline
        var element: Element
    }

    /// Reading pauses while this much is on its way in, as a full socket buffer would make it.
    private static let maximumInTransit = 4 << 20

    private let link: Link
    private var inbound = Deque<InTransit<ByteBuffer>>()
    private var inboundBytes = 0
    private var outbound = Deque<InTransit<Outgoing>>()
    private var wantsRead = false
    private var inboundTimer: NIODeadline?
    private var outboundTimer: NIODeadline?

    init(_ link: Link) { self.link = link }

    func channelActive(context: ChannelHandlerContext) {
        link.opened(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.closed(context.channel)
        inbound.removeAll()
        inboundBytes = 0
        while let item = outbound.popFirst() {
            switch item.element {
            case .bytes(_, let promise): promise?.fail(ChannelError.ioOnClosedChannel)
            case .close(_, let promise): promise?.succeed(())
            }
        }
        context.fireChannelInactive()
    }

    // MARK: From the client

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let (conditions, delay) = link.sample()
        guard !(conditions.isPerfect && inbound.isEmpty) else { return context.fireChannelRead(data) }
        let buffer = unwrapInboundIn(data)
        inboundBytes += buffer.readableBytes
        let arrival = max(.now() + .nanoseconds(delay.nanoseconds), inbound.last?.arrival ?? .distantPast)
        inbound.append(InTransit(arrival: arrival, element: buffer))
        deliver(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if inbound.isEmpty { context.fireChannelReadComplete() }
    }

    func read(context: ChannelHandlerContext) {
        if inboundBytes >= Self.maximumInTransit || link.conditions.isBlackHole {
            wantsRead = true
        } else {
            context.read()
        }
    }

    private func deliver(_ context: ChannelHandlerContext) {
        guard !link.conditions.isBlackHole else { return }
        let now = NIODeadline.now()
        var delivered = false
        while let first = inbound.first, first.arrival <= now {
            inbound.removeFirst()
            inboundBytes -= first.element.readableBytes
            delivered = true
            context.fireChannelRead(wrapInboundOut(first.element))
        }
        if delivered { context.fireChannelReadComplete() }
        if wantsRead, inboundBytes < Self.maximumInTransit {
            wantsRead = false
            context.read()
        }
        if let next = inbound.first?.arrival, inboundTimer.map({ $0 > next }) ?? true {
            inboundTimer = next
            schedule(context, at: next) { handler, context in
                handler.inboundTimer = nil
                handler.deliver(context)
            }
        }
    }

    // MARK: To the client

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let (conditions, delay) = link.sample()
        if conditions.isPerfect, outbound.isEmpty {
            context.write(data, promise: promise)
        } else {
            enqueue(context, .bytes(data, promise), delay: delay)
        }
    }

    func flush(context: ChannelHandlerContext) {
        if outbound.isEmpty { context.flush() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if outbound.isEmpty, !link.conditions.isBlackHole {
            context.close(mode: mode, promise: promise)
        } else {
            // It follows what was written before it.
            enqueue(context, .close(mode, promise), delay: .zero)
        }
    }

    private func enqueue(_ context: ChannelHandlerContext, _ item: Outgoing, delay: Duration) {
        let arrival = max(.now() + .nanoseconds(delay.nanoseconds), outbound.last?.arrival ?? .distantPast)
        outbound.append(InTransit(arrival: arrival, element: item))
        send(context)
    }

    private func send(_ context: ChannelHandlerContext) {
        guard !link.conditions.isBlackHole else { return }
        let now = NIODeadline.now()
        var wrote = false
        while let first = outbound.first, first.arrival <= now {
            outbound.removeFirst()
            switch first.element {
            case .bytes(let data, let promise):
                wrote = true
                context.write(data, promise: promise)
            case .close(let mode, let promise):
                if wrote { context.flush() }
                wrote = false
                context.close(mode: mode, promise: promise)
            }
        }
        if wrote { context.flush() }
        if let next = outbound.first?.arrival, outboundTimer.map({ $0 > next }) ?? true {
            outboundTimer = next
            schedule(context, at: next) { handler, context in
                handler.outboundTimer = nil
                handler.send(context)
            }
        }
    }

    private func schedule(
        _ context: ChannelHandlerContext, at deadline: NIODeadline,
        _ action: @escaping (LinkHandler, ChannelHandlerContext) -> Void
    ) {
        context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            if context.channel.isActive { action(self, context) }
        }
    }

    // MARK: Orders

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        switch event as? LinkEvent {
        case nil: context.triggerUserOutboundEvent(event, promise: promise)
        case .conditionsChanged:
            promise?.succeed(())
            deliver(context)
            send(context)
        case .reset:
            promise?.succeed(())
            reset(context)
        }
    }

    private func reset(_ context: ChannelHandlerContext) {
        // A linger time of zero makes the kernel send RST and forget what it had to send.
        let linger = linger(l_onoff: 1, l_linger: 0)
        if let channel = context.channel as? any SocketOptionProvider {
            channel.setSoLinger(linger).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        } else {
            context.close(promise: nil)
        }
    }
}

extension Duration {
    /// Whole nanoseconds; clamped to what `Int64` holds.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < 9_000_000_000 else { return .max }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
