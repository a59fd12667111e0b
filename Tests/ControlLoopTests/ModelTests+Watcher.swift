import Kube
import KubeObjects
import Support
import Testing

@testable import ControlLoop

extension ModelTests {
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
        "Random watcher schedules: whole lists, no old answers, equal store at the end",
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
                // A token holds version and position, like real ones.
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
                    state.poke(now: now)
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
        state.poke(now: now)
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
