import CCurl
import Glibc

/// One exchange on the engine's thread: a libcurl easy handle at work, and what has arrived so far.
///
/// libcurl's callbacks get it as an unretained pointer. The engine's table holds the transfer while its handle is in a
/// multi handle, and `clearRequest` takes the pointer away again.
final class Transfer {
    let exchange: Exchange
    let client: ClientState
    let lane: Lane
    let easy: EasyHandle
    let target: RequestTarget
    private(set) lazy var timer = Timer { [unowned self] in timerFired() }
    private(set) var clock: TransferClock
    /// Why our callback gave the transfer up. libcurl only says "write error" or "aborted".
    private(set) var failure: HTTPError?

    private unowned let loop: EngineLoop
    private let headers: HeaderList
    private let connectTo: HeaderList
    private let addresses: HeaderList
    /// How often the request went out. It is more than once if a kept connection turned out to be dead.
    private(set) var attempts = 0
    /// The sockets that libcurl opened for this transfer.
    private var sockets: [Int32] = []
    /// See `losesSocket`.
    private var isBetweenAddresses = false
    /// Whether libcurl is handing over what it had put aside.
    private var isResuming = false
    private var parser = HeadParser()
    private var head: ResponseHead?
    private var body: [UInt8] = []
    private var hold: ByteAllowance.Hold?

    init(
        _ exchange: Exchange, _ lines: RequestLines, client: ClientState, lane: Lane, easy: EasyHandle, loop: EngineLoop
    ) throws(HTTPError) {
        self.exchange = exchange
        self.client = client
        self.lane = lane
        self.easy = easy
        self.loop = loop
        target = lines.target
        hold = exchange.request.allowance.map { ByteAllowance.Hold($0) }
        clock = TransferClock(exchange.request.timeouts, start: loop.now)
        headers = HeaderList(
            lines.headers, secretLine: "Authorization: Bearer ", exchange.request.bearerToken)
        connectTo = HeaderList(lines.connectTo)
        addresses = HeaderList(client.configuration.addresses)

        easy.clearLastError()
        if exchange.request.body != nil { easy.hasSentBody = true }
        var options = EasyOptions(easy.raw)
        options.setContext(Unmanaged.passUnretained(self).toOpaque())
        options.setRequest(
            exchange.request, url: lines.url, headers: headers.first, connectTo: connectTo.first,
            addresses: addresses.first)
        if let code = options.failure {
            clearRequest()
            throw .invalid("\(server): the request can't be sent: \(FailureFacts.words(code))")
        }
    }

    var server: String { FailureFacts.name(target.host, target.port) }

    func clearRequest() {
        var options = EasyOptions(easy.raw)
        options.clearRequest()
    }

    // MARK: Time

    private func timerFired() {
        if isBetweenAddresses {
            isBetweenAddresses = false
            if !isPaused { runSoon() }
        }
        guard let expiry = clock.expiry(hasConnected: lane.hasConnected) else { return }
        if expiry.at <= loop.now { loop.expire(self, expiry.phase) } else { loop.timers.schedule(timer, at: expiry.at) }
    }

    /// Call it after anything that may have brought the next deadline nearer. A deadline that moved away is found when
    /// the timer fires, so a piece of a body costs nothing here.
    func reschedule() {
        guard let expiry = clock.expiry(hasConnected: lane.hasConnected) else { return }
        if !timer.isScheduled || expiry.at < timer.deadline { loop.timers.schedule(timer, at: expiry.at) }
    }

    // MARK: What libcurl tells

    fileprivate func beginsConnecting() {
        guard clock.phase == .queued else { return }
        clock.beginsConnecting(loop.now)
        reschedule()
    }

    fileprivate func opens(_ socket: Int32) {
        sockets.append(socket)
        beginsConnecting()
    }

    /// Called when libcurl no longer waits for the socket.
    ///
    /// libcurl 7.88 gives up an address that does not answer, or that refuses a round trip later. But it opens the
    /// socket to the next address only when the transfer runs again, and it sets no timer for that. The transfer would
    /// be stuck until its time to connect is over. So we run it, after the call in which this happens.
    func losesSocket(_ socket: Int32) {
        guard let index = sockets.firstIndex(of: socket) else { return }
        sockets.remove(at: index)
        switch clock.phase {
        // `waitingForHead` is for a request that is sent again, on a new connection.
        case .connecting, .waitingForHead:
            isBetweenAddresses = true
            loop.timers.schedule(timer, at: loop.now)
        case .queued, .receiving, .paused: break
        }
    }

    /// Called when the connection stands, right before the request is sent. False forbids to send it.
    ///
    /// When a kept connection turns out to be dead, libcurl sends the request again on another one. The server may have
    /// acted on the first request by then. So only a request that changes nothing may be repeated without asking the
    /// caller.
    fileprivate func requestGoesOut() -> Bool {
        attempts += 1
        if attempts > 1, exchange.request.method != .get, exchange.request.method != .head {
            failure = HTTPError(
                .connectionLost, "the connection to \(server) was lost while the request was sent",
                mayHaveBeenProcessed: true)
            return false
        }
        if let isStillWanted = exchange.request.isStillWanted, !isStillWanted() {
            failure = HTTPError(
                .closed, "the request to \(server) was given up before it was sent", mayHaveBeenProcessed: false)
            return false
        }
        clock.requestGoesOut(loop.now)
        if !lane.hasConnected {
            lane.hasConnected = true
            loop.rescheduleQueued(in: lane)
        }
        reschedule()
        return true
    }

    fileprivate func take(headerLine line: UnsafeRawBufferPointer) -> Bool {
        if clock.phase != .paused { clock.receives(loop.now) }
        switch parser.take(line) {
        case .more: break
        case .complete(let head):
            self.head = head
            lane.mayUseHTTP2 = parser.isHTTP2
            if case .stream(let answer, _) = exchange.delivery {
                lane.streamIsOpen()
                answer.resolve(.success(head))
            }
        case .tooLarge:
            failure = HTTPError(
                .other, "\(server): the answer's head is larger than \(HeadParser.limit) bytes",
                mayHaveBeenProcessed: true)
            return false
        }
        reschedule()
        return true
    }

    fileprivate func take(piece: UnsafeRawBufferPointer) -> Int {
        switch exchange.delivery {
        case .whole:
            guard body.count + piece.count <= exchange.request.maximumBodySize else {
                failure = HTTPError(
                    .bodyTooLarge, "\(server): the answer is larger than \(exchange.request.maximumBodySize) bytes",
                    mayHaveBeenProcessed: true)
                return 0
            }
            if let hold, !hold.grow(by: piece.count) {
                failure = HTTPError(
                    .bodyTooLarge,
                    "\(server): its answers that are not read yet are larger than \(hold.limit) bytes together",
                    mayHaveBeenProcessed: true)
                return 0
            }
            if body.isEmpty { reserve() }
            if exchange.request.answersWithSecrets { body.growWiping(by: piece.count) }
            body.append(contentsOf: piece)
        case .stream(_, let pipe):
            guard pipe.offer(piece, beyondCapacity: isResuming) else {
                clock.pauses()
                lane.holdBack(for: self)
                return Int(CURL_WRITEFUNC_PAUSE)
            }
        }
        clock.receives(loop.now)
        return piece.count
    }

    /// Reserves the length that the server announces, if it is small: a server can announce any length.
    private func reserve() {
        guard let length = head?.headers["Content-Length"].flatMap({ Int($0) }), length > 0 else { return }
        body.reserveCapacity(min(length, exchange.request.maximumBodySize, 1 << 20))
    }

    // MARK: What the engine does

    var isPaused: Bool { clock.phase == .paused }

    /// When the last piece of an open stream came. Nil before its head, and while its reader is behind.
    var heardAt: UInt64? { if parser.isComplete, case .receiving(let since) = clock.phase { since } else { nil } }

    /// Called when the reader has room again. It delivers what libcurl had put aside before it returns.
    ///
    /// It takes all of it, however much. If a callback paused once more, libcurl would copy all the rest into a new
    /// buffer. 32 MB in pieces of the pipe's capacity would be 2 GB of copies. Each resume also opens the stream's
    /// window again, so the rest could grow to the 64 MB at which libcurl gives up.
    func resume() {
        guard isPaused else { return }
        clock.receives(loop.now)
        reschedule()
        lane.goOn(after: self)
        isResuming = true
        curl_easy_pause(easy.raw, CURLPAUSE_CONT)
        isResuming = false
    }

    /// Makes libcurl look at the connection, and changes nothing else: see `EngineLoop.flush`.
    func nudge() {
        guard !isPaused, clock.wasSent else { return }
        runSoon()
    }

    /// Makes libcurl run the transfer. Call it only while the transfer is not paused.
    private func runSoon() {
        curl_easy_pause(easy.raw, CURLPAUSE_RECV)
        curl_easy_pause(easy.raw, CURLPAUSE_CONT)
    }

    /// The outcome for the caller. `code` is libcurl's result.
    func conclusion(_ code: CURLcode) -> HTTPError? {
        if let failure { return failure }
        guard code != CURLE_OK else {
            return parser.isComplete
                ? nil
                : HTTPError(.connectionLost, "\(server): no HTTP answer came", mayHaveBeenProcessed: true)
        }
        return FailureFacts(
            code: code, verifyResult: squadron_easy_info_long(easy.raw, CURLINFO_SSL_VERIFYRESULT),
            proxyVerifyResult: squadron_easy_info_long(easy.raw, CURLINFO_PROXY_SSL_VERIFYRESULT),
            systemError: Int32(truncatingIfNeeded: squadron_easy_info_long(easy.raw, CURLINFO_OS_ERRNO)),
            detail: easy.lastError, host: target.host, port: target.port,
            proxyURL: client.configuration.proxyURL,
            proxyAnswer: squadron_easy_info_long(easy.raw, CURLINFO_HTTP_CONNECTCODE), wasSent: clock.wasSent
        ).error
    }

    /// The last thing that happens to a transfer.
    func deliver(_ error: HTTPError?) {
        if let error {
            if exchange.request.answersWithSecrets { body.wipe() }
            hold?.release()
            return exchange.fail(error)
        }
        switch exchange.delivery {
        case .stream(_, let pipe): pipe.finish(nil)
        case .whole(let answer):
            // The caller must be the only holder of it.
            var whole = HTTPResponse(status: head?.status ?? 0, headers: head?.headers ?? [:], body: body)
            whole.hold = hold.take()
            body = []
            answer.resolve(.success(whole))
        }
    }
}

// MARK: libcurl's callbacks. `context` is the transfer, nil between two exchanges.

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
}

/// CURLOPT_WRITEFUNCTION: libcurl gives up if this takes fewer bytes than it was given.
func onBody(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let transfer = transfer(context) else { return 0 }
    return transfer.take(piece: UnsafeRawBufferPointer(start: bytes, count: size * count))
}

/// CURLOPT_HEADERFUNCTION: one complete line.
func onHeader(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let transfer = transfer(context) else { return 0 }
    return transfer.take(headerLine: UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

/// CURLOPT_PREREQFUNCTION: connected, about to send.
func onRequest(
    context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<CChar>?, _: UnsafeMutablePointer<CChar>?, _: Int32,
    _: Int32
) -> Int32 {
    transfer(context)?.requestGoesOut() == true ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

/// CURLOPT_RESOLVER_START_FUNCTION.
func onLookUp(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?, context: UnsafeMutableRawPointer?) -> Int32 {
    transfer(context)?.beginsConnecting()
    return 0
}

/// CURLOPT_SOCKOPTFUNCTION: a new socket, not yet connected.
func onNewSocket(context: UnsafeMutableRawPointer?, socket: curl_socket_t, _: curlsocktype) -> Int32 {
    transfer(context)?.opens(socket)
    var milliseconds = EasyOptions.userTimeoutMilliseconds
    // If this fails, a dead peer is only found later.
    setsockopt(
        socket, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, socklen_t(MemoryLayout<Int32>.size))
    return CURL_SOCKOPT_OK
}
