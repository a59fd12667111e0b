import CCurl
import Glibc

/// What the engine's thread does, and all that it alone may touch.
///
/// A round: commands, timers, results; then sleep until a socket is ready, a timer is due or a command comes. libcurl's
/// callbacks only ever come out of a call made in here, and none of them removes a transfer or closes a lane: that
/// happens between the calls.
final class EngineLoop {
    let poller: Poller
    var timers = TimerHeap()
    /// Monotonic nanoseconds, as of the last wake-up: exact enough for timeouts, and no system call for each piece.
    private(set) var now = monotonicNow()
    var easyHandles = 0

    private let mailbox: Mailbox
    private var clients: [ObjectIdentifier: ClientState] = [:]
    /// By the exchange's identity. Holds the transfers that libcurl has pointers to.
    private var transfers: [ObjectIdentifier: Transfer] = [:]
    private var touched: [Lane] = []
    private var isStopping = false

    init(mailbox: Mailbox, poller: Poller) {
        self.mailbox = mailbox
        self.poller = poller
    }

    func run() {
        while !isStopping {
            let commands = mailbox.take()
            // First whatever ended a connection at rest: it came before the request that would use it.
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
        // The time before the events: what they start is measured from it.
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
            transfer.reschedule()
        } catch {
            exchange.fail(error)
        }
    }

    private func cancel(_ transfer: Transfer) {
        // The same suspicion as after a timeout: the caller may have one of its own.
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
        // Limited, so that timers that are set to "now" while one fires can't keep sockets and commands waiting.
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
        // Rounded up: waking up too early would only go round in a circle.
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

    /// A first connection changes what the queued ones wait for.
    func rescheduleQueued(in lane: Lane) {
        for transfer in transfers.values where transfer.lane === lane && transfer.clock.phase == .queued {
            transfer.reschedule()
        }
    }

    /// libcurl 7.88 doesn't see that an HTTP/2 connection at rest has been closed, and sends the next request into the
    /// void: then a request that may not be repeated is lost for no reason. So the engine looks after it.
    private func connectionClosedAtRest(in lane: Lane) {
        guard lane.mayUseHTTP2, let client = clients.values.first(where: { $0.uses(lane) }) else { return }
        client.retire(lane)
    }

    /// Makes libcurl send the RST_STREAM of a stream that was stopped midway: 7.88 puts it into a buffer of the
    /// connection and leaves it there until the connection sends something else, so that the server goes on with a watch
    /// that nobody reads. Resuming another stream, paused or not, sends what is in that buffer; without another stream
    /// the connection is given up.
    func flush(_ lane: Lane) {
        if lane.transferCount == 0 {
            clients.values.first { $0.uses(lane) }?.retire(lane)
        } else {
            for transfer in transfers.values where transfer.lane === lane { transfer.nudge() }
            touch(lane)
        }
    }

    /// HTTP/1.1 needs nothing: taking away a transfer midway closes its connection.
    private func suspect(_ transfer: Transfer) {
        if transfer.lane.mayUseHTTP2 { transfer.client.retire(transfer.lane) }
    }

    // MARK: Results

    /// The lane may have results, or may have become empty.
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
                // A stream that the server refused or that was too large says nothing about its connection.
                if let error, error.kind == .other || error.kind == .connectionLost, code != CURLE_HTTP2_STREAM {
                    suspect(transfer)
                }
                end(transfer, error, isWhole: code == CURLE_OK)
            }
        }
    }

    /// Every transfer ends here, once: out of libcurl first, then its secrets, then the news.
    private func end(_ transfer: Transfer, _ error: HTTPError?, isWhole: Bool = false) {
        transfers.removeValue(forKey: ObjectIdentifier(transfer.exchange))
        transfer.lane.remove(transfer.easy)
        // After libcurl's last callback: they may set it.
        timers.cancel(transfer.timer)
        transfer.clearRequest()
        // A handle that sent a request again is not kept: libcurl counts that for the handle's whole life, and at five
        // gives the next request up.
        if !isWhole { transfer.lane.flushSoon() } else if transfer.attempts <= 1 { transfer.client.keep(transfer.easy) }
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
