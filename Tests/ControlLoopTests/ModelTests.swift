import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import ControlLoop

/// Random schedules over the pure states, checked against models that are too simple to be wrong. A failure names its
/// seed; the same seed gives the same schedule.
@Suite("Models under random schedules", .timeLimit(.minutes(2 * patience)))
struct ModelTests {
    @Test(
        "Random histories lose no key, start none early or twice, and count right",
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
}
