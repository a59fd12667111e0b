import CCurl
import Glibc

/// The work of the engine's thread, and the state that only this thread may touch.
///
/// A round handles commands, timers and results. Then the thread sleeps until a socket is ready, a timer is due or a
/// command comes. libcurl's callbacks come only out of calls that are made here. No callback removes a transfer or
/// closes a lane; that happens between the calls.
final class EngineLoop {
    let poller: Poller
    let turns = TurnWatch()
    var timers = TimerHeap()
    /// Monotonic nanoseconds at the last wake-up. That is exact enough for timeouts, and saves a system call for each
    /// piece.
    private(set) var now = monotonicNow()
    var easyHandles = 0

    private let mailbox: Mailbox
    private var clients: [ObjectIdentifier: ClientState] = [:]
    /// The key is the exchange's identity. The table keeps the transfers alive to which libcurl has pointers.
    private var transfers: [ObjectIdentifier: Transfer] = [:]
    private var touched: [Lane] = []
    private var isStopping = false

    init(mailbox: Mailbox, poller: Poller) {
        self.mailbox = mailbox
        self.poller = poller
    }

    func run() {
        turns.watchThisThread()
        defer { turns.end() }
        while !isStopping {
            let commands = mailbox.take()
            // Look first for events that ended a connection at rest: they came before the request that would use it.
            if !commands.isEmpty, poller.restingCount > 0 { poll(0) }
            for command in commands { perform(command) }
            fireTimers()
            collectResults()
            if isStopping { break }
            poll(mailbox.fallsAsleep() ? millisecondsToNextTimer() : 0)
        }
        tearDown()
    }

    private func poll(_ milliseconds: Int32?) {
        // The time is taken before the events, since what they start is measured from it.
        let wasWoken = poller.wait(milliseconds: milliseconds, awake: { now = monotonicNow() }) { lane, event in
            event.isAtRest ? connectionClosedAtRest(in: lane) : lane.socketIsReady(event)
        }
        if wasWoken { mailbox.clearWakeUp() }
        collectResults()
    }

    // MARK: Commands

    private func perform(_ command: Command) {
        switch command {
        case .register(let identity):
            clients[ObjectIdentifier(identity)] = ClientState(identity.configuration, loop: self)
        case .unregister(let identity):
            if let client = clients.removeValue(forKey: ObjectIdentifier(identity)) { close(client) }
        case .start(let exchange): start(exchange)
        case .cancel(let exchange):
            if let transfer = transfers[ObjectIdentifier(exchange)] { cancel(transfer) }
        case .resume(let exchange):
            if let transfer = transfers[ObjectIdentifier(exchange)] {
                transfer.resume()
                touch(transfer.lane)
            }
        case .report(let answer): answer(statistics)
        case .stop: isStopping = true
        }
    }

    private func start(_ exchange: Exchange) {
        guard let client = clients[ObjectIdentifier(exchange.client)] else {
            return exchange.fail(HTTPError(.closed, "the client was closed", mayHaveBeenProcessed: false))
        }
        do throws(HTTPError) {
            let lines = try RequestLines(exchange.request, client.configuration)
            client.willSend(exchange.request.bearerToken)
            let kind: Lane.Kind = if case .stream = exchange.delivery { .streams } else { .exchanges }
            guard let lane = client.lane(kind), let easy = client.takeHandle() else {
                throw HTTPError(.other, "libcurl has no memory, or lacks an option", mayHaveBeenProcessed: false)
            }
            let transfer = try Transfer(exchange, lines, client: client, lane: lane, easy: easy, loop: self)
            guard lane.add(easy) else {
                transfer.clearRequest()
                throw HTTPError(.other, "libcurl did not take the request", mayHaveBeenProcessed: false)
            }
            transfers[ObjectIdentifier(exchange)] = transfer
            lane.enter(transfer)
            transfer.reschedule()
        } catch {
            exchange.fail(error)
        }
    }

    private func cancel(_ transfer: Transfer) {
        // This is the same suspicion as after a timeout, since the caller may have a timeout of its own.
        if case .waitingForHead(let since) = transfer.clock.phase, now >= since + 5_000_000_000 { suspect(transfer) }
        end(
            transfer,
            HTTPError(
                .cancelled, "the request to \(transfer.server) was cancelled",
                mayHaveBeenProcessed: transfer.clock.wasSent))
    }

    private func close(_ client: ClientState) {
        for transfer in transfers.values where transfer.client === client {
            end(
                transfer,
                HTTPError(
                    .closed, "the client was closed during the request to \(transfer.server)",
                    mayHaveBeenProcessed: transfer.clock.wasSent))
        }
        client.close()
    }

    private var statistics: HTTPEngine.Statistics {
        var statistics = HTTPEngine.Statistics()
        statistics.clients = clients.count
        statistics.transfers = transfers.count
        statistics.easyHandles = easyHandles
        statistics.multiHandles = clients.values.reduce(0) { $0 + $1.laneCount }
        statistics.sockets = poller.socketCount
        return statistics
    }

    // MARK: Time

    private func fireTimers() {
        // The number is limited, so that timers that are set to "now" while one fires can't keep sockets and commands
        // waiting.
        var budget = 1024
        while budget > 0, let timer = timers.popDue(now) {
            timer.fire()
            budget -= 1
        }
    }

    private func millisecondsToNextTimer() -> Int32? {
        guard let earliest = timers.earliest else { return nil }
        let current = monotonicNow()
        guard earliest > current else { return 0 }
        // The time is rounded up: waking too early would find nothing to do.
        return Int32(min((earliest - current + 999_999) / 1_000_000, 3_600_000))
    }

    func expire(_ transfer: Transfer, _ phase: HTTPError.Phase) {
        let wasSent = transfer.clock.wasSent
        if wasSent { suspect(transfer) }
        let limit = transfer.clock.limit(of: phase).map { "\($0)" } ?? "some time"
        let server = transfer.server
        let message =
            switch phase {
            case .connect: "could not connect to \(server) within \(limit)"
            case .firstByte where !wasSent: "no connection to \(server) became free within \(limit)"
            case .firstByte: "\(server) did not answer within \(limit)"
            case .idle: "\(server) sent nothing for \(limit)"
            case .total: "the exchange with \(server) did not end within \(limit)"
            }
        end(transfer, HTTPError(.timeout(phase), message, mayHaveBeenProcessed: wasSent))
    }

    /// A first connection changes what the queued transfers wait for.
    func rescheduleQueued(in lane: Lane) {
        for transfer in transfers.values where transfer.lane === lane && transfer.clock.phase == .queued {
            transfer.reschedule()
        }
    }

    /// libcurl 7.88 does not see that an HTTP/2 connection at rest was closed. It would send the next request on it,
    /// and lose a request that may not be repeated. So the engine watches these connections.
    private func connectionClosedAtRest(in lane: Lane) {
        guard lane.mayUseHTTP2, let client = clients.values.first(where: { $0.uses(lane) }) else { return }
        client.retire(lane)
    }

    /// Makes libcurl send the RST_STREAM of a stream that was stopped midway. libcurl 7.88 leaves it in a buffer until
    /// the connection sends something else, and until then the server goes on with a watch that nobody reads. Resuming
    /// another stream, paused or not, sends what is in that buffer. If there is no other stream, the connection is
    /// given up.
    func flush(_ lane: Lane) {
        if lane.transferCount == 0 {
            clients.values.first { $0.uses(lane) }?.retire(lane)
        } else {
            for transfer in transfers.values where transfer.lane === lane { transfer.nudge() }
            touch(lane)
        }
    }

    /// The lane's connections are as old as they may be. Its open streams end as if the server had ended them in good
    /// order, so that their readers open them again, on a new connection: without that, the streams of a connection
    /// would keep each other on it for ever. Exchanges under way end by themselves.
    func outlived(_ lane: Lane) {
        clients.values.first { $0.uses(lane) }?.retire(lane)
        for transfer in lane.members.values where transfer.heardAt != nil { end(transfer, nil) }
        touch(lane)
    }

    /// Their readers have taken nothing for so long that the other streams of the lane must not wait for them any more.
    func giveUp(_ stalled: [Transfer], in lane: Lane) {
        for transfer in stalled {
            end(
                transfer,
                HTTPError(
                    .other, "the reader of a stream from \(transfer.server) took nothing for too long",
                    mayHaveBeenProcessed: true))
        }
        touch(lane)
    }

    /// HTTP/1.1 needs nothing, since removing a transfer midway closes its connection.
    private func suspect(_ transfer: Transfer) {
        if transfer.lane.mayUseHTTP2 { transfer.client.retire(transfer.lane) }
    }

    // MARK: Results

    /// Notes that the lane may have results, or may have become empty.
    func touch(_ lane: Lane) {
        guard !lane.isTouched else { return }
        lane.isTouched = true
        touched.append(lane)
    }

    private func collectResults() {
        while let lane = touched.popLast() {
            lane.isTouched = false
            while let (easy, code) = lane.nextResult() {
                guard let context = squadron_easy_private(easy) else { continue }
                let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
                let error = transfer.conclusion(code)
                // A stream that the server refused, or that was too large, says nothing about its connection.
                if let error, error.kind == .other || error.kind == .connectionLost, code != CURLE_HTTP2_STREAM {
                    suspect(transfer)
                }
                end(transfer, error, isWhole: code == CURLE_OK)
            }
        }
    }

    /// Every transfer ends here, once. It is taken out of libcurl first, then its secrets are wiped, then the caller is
    /// told.
    private func end(_ transfer: Transfer, _ error: HTTPError?, isWhole: Bool = false) {
        transfers.removeValue(forKey: ObjectIdentifier(transfer.exchange))
        transfer.lane.leave(transfer)
        transfer.lane.remove(transfer.easy)
        // This comes after libcurl's last callback, since callbacks may set it.
        timers.cancel(transfer.timer)
        transfer.clearRequest()
        // A handle that sent a request again is not kept. libcurl counts these for the handle's whole life, and at five
        // it gives up the next request.
        if !isWhole {
            transfer.lane.flushSoon()
        } else if transfer.attempts <= 1 {
            transfer.client.keep(transfer.easy, after: transfer.exchange.request)
        }
        if transfer.lane.isRetired { transfer.client.sweep() }
        transfer.deliver(error)
    }

    private func tearDown() {
        let late = mailbox.close()
        for client in clients.values { close(client) }
        clients = [:]
        for command in late {
            switch command {
            case .start(let exchange):
                exchange.fail(HTTPError(.closed, "the HTTP engine was shut down", mayHaveBeenProcessed: false))
            case .report(let answer): answer(statistics)
            case .register, .unregister, .cancel, .resume, .stop: break
            }
        }
    }
}

private func monotonicNow() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
