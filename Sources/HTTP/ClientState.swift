import Support

/// A client on the engine's thread: its lanes, and the handles that it keeps for the next requests.
final class ClientState {
    let configuration: HTTPClientConfiguration
    private let material: TLSMaterial
    private unowned let loop: EngineLoop
    private var exchanges: Lane?
    private var streams: Lane?
    /// Lanes that still have exchanges, and whose connections are perhaps dead.
    private var retired: [Lane] = []
    private var idle: [EasyHandle] = []
    private var isClosed = false
    /// The token of the last request that had one.
    private var token: Sensitive?

    /// Kept during a burst.
    private static let idleLimit = 8
    /// Kept at rest, for a probe's two requests: a handle holds 14 KB, and 30 KB once it has sent a body. With hundreds
    /// of data planes that would be most of the memory.
    private static let restLimit = 2
    private static let restAfter: UInt64 = 2_000_000_000
    private lazy var restTimer = Timer { [unowned self] in rest() }

    init(_ configuration: HTTPClientConfiguration, loop: EngineLoop) {
        self.configuration = configuration
        self.loop = loop
        material = TLSMaterial(configuration.tls)
    }

    func lane(_ kind: Lane.Kind) -> Lane? {
        switch kind {
        case .exchanges:
            if exchanges == nil { exchanges = Lane(kind, configuration, loop: loop) }
            return exchanges
        case .streams:
            if streams == nil { streams = Lane(kind, configuration, loop: loop) }
            return streams
        }
    }

    /// Whether new exchanges go to this lane.
    func uses(_ lane: Lane) -> Bool { lane === exchanges || lane === streams }

    /// Gives the next exchange new connections. Exchanges under way stay where they are.
    ///
    /// After a timeout nobody knows whether the server was slow or the connection is dead. Over HTTP/2 libcurl would
    /// put every further request onto the same connection until TCP gives it up. libcurl could forbid reuse for the one
    /// request that timed out, or open a fresh connection for the next one. But then it could still choose the dead
    /// connection later. A new multi handle costs one handshake and excludes that.
    func retire(_ lane: Lane) {
        guard !lane.isRetired else { return }
        lane.isRetired = true
        if exchanges === lane { exchanges = nil }
        if streams === lane { streams = nil }
        retired.append(lane)
        sweep()
    }

    /// Closes retired lanes that have become empty.
    func sweep() {
        retired.removeAll { lane in
            guard lane.transferCount == 0 else { return false }
            lane.close()
            return true
        }
    }

    /// A request with that token comes. A handle at rest may still have the text of its last request, so those that sent an
    /// older token are freed: libcurl zeroes what it frees.
    func willSend(_ new: Sensitive?) {
        guard let new, new !== token, new != token else { return }
        token = new
        idle.removeAll()
    }

    func takeHandle() -> EasyHandle? {
        idle.popLast() ?? EasyHandle(configuration, material, count: { [unowned loop] in loop.easyHandles += $0 })
    }

    /// Only a handle whose exchange ended regularly may be kept. A handle that was stopped midway may hold back pieces
    /// of the old answer: libcurl 7.88 keeps what arrived during a pause if the connection has other users.
    func keep(_ handle: EasyHandle, after request: HTTPRequest) {
        guard request.bearerToken == nil || request.bearerToken == token else { return }
        guard !isClosed, idle.count < Self.idleLimit else { return }
        idle.append(handle)
        guard idle.count > Self.restLimit || handle.hasSentBody else { return }
        loop.timers.schedule(restTimer, at: loop.now &+ Self.restAfter)
    }

    /// The burst is over.
    private func rest() {
        idle.removeAll(where: \.hasSentBody)
        idle.removeFirst(max(0, idle.count - Self.restLimit))
    }

    /// The caller has removed all transfers before.
    func close() {
        isClosed = true
        loop.timers.cancel(restTimer)
        idle.removeAll()
        for lane in [exchanges, streams].compactMap({ $0 }) + retired { lane.close() }
        (exchanges, streams, retired) = (nil, nil, [])
    }

    var laneCount: Int { (exchanges == nil ? 0 : 1) + (streams == nil ? 0 : 1) + retired.count }
}
