import ControlLoop
import Fleet
import HTTP
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import DataPlaneAgent

private func success(_ uid: String? = "u1") -> ProbeResult {
    var result = ProbeResult(.succeeded)
    result.clusterUID = uid
    result.authorization = .granted
    return result
}

private let failure = ProbeResult(.failed(.timeout, "no answer"))

private func state(recorded: String? = nil, approved: String? = "u1") -> AgentDecisions {
    var state = AgentDecisions(
        AgentConfiguration(), breaker: CircuitBreaker.Configuration(failuresToOpen: 2, successesToClose: 1))
    _ = state.configure(AgentConfiguration(link: settings(), recordedUID: recorded), connect: link)
    state.approvedUID = approved
    return state
}

private func connected(recorded: String? = nil, approved: String? = "u1") throws -> AgentDecisions {
    var state = state(recorded: recorded, approved: approved)
    let candidate = try #require(state.candidate)
    _ = state.take(success(), of: candidate, now: .zero)
    return state
}

/// A probe starts.
private func begin(_ state: inout AgentDecisions, at now: Duration, unknown: Set<GroupVersionKind> = []) -> [ProbeOrder]
{
    state.beginProbe(unknown: unknown, now: now, connect: link)
}

/// Runs probes as an agent does, each with that answer, for that long. Their times, and which of them asked for a
/// review.
private func probes(
    _ state: inout AgentDecisions, until end: Duration, answer: ProbeResult,
    between: (inout AgentDecisions, Duration) -> Void = { _, _ in }
) -> (starts: [Duration], reviews: [Duration]) {
    var (starts, reviews) = ([Duration](), [Duration]())
    var now = state.nextProbe
    while now <= end {
        var result = answer
        let orders = begin(&state, at: now)
        starts.append(now)
        if orders.contains(where: { $0.asksPermissions }) { reviews.append(now) } else { result.authorization = nil }
        for order in orders { _ = state.take(result, of: order.link, now: now) }
        // Ten times a second something happens.
        repeat {
            between(&state, now)
            now += .milliseconds(100)
        } while now < state.nextProbe && now <= end
    }
    return (starts, reviews)
}

@Suite("A data plane in Observe")
struct ObservingStateTests {
    @Test("It is read and worked on, but no write goes out, not even one that waits")
    func observes() throws {
        var state = try connected()
        state.permitWrites()
        let link = try #require(state.writeLink)
        #expect(link.mayWrite.withLock { $0 })
        state.isObserving = true
        state.permitWrites()
        #expect(!link.mayWrite.withLock { $0 } && !state.allowsWrites)
        #expect(state.workLink === link && state.allowsReads)
        state.isObserving = false
        state.permitWrites()
        #expect(link.mayWrite.withLock { $0 } && state.writeLink === link)
    }
}

@Suite("What a data plane can make us ask")
struct ProbeRateTests {
    private let minute = Duration.seconds(60)

    @Test("Writes that fail all the time lead to one probe an interval")
    func failingWrites() throws {
        var state = try connected()
        let (starts, reviews) = probes(&state, until: minute, answer: success()) { state, _ in
            for _ in 0..<50 { state.requestFailed(.failed(.serverError, "503: webhook"), connectionBroke: false) }
        }
        #expect(starts.count <= 8, "\(starts)")
        #expect(reviews.count <= 2, "\(reviews)")
        #expect(state.allowsWrites)
    }

    @Test("A policy that denies everything leads to one review an interval")
    func deniedWrites() throws {
        var state = try connected()
        let (starts, reviews) = probes(&state, until: minute, answer: success()) { state, _ in
            for _ in 0..<50 { state.wasForbidden() }
        }
        #expect(starts.count <= 8 && reviews.count <= 8, "\(starts), \(reviews)")
        #expect(reviews.count >= 5, "but it is looked at: \(reviews)")
    }

    @Test(
        "Connections that break all the time lead to ever fewer probes"
    )
    func brokenConnections() throws {
        var state = try connected()
        let (starts, _) = probes(&state, until: minute, answer: success()) { state, _ in
            state.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        }
        #expect(starts.count <= 12, "\(starts)")
        #expect(starts.count > 1 && starts[1] - starts[0] <= .milliseconds(500))
        var calm = try connected()
        _ = begin(&calm, at: .zero)
        _ = begin(&calm, at: .seconds(100))
        calm.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        #expect(calm.nextProbe == .seconds(100) + .milliseconds(500))
        _ = begin(&calm, at: .seconds(101))
        _ = begin(&calm, at: .seconds(200))
        calm.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        #expect(calm.nextProbe == .seconds(200) + .milliseconds(500))
    }

    @Test("A watch that is cut calls a probe, and writes stay open")
    func watchCut() throws {
        var state = try connected()
        _ = begin(&state, at: .seconds(100))
        state.watchWasCut()
        #expect(state.allowsWrites && !state.isSuspect)
        #expect(state.nextProbe <= .seconds(100) + ProbeSchedule.quick)
    }

    @Test("A data plane with other kinds at each answer fills nothing")
    func everNewKinds() throws {
        var state = try connected()
        let link = try #require(state.active)
        for round in 0..<20 {
            var answer = success()
            answer.served = [
                "new.example.org/v1": (0..<300).map {
                    ResourceType(
                        group: "new.example.org", version: "v1", kind: "K\(round)x\($0)", plural: "k\(round)x\($0)",
                        isNamespaced: true)
                }
            ]
            _ = state.take(answer, of: link, now: .seconds(round))
        }
        func knows(_ kind: String) -> Bool {
            state.facts.kinds[GroupVersionKind(group: "new.example.org", version: "v1", kind: kind)] != nil
        }
        #expect(knows("K19x0") && knows("K19x299") && !knows("K0x0"))
        #expect(state.facts.kinds[GroupVersionKind(group: "", version: "v1", kind: "Namespace")] != nil)
    }

    @Test("In a settled fleet permissions and version are looked at again once a minute")
    func checkup() throws {
        var state = try connected()
        var answer = success()
        answer.kubernetesVersion = "v1.36.2"
        let (starts, reviews) = probes(&state, until: minute * 5, answer: answer)
        #expect(starts.count == 31)
        #expect((5...6).contains(reviews.count), "\(reviews)")
        let gaps = zip(reviews.dropFirst(), reviews).map { $0 - $1 }
        #expect(gaps.allSatisfy { $0 == minute }, "\(gaps)")
        #expect(state.asksVersion(now: minute * 6))
    }

    @Test("A data plane that is upgraded in place is asked for its kinds again")
    func upgrade() throws {
        var state = try connected()
        let link = try #require(state.active)
        var answer = success()
        answer.kubernetesVersion = "v1.31.14"
        answer.served = ["new.example.org/v1": []]
        _ = state.take(answer, of: link, now: .zero)
        let kind = GroupVersionKind(group: "new.example.org", version: "v1", kind: "Thing")
        #expect(state.apiVersionsToDiscover([kind], now: .seconds(1)).isEmpty)
        answer.kubernetesVersion = "v1.36.2"
        answer.served = [:]
        _ = state.take(answer, of: link, now: .seconds(1))
        #expect(state.facts.kubernetesVersion == "v1.36.2")
        #expect(state.apiVersionsToDiscover([kind], now: .seconds(2)) == ["new.example.org/v1"])
    }

    @Test("An unreadable group version holds back its own kinds, and says why")
    func undiscovered() throws {
        var state = try connected()
        let link = try #require(state.active)
        var answer = success()
        answer.unanswered = ["away.example.org/v1": "discover away.example.org/v1: 503"]
        _ = state.take(answer, of: link, now: .zero)
        #expect(state.facts.kinds.unanswered["away.example.org/v1"] == "discover away.example.org/v1: 503")
        #expect(state.facts.discovered.isEmpty)
        answer.unanswered = [:]
        answer.served = ["away.example.org/v1": []]
        _ = state.take(answer, of: link, now: .seconds(40))
        #expect(state.facts.kinds.unanswered.isEmpty && state.facts.discovered == ["away.example.org/v1"])
    }

    @Test("kube-system that is refused, where it was readable before, asks for a review")
    func readsClusterNoMore() throws {
        var state = try connected()
        let link = try #require(state.active)
        _ = begin(&state, at: .zero)
        _ = begin(&state, at: .seconds(20))
        var refused = ProbeResult(.succeeded)
        refused.isClusterForbidden = true
        _ = state.take(refused, of: link, now: .seconds(20))
        #expect(state.nextProbe <= .seconds(21))
        let orders = begin(&state, at: .seconds(21))
        #expect(orders.count == 1 && orders[0].asksPermissions)
        refused.authorization = .missing([Permission(verb: "get", group: "", resource: "namespaces")])
        _ = state.take(refused, of: link, now: .seconds(21))
        #expect(state.nextProbe == .seconds(31), "it never could from now on: no news")
    }

    @Test("One 401 refuses no token: a good answer in between counts")
    func oneRejection() throws {
        var state = try connected()
        let link = try #require(state.active)
        let rejected = ProbeResult(.tokenRejected("401"))
        for _ in 0..<5 {
            _ = state.take(rejected, of: link, now: .zero)
            #expect(state.allowsWrites && state.facts.tokenRejected == nil && state.doubtsToken)
            #expect(state.probeDelay == .milliseconds(500))
            _ = state.take(success(), of: link, now: .zero)
            #expect(!state.doubtsToken && state.probeDelay == .seconds(10))
            _ = state.take(rejected, of: link, now: .zero)
            state.requestSucceeded()
        }
        _ = state.take(rejected, of: link, now: .zero)
        _ = state.take(rejected, of: link, now: .zero)
        #expect(!state.allowsWrites && state.facts.tokenRejected == "401")
    }

    @Test("A write that is answered 401 asks for a probe and refuses no token")
    func rejectedWrite() throws {
        var state = try connected()
        _ = begin(&state, at: .zero)
        for _ in 0..<20 { state.requestFailed(.tokenRejected("401 Unauthorized"), connectionBroke: false) }
        #expect(state.allowsWrites && state.facts.tokenRejected == nil)
        #expect(state.nextProbe == .milliseconds(500))
    }

    @Test("A server that is shutting down is left for one that stays, without an outage")
    func shuttingDown() throws {
        var state = try connected()
        let old = try #require(state.active)
        _ = begin(&state, at: .zero)
        var ending = success()
        ending.isShuttingDown = true
        _ = state.take(ending, of: old, now: .zero)
        #expect(state.allowsWrites && state.facts.reachability == .reachable)
        // The new connection leads to the same server.
        var orders = begin(&state, at: .seconds(1))
        #expect(orders.count == 2 && orders[1].link === old)
        let unused = state.take(ending, of: orders[0].link, now: .seconds(1))
        #expect(unused.count == 1 && state.active === old && state.candidate == nil && state.allowsWrites)
        _ = state.take(ending, of: old, now: .seconds(1))
        // The next one leads to another.
        orders = begin(&state, at: .seconds(11))
        let replaced = state.take(success(), of: orders[0].link, now: .seconds(11))
        #expect(state.active === orders[0].link && replaced.first === old && state.allowsWrites)
        #expect(state.facts.refusedCandidate == nil)
    }
}

@Suite("What may have failed for one cause")
struct SetbackTests {
    @Test("One is tried at a time, in turn; the others follow when one goes well")
    func turns() {
        var setbacks = Setbacks()
        for name in ["a", "b", "c"] { setbacks.failed(name, isRefusal: false) }
        var tried = [setbacks.next()]
        setbacks.failed("a", isRefusal: false)
        for _ in 0..<4 { tried.append(setbacks.next()) }
        #expect(tried == ["a", "b", "c", "a", nil])
        setbacks.failed("b", isRefusal: false)
        let follow = Set(setbacks.succeeded("a"))
        #expect(follow == ["b", "c"])
        let (next, more) = (setbacks.next(), setbacks.succeeded("b"))
        #expect(next == nil && more.isEmpty)
    }

    @Test("Work that a 401 held back waits until probes say that the token works again")
    func refusals() {
        var setbacks = Setbacks()
        setbacks.failed("a", isRefusal: true)
        setbacks.failed("b", isRefusal: false)
        let tried = [setbacks.next(), setbacks.next()]
        #expect(tried == ["b", nil])
        let follow = [setbacks.succeeded("b"), setbacks.takeRefused(), setbacks.takeRefused()]
        #expect(follow == [[], ["a"], []])
    }

    @Test("A broken connection is reported from the second time in a row")
    func losses() {
        var setbacks = Setbacks()
        var first = [setbacks.isFirstLoss("a"), setbacks.isFirstLoss("a"), setbacks.isFirstLoss("b")]
        _ = setbacks.succeeded("a")
        first.append(setbacks.isFirstLoss("a"))
        #expect(first == [true, false, true, true])
    }

    @Test("What fails again and again takes no more room")
    func bounded() {
        var setbacks = Setbacks()
        for _ in 0..<10_000 { setbacks.failed("a", isRefusal: false) }
        let tried = [setbacks.next(), setbacks.next()]
        #expect(tried == ["a", nil])
    }
}

@Suite("An agent's decisions")
struct AgentDecisionsTests {
    @Test("The first lists go out with the first probe, writes only after it has succeeded")
    func startsShut() throws {
        let state = state()
        #expect(state.readLink === state.candidate && !state.allowsWrites)
        #expect(try connected().allowsWrites)
    }

    @Test("A first connection that fails its probe is not read from until one succeeds")
    func firstProbeFails() throws {
        var state = state()
        let candidate = try #require(state.candidate)
        _ = state.take(failure, of: candidate, now: .zero)
        #expect(!state.allowsReads && !state.allowsWrites)
        var other = state
        _ = other.configure(AgentConfiguration(link: settings(token: "two")), connect: link)
        #expect(other.readLink === other.candidate && other.candidate !== candidate)
        _ = state.take(success(), of: candidate, now: .zero)
        #expect(state.readLink === candidate && state.allowsWrites)
    }

    @Test("What the first lists run into is left for the first probe to judge")
    func firstListsFail() throws {
        var state = state()
        _ = begin(&state, at: .zero)
        let next = state.nextProbe
        for _ in 0..<9 { state.requestFailed(.failed(.timeout, "no answer"), connectionBroke: true) }
        #expect(state.nextProbe == next)
        #expect(state.facts.reachability == .unknown && state.allowsReads)
    }

    @Test("The version is asked for at once if none is recorded, else with a later probe")
    func version() throws {
        var fresh = state()
        #expect(fresh.needsFullProbe && fresh.asksVersion(now: .zero))
        var answer = success()
        answer.authorization = .granted
        answer.kubernetesVersion = "v1.36.2"
        _ = fresh.take(answer, of: try #require(fresh.candidate), now: .zero)
        _ = begin(&fresh, at: .zero)
        #expect(!fresh.asksVersion(now: .seconds(1)))
        fresh.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        #expect(fresh.asksVersion(now: .seconds(1)), "it may have been upgraded")

        var known = state()
        var settings = known.configuration
        settings.hasRecordedVersion = true
        _ = known.configure(settings, connect: link)
        #expect(known.needsFullProbe && !known.asksVersion(now: .zero))
        answer.kubernetesVersion = nil
        _ = known.take(answer, of: try #require(known.candidate), now: .zero)
        #expect(!known.needsFullProbe && known.asksVersion(now: .zero))
    }

    @Test("Nothing is written before the cluster's UID is recorded and approved")
    func waitsForApproval() throws {
        var state = try connected(approved: nil)
        #expect(state.allowsReads && !state.allowsWrites)
        state.approvedUID = "u1"
        #expect(state.allowsWrites)
    }

    @Test("Another cluster on the endpoint is not used until the recorded one is back")
    func changedIdentity() throws {
        var state = try connected(recorded: "u1")
        let active = try #require(state.active)
        _ = state.take(success("u2"), of: active, now: .zero)
        #expect(state.facts.changedUID == "u2")
        #expect(!state.allowsReads && !state.allowsWrites)
        _ = state.take(success("u1"), of: active, now: .zero)
        #expect(state.facts.changedUID == nil && state.allowsWrites)
    }

    @Test("The first probe after a restart finds an identity other than the recorded one")
    func changedWhileAway() throws {
        var state = state(recorded: "u0", approved: "u0")
        let candidate = try #require(state.candidate)
        _ = state.take(success("u1"), of: candidate, now: .zero)
        #expect(state.facts.changedUID == "u1" && !state.allowsWrites)
    }

    @Test("Failures in a row shut it, one success opens it")
    func breaker() throws {
        var state = try connected()
        let active = try #require(state.active)
        _ = state.take(failure, of: active, now: .zero)
        #expect(state.allowsWrites && state.probeDelay < .seconds(1))
        _ = state.take(failure, of: active, now: .zero)
        #expect(!state.allowsReads && state.facts.reachability == .unreachable(.timeout, "no answer", attempts: 1))
        _ = state.take(success(), of: active, now: .zero)
        #expect(state.allowsWrites && state.facts.reachability == .reachable)
    }

    @Test("Requests answered with 5xx ask for a probe and shut nothing: the probe decides")
    func serverErrors() throws {
        var state = try connected()
        _ = begin(&state, at: .zero)
        #expect(state.nextProbe == .seconds(10))
        for _ in 0..<10 {
            state.requestFailed(.failed(.serverError, "500: failed calling webhook"), connectionBroke: false)
        }
        #expect(state.nextProbe == .milliseconds(500))
        #expect(state.allowsWrites && state.facts.reachability == .reachable)
    }

    @Test("A broken connection stops writes until a probe, and does not count as an outage")
    func brokenConnection() throws {
        var state = try connected()
        _ = begin(&state, at: .zero)
        for _ in 0..<40 { state.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true) }
        #expect(state.nextProbe == .milliseconds(500))
        #expect(state.allowsReads && !state.allowsWrites && state.facts.reachability == .reachable)
        let active = try #require(state.active)
        _ = state.take(success(nil), of: active, now: .zero)
        #expect(!state.allowsWrites, "who answers is not known yet")
        _ = state.take(success(), of: active, now: .zero)
        #expect(state.allowsWrites)
    }

    @Test("New credentials with which it can't be seen which cluster answers do not write")
    func rotationWithoutIdentity() throws {
        var state = try connected()
        _ = state.configure(AgentConfiguration(link: settings(token: "two")), connect: link)
        let candidate = try #require(state.candidate)
        _ = state.take(success(nil), of: candidate, now: .zero)
        #expect(state.active === candidate && state.allowsReads && !state.allowsWrites)
        _ = state.take(success(), of: candidate, now: .zero)
        #expect(state.allowsWrites)
    }

    @Test("New credentials take over only when they work; those in use stay until then")
    func rotation() throws {
        var state = try connected()
        let old = try #require(state.active)
        _ = state.configure(AgentConfiguration(link: settings(token: "two")), connect: link)
        let candidate = try #require(state.candidate)
        for _ in 0..<2 { _ = state.take(ProbeResult(.tokenRejected("401 Unauthorized")), of: candidate, now: .zero) }
        #expect(
            state.active === old && state.allowsWrites
                && state.facts.refusedCandidate == .tokenRejected("401 Unauthorized"))
        let unused = state.take(success(), of: candidate, now: .zero)
        #expect(state.active === candidate && state.facts.refusedCandidate == nil)
        #expect(unused.count == 1 && unused.first === old)
    }

    @Test("New settings that fail without an answer are not a rejected token")
    func newSettingsFail() throws {
        var state = try connected()
        let old = try #require(state.active)
        _ = state.configure(AgentConfiguration(link: settings(token: "two")), connect: link)
        let candidate = try #require(state.candidate)
        _ = state.take(failure, of: candidate, now: .zero)
        #expect(state.facts.refusedCandidate == .failed(.timeout, "no answer") && state.allowsWrites)
        #expect(state.facts.reachability == .reachable)
        for _ in 0..<2 { _ = state.take(failure, of: old, now: .zero) }
        #expect(state.facts.refusedCandidate == nil && state.facts.isUnreachable)
    }

    @Test("With a rejected token and failing new settings, the facts stay between probes")
    func bothFail() throws {
        for candidateFailsFirst in [false, true] {
            var state = try connected()
            let old = try #require(state.active)
            if !candidateFailsFirst { _ = state.take(ProbeResult(.tokenRejected("401")), of: old, now: .zero) }
            _ = state.configure(AgentConfiguration(link: settings(token: "two")), connect: link)
            let candidate = try #require(state.candidate)
            var seen: [AgentFacts] = []
            for _ in 0..<5 {
                _ = state.take(ProbeResult(.failed(.tlsUntrusted, "untrusted")), of: candidate, now: .zero)
                seen.append(state.facts)
                _ = state.take(ProbeResult(.tokenRejected("401")), of: old, now: .zero)
                seen.append(state.facts)
            }
            func told(_ facts: AgentFacts) -> String {
                guard case .unreachable(let reason, _, _) = facts.reachability else { return "reachable" }
                return "\(reason), \(facts.tokenRejected ?? "-"), \(facts.refusedCandidate.map { "\($0)" } ?? "-")"
            }
            #expect(Set(seen.suffix(5).map(told)) == ["tlsUntrusted, 401, -"])
        }
    }

    @Test("If new settings are refused and old ones fail, the facts stay between probes")
    func rejectedBesideFailure() throws {
        var state = try connected()
        let old = try #require(state.active)
        for _ in 0..<2 { _ = state.take(ProbeResult(.failed(.tlsUntrusted, "untrusted")), of: old, now: .zero) }
        _ = state.configure(AgentConfiguration(link: settings(token: "two")), connect: link)
        let candidate = try #require(state.candidate)
        var seen: [AgentFacts] = []
        for _ in 0..<5 {
            _ = state.take(ProbeResult(.tokenRejected("401")), of: candidate, now: .zero)
            seen.append(state.facts)
            _ = state.take(ProbeResult(.failed(.tlsUntrusted, "untrusted")), of: old, now: .zero)
            seen.append(state.facts)
        }
        #expect(Set(seen.suffix(6)).count == 1)
        #expect(state.facts.reachability == .reachable && state.facts.tokenRejected == "401")
        #expect(!state.allowsReads && !state.allowsWrites)
        // The server goes away, and that is told.
        _ = state.take(failure, of: candidate, now: .zero)
        _ = state.take(failure, of: old, now: .zero)
        #expect(state.facts.isUnreachable)
    }

    @Test("A rejected token is an answer: later probes come at the usual distance")
    func rejectedAfterFailure() throws {
        var state = try connected()
        let active = try #require(state.active)
        let usual = state.probeDelay
        _ = state.take(failure, of: active, now: .zero)
        #expect(state.probeDelay < usual)
        _ = state.take(ProbeResult(.tokenRejected("401 Unauthorized")), of: active, now: .zero)
        #expect(state.probeDelay < usual, "whether it really is rejected, the second one tells")
        _ = state.take(ProbeResult(.tokenRejected("401 Unauthorized")), of: active, now: .zero)
        #expect(state.probeDelay == usual && !state.allowsWrites)
    }

    @Test("Another endpoint lets go of the old server at once and may be another cluster")
    func moved() throws {
        var state = try connected()
        let unused = state.configure(AgentConfiguration(link: settings("https://dp2")), connect: link)
        #expect(unused.count == 1 && state.active == nil && !state.allowsWrites)
        let candidate = try #require(state.candidate)
        _ = state.take(success("u2"), of: candidate, now: .zero)
        #expect(state.facts.clusterUID == "u2" && state.facts.changedUID == nil)
        #expect(!state.allowsWrites, "the new one is to be approved first")
    }

    @Test("A rejected token stops writes but says that the server is reachable")
    func rejected() throws {
        var state = try connected()
        let active = try #require(state.active)
        for _ in 0..<2 { _ = state.take(ProbeResult(.tokenRejected("401 Unauthorized")), of: active, now: .zero) }
        #expect(!state.allowsWrites && !state.allowsReads && state.facts.reachability == .reachable)
        #expect(state.facts.tokenRejected == "401 Unauthorized")
        // Watches wait out no backoff: the gate opens with the next success.
        _ = state.take(success(), of: active, now: .zero)
        #expect(state.allowsWrites && state.allowsReads)
    }

    @Test("A former duplicate must be approved again, whatever says that it is over")
    func heldAsDuplicate() throws {
        var state = try connected()
        state.isDuplicate = true
        #expect(!state.allowsWrites && !state.allowsReads)
        state.isDuplicate = false
        #expect(state.allowsReads && !state.allowsWrites)
        state.approvedUID = "u1"
        #expect(state.allowsWrites)
    }

    @Test("Links write exactly while the state allows; a stopped link sends nothing waiting")
    func permits() throws {
        func mayWrite(_ link: Link) -> Bool { link.mayWrite.withLock { $0 } }
        var state = try connected()
        let first = try #require(state.active)
        #expect(!mayWrite(first))
        state.permitWrites()
        #expect(mayWrite(first))
        state.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        state.permitWrites()
        #expect(!mayWrite(first), "who answers on the next connection must be seen before anything is written")
        _ = state.take(success(), of: first, now: .zero)
        state.permitWrites()
        #expect(mayWrite(first))
        _ = state.configure(AgentConfiguration(link: settings(token: "two")), connect: link)
        let second = try #require(state.candidate)
        let unused = state.take(success(), of: second, now: .zero)
        state.permitWrites(except: unused)
        #expect(!mayWrite(first) && mayWrite(second))
    }

    @Test("After a broken connection nothing is written before a probe has seen the server")
    func suspicion() throws {
        var state = try connected()
        let active = try #require(state.active)
        state.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        #expect(!state.allowsWrites)
        _ = state.take(success(), of: active, now: .zero)
        #expect(state.allowsWrites)
    }

    @Test("Too many requests asks for patience, not for a new connection")
    func tooManyRequests() throws {
        var state = try connected()
        _ = begin(&state, at: .zero)
        let next = state.nextProbe
        state.requestFailed(.failed(.tooManyRequests, "429"), connectionBroke: false)
        #expect(state.nextProbe == next)
        #expect(state.allowsWrites)
    }

    @Test("Changing settings there and back keeps the connection")
    func thereAndBack() throws {
        var state = try connected()
        let active = try #require(state.active)
        _ = state.configure(AgentConfiguration(link: settings(token: "two")), connect: link)
        _ = state.configure(AgentConfiguration(link: settings()), connect: link)
        #expect(state.active === active && state.candidate == nil)
    }
}
