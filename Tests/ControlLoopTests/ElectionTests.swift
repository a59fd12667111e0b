import KubeObjects
import Support
import Testing

@testable import ControlLoop

@Suite("Election, as a value")
struct ElectionTests {
    static let wall = MicroTimestamp(Instant(secondsSince1970: 1_700_000_000))

    /// An attempt whose requests take no time.
    func attempt(_ election: inout Election, _ lease: inout MemoryLeaseState, at now: Duration) {
        var request = election.begin(now: now, wall: Self.wall)
        while case .request(let next) = election.receive(
            lease.perform(request), to: request, startedAt: now, now: now, wall: Self.wall)
        {
            request = next
        }
    }

    @Test("The first candidate creates the Lease, renews without reading, and gives it back")
    func lifecycle() {
        var (lease, a) = (MemoryLeaseState(), Election(identity: "a"))
        attempt(&a, &lease, at: .zero)
        #expect(a.role == .leader(validUntil: .seconds(10)))
        #expect(lease.lease?.record.holder == "a" && lease.lease?.record.leaseDurationSeconds == 15)
        if case .update = a.begin(now: .seconds(2), wall: Self.wall) {} else { Issue.record("a leader reads first") }
        attempt(&a, &lease, at: .seconds(2))
        #expect(a.role == .leader(validUntil: .seconds(12)))
        if let request = a.release(wall: Self.wall) { _ = lease.perform(request) }
        #expect(lease.lease?.record.holder == "" && lease.lease?.record.leaseDurationSeconds == 1)
        #expect(!a.isLeader)
        #expect(lease.lease?.record.transitions == 0)
    }

    @Test("Another candidate waits a whole lease after the last change, then takes over")
    func takeover() {
        var lease = MemoryLeaseState()
        var (a, b) = (Election(identity: "a"), Election(identity: "b"))
        attempt(&a, &lease, at: .zero)
        attempt(&b, &lease, at: .seconds(8))
        attempt(&b, &lease, at: .seconds(22.9))
        #expect(!b.isLeader)
        attempt(&b, &lease, at: .seconds(23))
        #expect(b.isLeader && lease.lease?.record.transitions == 1)
    }

    @Test("A released lease is taken at once")
    func released() {
        var lease = MemoryLeaseState()
        var (a, b) = (Election(identity: "a"), Election(identity: "b"))
        attempt(&a, &lease, at: .zero)
        attempt(&b, &lease, at: .seconds(1))
        if let request = a.release(wall: Self.wall) { _ = lease.perform(request) }
        attempt(&b, &lease, at: .seconds(2))
        #expect(b.isLeader)
    }

    @Test("A leader whose renewal's answer was lost keeps its lease without a transition")
    func lostAnswer() {
        var (lease, a) = (MemoryLeaseState(), Election(identity: "a"))
        attempt(&a, &lease, at: .zero)
        let request = a.begin(now: .seconds(2), wall: Self.wall)
        _ = lease.perform(request)
        #expect(
            a.receive(.failed("lost"), to: request, startedAt: .seconds(2), now: .seconds(3), wall: Self.wall) == .rest)
        #expect(a.role == .leader(validUntil: .seconds(10)))
        attempt(&a, &lease, at: .seconds(4))
        #expect(a.role == .leader(validUntil: .seconds(14)))
        #expect(lease.lease?.record.transitions == 0)
    }

    @Test("A term counts from the start of the renewal, and a late answer gives no term")
    func lateAnswer() {
        var (lease, a) = (MemoryLeaseState(), Election(identity: "a"))
        let request = a.begin(now: .zero, wall: Self.wall)
        let create = a.receive(lease.perform(request), to: request, startedAt: .zero, now: .zero, wall: Self.wall)
        guard case .request(let write) = create else {
            Issue.record("no write")
            return
        }
        let reply = lease.perform(write)
        _ = a.receive(reply, to: write, startedAt: .zero, now: .seconds(10), wall: Self.wall)
        #expect(!a.isLeader)
    }

    @Test("A leader stops when it sees another holder; a deleted Lease does not end a term")
    func others() {
        var lease = MemoryLeaseState()
        var (a, b) = (Election(identity: "a"), Election(identity: "b"))
        attempt(&a, &lease, at: .zero)
        attempt(&b, &lease, at: .seconds(1))
        lease.delete()
        attempt(&b, &lease, at: .seconds(3))
        #expect(!b.isLeader && lease.lease == nil)
        attempt(&a, &lease, at: .seconds(4))
        #expect(a.role == .leader(validUntil: .seconds(14)))
        lease.delete()
        attempt(&b, &lease, at: .seconds(40))
        #expect(b.isLeader)
        attempt(&a, &lease, at: .seconds(9))
        #expect(!a.isLeader)
    }

    @Test("A nonsensical lease duration neither blocks for ever nor has no effect")
    func nonsense() {
        for (seconds, free) in [(Int.max, 3_600), (-5, 1)] {
            var (lease, b) = (MemoryLeaseState(), Election(identity: "b"))
            _ = lease.perform(
                .create(
                    LeaseRecord(
                        holder: "x", leaseDurationSeconds: seconds, acquireTime: nil, renewTime: nil, transitions: .max)
                ))
            attempt(&b, &lease, at: .zero)
            #expect(!b.isLeader)
            attempt(&b, &lease, at: .seconds(free))
            #expect(b.isLeader)
        }
    }

    /// One candidate in the simulation: its own clock, its requests on the way.
    struct Candidate {
        var election: Election
        /// Its monotonic clock differs from the true time by this.
        var skew: Duration
        /// Its calendar jumps about.
        var wall = MicroTimestamp(Instant(secondsSince1970: 0))
        var wakesAt: Duration = .zero
        var inFlight:
            (
                request: Election.Request, startedAt: Duration, arrivesAt: Duration, reply: Election.Reply?,
                answersAt: Duration
            )?
        var terms = 0
        var wasLeader = false

        func isValid(_ now: Duration) -> Bool {
            if case .leader(let end) = election.role { now + skew < end } else { false }
        }
    }

    @Test(
        "Random faults: never two valid terms at once, and a leader soon after",
        arguments: 0..<60)
    func contention(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var lease = MemoryLeaseState()
        func milliseconds(_ range: ClosedRange<Int>) -> Duration {
            .milliseconds(Int.random(in: range, using: &random))
        }
        var candidates = (0..<3).map {
            Candidate(
                election: Election(identity: "c\($0)"), skew: .seconds($0 * 1_000), wakesAt: milliseconds(0...3_000))
        }
        var restarts = 0
        var now = Duration.zero
        var leaderless = Duration.zero
        let step = Duration.milliseconds(50)
        let quietFrom = Duration.seconds(600), end = Duration.seconds(900)
        var longestGapInQuiet = Duration.zero
        while now < end {
            let isQuiet = now >= quietFrom
            for index in candidates.indices {
                // Faults.
                if !isQuiet {
                    switch Int.random(in: 0..<20_000, using: &random) {
                    case 0..<6:  // a crash: another process comes up
                        restarts += 1
                        candidates[index] = Candidate(
                            election: Election(identity: "c\(index)-\(restarts)"), skew: milliseconds(0...9_000_000),
                            wakesAt: now + milliseconds(0...5_000))
                    case 6..<16:  // a pause: nothing is done, what is under way goes on at the server
                        candidates[index].wakesAt = max(candidates[index].wakesAt, now + milliseconds(1_000...40_000))
                    case 16..<26:
                        candidates[index].wall = MicroTimestamp(
                            Instant(secondsSince1970: Double(Int.random(in: 0...4_000_000_000, using: &random))))
                    default: break
                    }
                }
                // The server does what has arrived, whether or not the sender is still there to hear of it.
                if var message = candidates[index].inFlight, message.reply == nil, now >= message.arrivesAt {
                    let isLost = !isQuiet && Int.random(in: 0..<10, using: &random) == 0
                    message.reply = isLost ? .failed("lost") : lease.perform(message.request)
                    if !isQuiet, Int.random(in: 0..<10, using: &random) == 0 { message.reply = .failed("answer lost") }
                    candidates[index].inFlight = message
                }
                guard now >= candidates[index].wakesAt else { continue }
                var candidate = candidates[index]
                let local = now + candidate.skew
                func send(_ request: Election.Request) {
                    let slow = isQuiet ? 200 : (Int.random(in: 0..<10, using: &random) == 0 ? 12_000 : 300)
                    let arrival = now + milliseconds(0...slow)
                    candidate.inFlight = (request, local, arrival, nil, arrival + milliseconds(0...slow))
                }
                if let message = candidate.inFlight {
                    if let reply = message.reply, now >= message.answersAt {
                        candidate.inFlight = nil
                        switch candidate.election.receive(
                            reply, to: message.request, startedAt: message.startedAt, now: local, wall: candidate.wall)
                        {
                        case .request(let next): send(next)
                        case .rest:
                            candidate.wakesAt =
                                candidate.election.nextAttempt(now: local, using: &random) - candidate.skew
                        }
                    }
                } else {
                    send(candidate.election.begin(now: local, wall: candidate.wall))
                }
                candidates[index] = candidate
            }
            let valid = candidates.filter { $0.isValid(now) }
            #expect(valid.count <= 1, "seed \(seed) at \(now): \(valid.map(\.election.identity))")
            if valid.count > 1 { return }
            leaderless = valid.isEmpty ? leaderless + step : .zero
            if now > quietFrom + .seconds(120) { longestGapInQuiet = max(longestGapInQuiet, leaderless) }
            now += step
        }
        #expect(longestGapInQuiet == .zero, "seed \(seed)")
    }
}
