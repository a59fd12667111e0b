import CCurl

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
    private(set) var transferCount = 0
    /// Whether there ever was a connection: see `TransferClock.expiry`.
    var hasConnected = false
    /// False once the server has answered with HTTP/1.1, or from the start if we offer only that.
    var mayUseHTTP2: Bool
    /// Takes no new exchanges, and is closed when the last one ends.
    var isRetired = false
    /// Whether it is in the engine's list of lanes that may have results.
    var isTouched = false

    init?(_ kind: Kind, _ configuration: HTTPClientConfiguration, loop: EngineLoop) {
        guard let multi = curl_multi_init() else { return nil }
        self.kind = kind
        self.multi = multi
        self.loop = loop
        mayUseHTTP2 = configuration.prefersHTTP2
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
        curl_multi_cleanup(multi)
        self.multi = nil
        loop.poller.forgetAll(of: self)
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
        let mask =
            (event.isReadable ? CURL_CSELECT_IN : 0) | (event.isWritable ? CURL_CSELECT_OUT : 0)
            | (event.hasFailed ? CURL_CSELECT_ERR : 0)
        var running: Int32 = 0
        curl_multi_socket_action(multi, event.socket, mask, &running)
        loop.touch(self)
    }

    private func timerFired() {
        guard let multi else { return }
        var running: Int32 = 0
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
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
        case CURL_POLL_REMOVE: loop.poller.rest(socket)
        default:
            loop.poller.watch(
                socket, reads: action & CURL_POLL_IN != 0, writes: action & CURL_POLL_OUT != 0, for: self)
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
