import Kube
import KubeObjects
import Support
import Testing

@testable import ControlLoop

/// Random schedules over the pure states, checked against models that are too simple to be wrong. A failure names its
/// seed; the same seed gives the same schedule.
@Suite("Models under random schedules", .timeLimit(.minutes(2)))
struct ModelTests {
    @Test(
        "Work queue: no key in flight twice, none lost, none before its time, slots kept free, counts right, nothing kept",
        arguments: 0..<20)
    func workQueue(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        func chance(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        let reserve = seed % 3
        var queue = WorkQueueState<Int>(
            limit: 3, freshReserve: reserve, backoff: BackoffPolicy(base: .milliseconds(20), cap: .seconds(2)), seed: 5)
        /// Handed out as background: they must leave the reserve free.
        var backgroundInFlight: Set<Int> = []
        var now = Duration.zero
        var inFlight: Set<Int> = []
        var isPaused = false
        /// Keys that must be handed out some time, with the time before which they must not and the one by which they
        /// can be: exact but for a backoff, where chance decides.
        var owed: Set<Int> = []
        var earliest: [Int: Duration] = [:]
        var latest: [Int: Duration] = [:]
        var failing: Set<Int> = []

        func want(_ key: Int, _ time: Duration, orBy late: Duration? = nil) {
            let isOwed = owed.contains(key)
            earliest[key] = isOwed ? min(earliest[key] ?? time, time) : time
            latest[key] = isOwed ? min(latest[key] ?? late ?? time, late ?? time) : late ?? time
            owed.insert(key)
        }

        for step in 0..<30_000 {
            switch chance(14) {
            case 0...2:
                let key = chance(40)
                queue.add(key, priority: chance(2) == 0 ? .fresh : .background, now: now)
                want(key, now)
            case 3:
                let key = chance(40)
                let delay = Duration.milliseconds(chance(500))
                queue.add(key, after: delay, now: now)
                want(key, now + delay)
            case 4...7:
                switch queue.poll(now: now) {
                case .key(let key):
                    #expect(inFlight.insert(key).inserted, "seed \(seed), step \(step): \(key) is in flight twice")
                    #expect(owed.remove(key) != nil, "seed \(seed), step \(step): \(key) was not wanted")
                    #expect(now >= earliest[key] ?? .zero, "seed \(seed), step \(step): \(key) came too soon")
                    #expect(!isPaused && inFlight.count <= 3, "seed \(seed), step \(step)")
                    if queue.priority(of: key) == .background { backgroundInFlight.insert(key) }
                    #expect(
                        backgroundInFlight.count <= 3 - reserve, "seed \(seed), step \(step): the reserve is taken")
                case .wait(let until):
                    let isFull = backgroundInFlight.count >= 3 - reserve
                    let due = owed.subtracting(inFlight).contains {
                        (latest[$0] ?? .zero) <= now && !(isFull && queue.priority(of: $0) == .background)
                    }
                    #expect(
                        isPaused || inFlight.count == 3 || !due, "seed \(seed), step \(step): due and not handed out")
                    if let until { #expect(until > now, "seed \(seed), step \(step): a wait that is over") }
                case .finished:
                    Issue.record("seed \(seed): finished")
                }
            case 8...11:
                guard let key = inFlight.randomElement(using: &random) else { break }
                inFlight.remove(key)
                backgroundInFlight.remove(key)
                switch chance(4) {
                case 0:
                    queue.finish(key, .failed(retryAfter: chance(3) == 0 ? .milliseconds(300) : nil), now: now)
                    failing.insert(key)
                    // Equal jitter: not before half of the base, not after the cap.
                    want(key, now + .milliseconds(10), orBy: now + .milliseconds(2_300))
                case 1:
                    let delay = Duration.milliseconds(chance(100))
                    queue.finish(key, .requeue(after: delay), now: now)
                    failing.remove(key)
                    want(key, now + delay)
                case 2:
                    queue.finish(key, .abandoned, now: now)
                    want(key, now)
                default:
                    queue.finish(key, .done, now: now)
                    failing.remove(key)
                }
            case 12:
                now += .milliseconds(chance(30))
            default:
                switch chance(30) {
                case 0:
                    queue.pause()
                    isPaused = true
                case 1...10:
                    queue.resume()
                    isPaused = false
                case 11...14:
                    queue.clearBackoff(now: now)
                    failing = []
                    for key in owed { earliest[key] = .zero }
                default: break
                }
            }
            if step % 64 == 0 {
                let metrics = queue.metrics(now: now)
                #expect(metrics.inFlight == inFlight.count, "seed \(seed), step \(step)")
                #expect(
                    metrics.depth + metrics.delayed == owed.subtracting(inFlight).count, "seed \(seed), step \(step)")
                #expect(metrics.retrying == failing.count, "seed \(seed), step \(step)")
            }
        }
        // Then it is quiet: whatever is owed comes, and nothing else.
        queue.resume()
        for key in inFlight { queue.finish(key, .done, now: now) }
        now += .seconds(60)
        while case .key(let key) = queue.poll(now: now) {
            #expect(owed.remove(key) != nil, "seed \(seed): \(key) at the end")
            queue.finish(key, .done, now: now)
        }
        #expect(owed.isEmpty, "seed \(seed): lost \(owed)")
        let end = queue.metrics(now: now)
        #expect(end.depth + end.delayed + end.inFlight + end.retrying == 0, "seed \(seed)")
    }

    @Test("Circuit breaker: no request while open, opens and closes exactly when it says", arguments: 0..<10)
    func breaker(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let configuration = CircuitBreaker.Configuration(
            failuresToOpen: Int.random(in: 1...4, using: &random),
            successesToClose: Int.random(in: 1...3, using: &random))
        var breaker = CircuitBreaker(configuration)
        var (isOpen, failures, successes) = (false, 0, 0)
        for step in 0..<50_000 {
            let isSuccess = Bool.random(using: &random)
            var expected: CircuitBreaker.Action?
            if !isOpen {
                failures = isSuccess ? 0 : failures + 1
                if failures >= configuration.failuresToOpen {
                    (isOpen, failures, successes) = (true, 0, 0)
                    expected = .open
                }
            } else {
                successes = isSuccess ? successes + 1 : 0
                if successes >= configuration.successesToClose {
                    isOpen = false
                    expected = .close
                }
            }
            let action = breaker.record(isSuccess ? .probeSucceeded : .probeFailed)
            #expect(action == expected, "seed \(seed), step \(step)")
            #expect(breaker.allowsRequests == !isOpen, "seed \(seed), step \(step)")
        }
    }

    /// A server whose collection changes at random, read through pages, watches and faults.
    struct Server {
        var version = 1
        var objects: [Int: Int] = [:]
        /// (version, key, value or nil for deleted)
        var history: [(version: Int, key: Int, value: Int?)] = []
        /// What the collection was at each version: for checking what a store shows.
        var states: [Int: [Int: Int]] = [1: [:]]
        var compacted = 1

        mutating func change(_ random: inout SeededRandom) {
            version += 1
            let key = Int.random(in: 0..<12, using: &random)
            if objects[key] != nil, Int.random(in: 0..<3, using: &random) == 0 {
                objects[key] = nil
            } else {
                objects[key] = version
            }
            history.append((version, key, objects[key]))
            states[version] = objects
        }
    }

    @Test(
        "Watcher: a list is visible whole or not at all, an old answer never, and the store ends up equal whatever happened",
        arguments: 0..<20)
    func watcher(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        func chance(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        let configuration = WatcherConfiguration(
            backoff: BackoffPolicy(base: .milliseconds(10), cap: .milliseconds(100)),
            listGuard: ListGuard(minimumGone: 4, interval: .milliseconds(50)))
        var state = WatcherState<Int>(configuration, seed: 9)
        var server = Server()
        var store: [ObjectKey: Int]?
        var shown = 0
        var now = Duration.zero

        enum Work {
            case nothing
            case page(UInt64, at: Int, from: Int, snapshot: [Int: Int])
            case watch(UInt64, position: Int)
        }
        var work = Work.nothing
        var stale: [UInt64] = []

        func take(_ outputs: [WatcherState<Int>.Output], at version: Int, _ step: Int) {
            for case .update(let update) in outputs {
                switch update {
                case .replace(let all): store = all
                case .set(let key, let value): store?[key] = value
                case .remove(let key): store?[key] = nil
                }
                let expected = server.states[version] ?? [:]
                let isWhole =
                    store?.count == expected.count
                    && expected.allSatisfy { store?[ObjectKey(name: "\($0.key)")] == $0.value }
                #expect(isWhole, "seed \(seed), step \(step): the store shows what never was")
                #expect(version >= shown, "seed \(seed), step \(step): the store went back")
                shown = version
            }
        }

        func begin() {
            switch work {
            case .page(let ticket, _, _, _), .watch(let ticket, _): stale.append(ticket)
            case .nothing: break
            }
            stale = stale.suffix(4)
            work = .nothing
            switch state.begin(now: now) {
            case .list(nil, let ticket): work = .page(ticket, at: server.version, from: 0, snapshot: server.objects)
            case .list(let token?, let ticket):
                // A token tells version and position, as real ones do.
                let parts = token.split(separator: "/").compactMap { Int($0) }
                work = .page(ticket, at: parts[0], from: parts[1], snapshot: server.states[parts[0]] ?? [:])
            case .watch(let from, let ticket): work = .watch(ticket, position: Int(from) ?? 0)
            case .wait(let until): if now < until { now = min(until, now + .milliseconds(20)) }
            case .park: break
            }
        }

        func step(_ index: Int, isQuiet: Bool) {
            if !isQuiet {
                switch chance(40) {
                case 0...9: server.change(&random)
                case 10: server.compacted = server.version - chance(10)
                case 11:
                    state.poke()
                    begin()
                    return
                case 12:
                    state.pause()
                    begin()
                    return
                case 13...16:
                    state.resume()
                case 17:
                    // An answer to something given up long ago.
                    if let old = stale.randomElement(using: &random) {
                        take(state.failed(.refused, old, now: now), at: 0, index)
                        take(
                            state.received(.init(items: [], resourceVersion: "999999"), old, now: now) { _ in
                                ListCensus(held: 0, listed: 0, gone: 0)
                            }, at: 0, index)
                        take(
                            state.received(.deleted(ObjectKey(name: "1"), resourceVersion: "999999"), old, now: now),
                            at: 0, index)
                    }
                default: break
                }
                now += .milliseconds(chance(3))
            }
            let isFault = !isQuiet && chance(12) == 0
            switch work {
            case .nothing:
                begin()
            case .page(let ticket, let version, let from, let snapshot):
                if isFault || (from > 0 && version < server.compacted) {
                    take(state.failed(isFault ? .refused : .status(410), ticket, now: now), at: 0, index)
                    begin()
                    return
                }
                // A truncated answer, as broken proxies give.
                let isTruncated = !isQuiet && chance(15) == 0
                let keys = isTruncated ? [] : snapshot.keys.sorted()
                let page = keys.dropFirst(from).prefix(3)
                let rest = keys.count - from - page.count
                let believed = store
                let outputs = state.received(
                    .init(
                        items: page.map { (ObjectKey(name: "\($0)"), snapshot[$0] ?? 0) },
                        resourceVersion: "\(version)",
                        continueToken: rest > 0 ? "\(version)/\(from + page.count)" : nil),
                    ticket, now: now
                ) { list in
                    let held = believed ?? [:]
                    return ListCensus(held: held.count, listed: list.count, gone: held.keys.count { list[$0] == nil })
                }
                let isBelieved = outputs.contains { if case .update = $0 { true } else { false } }
                if isTruncated, isBelieved {
                    // Too little to be suspicious, or said three times: then the server's state is what was believed.
                    for case .update(.replace(let all)) in outputs {
                        let gone = (believed ?? [:]).keys.count { all[$0] == nil }
                        let wasConfirmed = outputs.contains { if case .status(.confirmed) = $0 { true } else { false } }
                        #expect(
                            wasConfirmed || believed?.isEmpty ?? true
                                || !all.isEmpty && (gone <= 4 || gone * 5 <= believed?.count ?? 0),
                            "seed \(seed), step \(index): a truncated list was believed at once")
                        store = all
                        shown = version
                    }
                } else {
                    take(outputs, at: version, index)
                }
                begin()
            case .watch(let ticket, let position):
                if isFault {
                    switch chance(3) {
                    case 0: take(state.ended(ticket, now: now), at: 0, index)
                    case 1: take(state.failed(.refused, ticket, now: now), at: 0, index)
                    default: take(state.fellSilent(ticket, now: now), at: 0, index)
                    }
                    begin()
                } else if position < server.compacted, chance(4) == 0 {
                    take(state.failed(.status(410), ticket, now: now), at: 0, index)
                    begin()
                } else if let event = server.history.dropFirst(max(0, position - 1)).first {
                    let key = ObjectKey(name: "\(event.key)")
                    let version = "\(event.version)"
                    // After a believed truncated list the store is not a state of the server until all has changed.
                    let outputs = state.received(
                        event.value.map { .applied(key, $0, resourceVersion: version) }
                            ?? .deleted(key, resourceVersion: version), ticket, now: now)
                    for case .update(let update) in outputs {
                        switch update {
                        case .set(let key, let value): store?[key] = value
                        case .remove(let key): store?[key] = nil
                        case .replace: Issue.record("seed \(seed): an event replaced the store")
                        }
                    }
                    #expect(event.version > shown - 1, "seed \(seed), step \(index): an old event")
                    shown = event.version
                    // An event that is not believed gives the watch up.
                    let goesOn = state.silenceDeadline(ticket) != nil
                    work = goesOn ? .watch(ticket, position: event.version) : .nothing
                } else if !isQuiet, chance(3) == 0 {
                    take(
                        state.received(
                            .bookmark(resourceVersion: "\(max(position, server.version))"), ticket, now: now), at: 0,
                        index)
                    work = .watch(ticket, position: max(position, server.version))
                }
            }
        }

        for index in 0..<15_000 { step(index, isQuiet: false) }
        state.resume()
        // Quiet: one good list puts everything right, whatever lists were believed before.
        state.poke()
        begin()
        if case .watch(let ticket, _) = work {
            take(state.failed(.status(400), ticket, now: now), at: 0, 0)
            work = .nothing
        }
        for index in 0..<300 { step(15_000 + index, isQuiet: true) }
        let final = Dictionary(uniqueKeysWithValues: server.objects.map { (ObjectKey(name: "\($0.key)"), $0.value) })
        #expect(store == final, "seed \(seed)")
    }
}
