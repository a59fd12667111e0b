import CCurl
import Support

/// A libcurl multi handle: a set of exchanges that share connections with each other, and with no other lane. A client
/// has one lane for whole exchanges and one for streams.
///
/// Everything here runs on the engine's thread. libcurl calls `onSocket` and `onTimer` with the lane as an unretained
/// pointer. The lane cleans up its multi handle before it goes away, and libcurl makes no calls after that.
final class Lane {
    enum Kind { case exchanges, streams }

    let kind: Kind
    /// Nil after `close`, so that no call can reach a multi handle that is gone.
    private var multi: UnsafeMutableRawPointer?
    private unowned let loop: EngineLoop
    /// libcurl's one timer for the whole lane.
    private lazy var timer = Timer { [unowned self] in timerFired() }
    private lazy var flushTimer = Timer { [unowned self] in loop.flush(self) }
    private lazy var keepAliveTimer = Timer { [unowned self] in keepAlive() }
    private lazy var ageTimer = Timer { [unowned self] in outlive() }
    private var isOutlived = false
    private lazy var patienceTimer = Timer { [unowned self] in losePatience() }
    private let patience: UInt64
    /// Nil: no PINGs.
    private let keepAliveNanoseconds: UInt64?
    private let maximumAge: UInt64
    /// The streams that run here.
    private(set) var members: [ObjectIdentifier: Transfer] = [:]
    private(set) var transferCount = 0
    /// Whether there ever was a connection: see `TransferClock.expiry`.
    var hasConnected = false {
        didSet { if !ageTimer.isScheduled { loop.timers.schedule(ageTimer, at: loop.now &+ maximumAge) } }
    }
    /// False once the server has answered with HTTP/1.1, or from the start if we offer only that.
    var mayUseHTTP2: Bool
    /// Takes no new exchanges, and is closed when the last one ends.
    var isRetired = false
    /// Whether it is in the engine's list of lanes that may have results.
    var isTouched = false
    /// The sockets of transfers, with what libcurl waits for on each (`CURL_POLL_…`).
    private var sockets: [Int32: Int32] = [:]
    /// The streams whose readers are behind, and since when. See `holdBack`.
    private var behind: [ObjectIdentifier: UInt64] = [:]
    /// Whether libcurl's timer was due meanwhile.
    private var owesTimer = false

    init?(_ kind: Kind, _ configuration: HTTPClientConfiguration, loop: EngineLoop) {
        guard let multi = curl_multi_init() else { return nil }
        self.kind = kind
        self.multi = multi
        self.loop = loop
        mayUseHTTP2 = configuration.prefersHTTP2
        let pings = kind == .streams && configuration.proxyURL?.lowercased().hasPrefix("https://") != true
        keepAliveNanoseconds = pings ? configuration.keepAlive.map { UInt64(saturating: $0.seconds * 1e9) } : nil
        patience = UInt64(saturating: configuration.readerPatience.seconds * 1e9)
        // Connections that were made together don't end together.
        let age = configuration.maximumConnectionAge.seconds * .random(in: 0.9...1)
        maximumAge = UInt64(saturating: age * 1e9)
        let limit = max(1, configuration.maximumConnections)
        let context = Unmanaged.passUnretained(self).toOpaque()
        guard squadron_multi_set_callbacks(multi, onSocket, onTimer, context) == CURLM_OK,
            squadron_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, limit) == CURLM_OK,
            squadron_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, limit) == CURLM_OK,
            squadron_multi_set_long(multi, CURLMOPT_MAXCONNECTS, limit) == CURLM_OK
        else {
            close()
            return nil
        }
    }

    // The lane is not closed here: libcurl's callbacks must not get hold of an object that is going away.
    deinit { assert(isClosed) }

    /// Drops the connections. The lane must have no transfer any more.
    func close() {
        guard let multi else { return }
        loop.timers.cancel(timer)
        loop.timers.cancel(flushTimer)
        loop.timers.cancel(keepAliveTimer)
        loop.timers.cancel(ageTimer)
        loop.timers.cancel(patienceTimer)
        curl_multi_cleanup(multi)
        self.multi = nil
        sockets = [:]
        loop.poller.forgetAll(of: self)
    }

    // MARK: Streams

    func enter(_ transfer: Transfer) { if kind == .streams { members[ObjectIdentifier(transfer)] = transfer } }

    func leave(_ transfer: Transfer) {
        goOn(after: transfer)
        members[ObjectIdentifier(transfer)] = nil
    }

    private func outlive() {
        isOutlived = true
        loop.outlived(self)
    }

    /// The head of a stream's answer has come.
    func streamIsOpen() {
        if isOutlived { loop.timers.schedule(ageTimer, at: loop.now) }
        guard mayUseHTTP2, let keepAliveNanoseconds, !keepAliveTimer.isScheduled else { return }
        loop.timers.schedule(keepAliveTimer, at: loop.now &+ keepAliveNanoseconds)
    }

    /// Sends an HTTP/2 PING if nothing came for so long, so that proxies do not take the connection for an idle one.
    private func keepAlive() {
        guard let keepAliveNanoseconds, mayUseHTTP2 else { return }
        guard !members.isEmpty else { return }  // the next stream starts the time again
        let heard = members.values.compactMap { transfer in transfer.heardAt.map { (transfer, $0) } }
        guard let (transfer, last) = heard.max(by: { $0.1 < $1.1 }) else {
            return loop.timers.schedule(keepAliveTimer, at: loop.now &+ keepAliveNanoseconds)
        }
        let due = last &+ keepAliveNanoseconds
        if due <= loop.now { ping(transfer) }
        loop.timers.schedule(keepAliveTimer, at: due <= loop.now ? loop.now &+ keepAliveNanoseconds : due)
    }

    /// Nothing may be half written: the frame would come into the middle of another one. And with more than one
    /// connection, it is not known which of them is the transfer's.
    private func ping(_ transfer: Transfer) {
        guard sockets.count == 1, let (socket, action) = sockets.first, action & CURL_POLL_OUT == 0 else { return }
        _ = squadron_http2_ping(transfer.easy.raw, socket)
    }

    // MARK: Back-pressure

    /// Reads nothing more from the server until the readers of its streams have caught up.
    ///
    /// Over HTTP/2 libcurl 7.88 gives each stream a window of 32 MB, and puts aside what comes for a paused stream
    /// while others of its connection go on. A server that floods a few watches could so make us keep hundreds of
    /// megabytes. So the socket is left alone: the system's buffers fill, and TCP holds the server back. All streams of
    /// the lane wait for that reader. They are of one server, and share no connection with its other exchanges.
    ///
    /// libcurl's timer waits as well, since it makes libcurl read.
    func holdBack(for transfer: Transfer) {
        guard mayUseHTTP2, behind.updateValue(loop.now, forKey: ObjectIdentifier(transfer)) == nil else { return }
        guard behind.count == 1 else { return }
        for (socket, action) in sockets { watch(socket, action) }
        loop.timers.schedule(patienceTimer, at: loop.now &+ patience)
    }

    /// Gives up the streams that have held back the others for too long.
    private func losePatience() {
        let stalled = members.values.filter { member in
            behind[ObjectIdentifier(member)].map { $0 &+ patience <= loop.now } ?? false
        }
        loop.giveUp(stalled, in: self)
        guard let first = behind.values.min() else { return }
        loop.timers.schedule(patienceTimer, at: first &+ patience)
    }

    func goOn(after transfer: Transfer) {
        guard behind.removeValue(forKey: ObjectIdentifier(transfer)) != nil, behind.isEmpty else { return }
        loop.timers.cancel(patienceTimer)
        for (socket, action) in sockets { watch(socket, action) }
        guard owesTimer else { return }
        owesTimer = false
        loop.timers.schedule(timer, at: loop.now)
    }

    var isClosed: Bool { multi == nil }

    func add(_ easy: EasyHandle) -> Bool {
        guard let multi, curl_multi_add_handle(multi, easy.raw) == CURLM_OK else { return false }
        transferCount += 1
        return true
    }

    /// Ends the transfer at once if it runs. Must not be called from one of libcurl's callbacks.
    func remove(_ easy: EasyHandle) {
        guard let multi else { return }
        curl_multi_remove_handle(multi, easy.raw)
        transferCount -= 1
        loop.touch(self)
    }

    func socketIsReady(_ event: Poller.Event) {
        guard let multi else { return }
        // A socket's end is reported whether or not it is read. libcurl finds it when the readers have caught up.
        if !behind.isEmpty, !event.isWritable { return }
        let mask =
            (event.isReadable ? CURL_CSELECT_IN : 0) | (event.isWritable ? CURL_CSELECT_OUT : 0)
            | (event.hasFailed ? CURL_CSELECT_ERR : 0)
        var running: Int32 = 0
        loop.turns.begin(event.socket)
        curl_multi_socket_action(multi, event.socket, mask, &running)
        loop.turns.finish()
        loop.touch(self)
    }

    private func timerFired() {
        guard let multi else { return }
        guard behind.isEmpty else {
            owesTimer = true
            return
        }
        var running: Int32 = 0
        loop.turns.begin(all: Array(sockets.keys))
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
        loop.turns.finish()
        if !timer.isScheduled {
            // libcurl does not repeat a time that it gave before, although the timer has fired since. (libcurl rounds
            // to milliseconds, and may find that nothing is due yet.)
            var milliseconds = -1
            if curl_multi_timeout(multi, &milliseconds) == CURLM_OK { setTimer(milliseconds) }
        }
        loop.touch(self)
    }

    /// Called after a stream was stopped midway: see `EngineLoop.flush`. It happens once for a burst.
    func flushSoon() {
        if mayUseHTTP2, !flushTimer.isScheduled { loop.timers.schedule(flushTimer, at: loop.now) }
    }

    /// The next transfer that libcurl has finished.
    func nextResult() -> (easy: UnsafeMutableRawPointer, code: CURLcode)? {
        guard let multi else { return nil }
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            if message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle {
                return (easy, message.pointee.data.result)
            }
        }
        return nil
    }

    fileprivate func setTimer(_ milliseconds: Int) {
        if milliseconds < 0 {
            loop.timers.cancel(timer)
        } else {
            loop.timers.schedule(timer, at: loop.now &+ UInt64(milliseconds) * 1_000_000)
        }
    }

    fileprivate func watch(_ socket: Int32, _ action: Int32) {
        switch action {
        case CURL_POLL_REMOVE:
            sockets[socket] = nil
            loop.poller.rest(socket)
        default:
            sockets[socket] = action
            let reads = action & CURL_POLL_IN != 0 && behind.isEmpty
            loop.poller.watch(socket, reads: reads, writes: action & CURL_POLL_OUT != 0, for: self)
        }
    }
}

private func onSocket(
    easy: UnsafeMutableRawPointer?, socket: curl_socket_t, action: Int32, context: UnsafeMutableRawPointer?,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context else { return 0 }
    Unmanaged<Lane>.fromOpaque(context).takeUnretainedValue().watch(socket, action)
    // There is no transfer when libcurl closes a connection at rest.
    if action == CURL_POLL_REMOVE, let easy, let transfer = squadron_easy_private(easy) {
        Unmanaged<Transfer>.fromOpaque(transfer).takeUnretainedValue().losesSocket(socket)
    }
    return 0
}

private func onTimer(_: UnsafeMutableRawPointer?, milliseconds: Int, context: UnsafeMutableRawPointer?) -> Int32 {
    guard let context else { return 0 }
    Unmanaged<Lane>.fromOpaque(context).takeUnretainedValue().setTimer(milliseconds)
    return 0
}
