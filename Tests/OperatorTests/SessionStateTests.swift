import ControlLoop
import Fleet
import HTTP
import Kube
import Support
import TestSupport
import Testing

@testable import Operator

/// A server that nobody asks anything.
private struct DeafTransport: HTTPTransport {
    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse { HTTPResponse(status: 500) }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.closed, "closed", mayHaveBeenProcessed: false)
    }
    func close() {}
}

private func link(_ configuration: LinkConfiguration) -> Link {
    let client = KubeClient(
        server: "https://dp", transport: DeafTransport(), authorization: NoAuthorization(),
        options: .init(userAgent: "squadron-test"))
    return Link(configuration, client: client, prober: client)
}

private func settings(_ server: String = "https://dp1", token: String = "one") -> LinkConfiguration {
    LinkConfiguration(server: .url(server), token: Sensitive(token), ca: [], connection: Connection())
}

private func success(_ uid: String? = "u1") -> ProbeResult {
    var result = ProbeResult(.succeeded)
    result.clusterUID = uid
    result.authorization = .granted
    return result
}

private let failure = ProbeResult(.failed(.timeout, "no answer"))

private func state(recorded: String? = nil, approved: String? = "u1") -> SessionState {
    var state = SessionState(
        SessionConfiguration(), breaker: CircuitBreaker.Configuration(failuresToOpen: 2, successesToClose: 1))
    _ = state.configure(SessionConfiguration(link: settings(), recordedUID: recorded), connect: link)
    state.approvedUID = approved
    return state
}

private func connected(recorded: String? = nil, approved: String? = "u1") throws -> SessionState {
    var state = state(recorded: recorded, approved: approved)
    let candidate = try #require(state.candidate)
    _ = state.take(success(), of: candidate, now: .zero)
    return state
}

@Suite("A session's decisions")
struct SessionStateTests {
    @Test("The first lists go out with the first probe, writes only after it has succeeded")
    func startsShut() throws {
        let state = state()
        #expect(state.readLink === state.candidate && !state.allowsWrites)
        #expect(try connected().allowsWrites)
    }

    @Test("A first connection that fails its probe is read from no more, until it succeeds or is another one")
    func firstProbeFails() throws {
        var state = state()
        let candidate = try #require(state.candidate)
        _ = state.take(failure, of: candidate, now: .zero)
        #expect(!state.allowsReads && !state.allowsWrites)
        var other = state
        _ = other.configure(SessionConfiguration(link: settings(token: "two")), connect: link)
        #expect(other.readLink === other.candidate && other.candidate !== candidate)
        _ = state.take(success(), of: candidate, now: .zero)
        #expect(state.readLink === candidate && state.allowsWrites)
    }

    @Test("What the first lists run into is left for the first probe to judge")
    func firstListsFail() throws {
        var state = state()
        for _ in 0..<9 {
            let isUrgent = state.requestFailed(.failed(.timeout, "no answer"), connectionBroke: true)
            #expect(!isUrgent)
        }
        #expect(state.facts.reachability == .unknown && state.allowsReads)
    }

    @Test("The version is asked for at once where none is recorded, else with the first probe that has time for it")
    func version() throws {
        var fresh = state()
        #expect(fresh.needsFullProbe && fresh.asksVersion)
        var answer = success()
        answer.authorization = .granted
        answer.kubernetesVersion = "v1.36.2"
        _ = fresh.take(answer, of: try #require(fresh.candidate), now: .zero)
        #expect(!fresh.asksVersion)
        _ = fresh.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        #expect(fresh.asksVersion, "it may have been upgraded")

        var known = state()
        var settings = known.configuration
        settings.hasRecordedVersion = true
        _ = known.configure(settings, connect: link)
        #expect(known.needsFullProbe && !known.asksVersion)
        answer.kubernetesVersion = nil
        _ = known.take(answer, of: try #require(known.candidate), now: .zero)
        #expect(!known.needsFullProbe && known.asksVersion)
    }

    @Test("Nothing is written before the cluster's UID is recorded and approved")
    func waitsForApproval() throws {
        var state = try connected(approved: nil)
        #expect(state.allowsReads && !state.allowsWrites)
        state.approvedUID = "u1"
        #expect(state.allowsWrites)
    }

    @Test("Another cluster on the endpoint is neither read nor written to, until the recorded one is back")
    func changedIdentity() throws {
        var state = try connected(recorded: "u1")
        let active = try #require(state.active)
        _ = state.take(success("u2"), of: active, now: .zero)
        #expect(state.facts.changedUID == "u2")
        #expect(!state.allowsReads && !state.allowsWrites)
        _ = state.take(success("u1"), of: active, now: .zero)
        #expect(state.facts.changedUID == nil && state.allowsWrites)
    }

    @Test("A different identity than the recorded one is found with the first probe after a restart")
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

    @Test("Requests that the server answers with 5xx ask for a probe and shut nothing: the probe decides")
    func serverErrors() throws {
        var state = try connected()
        for _ in 0..<10 {
            let isUrgent = state.requestFailed(
                .failed(.serverError, "500: failed calling webhook"), connectionBroke: false)
            #expect(isUrgent)
        }
        #expect(state.allowsWrites && state.facts.reachability == .reachable)
    }

    @Test("A connection that breaks with all that is on it stops writes until it is seen who answers, and is no outage")
    func brokenConnection() throws {
        var state = try connected()
        for _ in 0..<40 {
            let isUrgent = state.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
            #expect(isUrgent)
        }
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
        _ = state.configure(SessionConfiguration(link: settings(token: "two")), connect: link)
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
        _ = state.configure(SessionConfiguration(link: settings(token: "two")), connect: link)
        let candidate = try #require(state.candidate)
        _ = state.take(ProbeResult(.tokenRejected("401 Unauthorized")), of: candidate, now: .zero)
        #expect(
            state.active === old && state.allowsWrites
                && state.facts.refusedCandidate == .tokenRejected("401 Unauthorized"))
        let unused = state.take(success(), of: candidate, now: .zero)
        #expect(state.active === candidate && state.facts.refusedCandidate == nil)
        #expect(unused.count == 1 && unused.first === old)
    }

    @Test("New settings that fail without an answer are no rejected token, and of no account once both are away")
    func newSettingsFail() throws {
        var state = try connected()
        let old = try #require(state.active)
        _ = state.configure(SessionConfiguration(link: settings(token: "two")), connect: link)
        let candidate = try #require(state.candidate)
        _ = state.take(failure, of: candidate, now: .zero)
        #expect(state.facts.refusedCandidate == .failed(.timeout, "no answer") && state.allowsWrites)
        #expect(state.facts.reachability == .reachable)
        for _ in 0..<2 { _ = state.take(failure, of: old, now: .zero) }
        #expect(state.facts.refusedCandidate == nil && state.facts.isUnreachable)
    }

    @Test("With the old token rejected and new settings that fail, what is known stays the same from probe to probe")
    func bothFail() throws {
        for candidateFailsFirst in [false, true] {
            var state = try connected()
            let old = try #require(state.active)
            if !candidateFailsFirst { _ = state.take(ProbeResult(.tokenRejected("401")), of: old, now: .zero) }
            _ = state.configure(SessionConfiguration(link: settings(token: "two")), connect: link)
            let candidate = try #require(state.candidate)
            var seen: [SessionFacts] = []
            for _ in 0..<4 {
                _ = state.take(ProbeResult(.failed(.tlsUntrusted, "untrusted")), of: candidate, now: .zero)
                seen.append(state.facts)
                _ = state.take(ProbeResult(.tokenRejected("401")), of: old, now: .zero)
                seen.append(state.facts)
            }
            func told(_ facts: SessionFacts) -> String {
                guard case .unreachable(let reason, _, _) = facts.reachability else { return "reachable" }
                return "\(reason), \(facts.tokenRejected ?? "-"), \(facts.refusedCandidate.map { "\($0)" } ?? "-")"
            }
            #expect(Set(seen.suffix(5).map(told)) == ["tlsUntrusted, 401, -"])
        }
    }

    @Test("A rejected token is an answer: after one probe that failed, the next ones come at the usual distance")
    func rejectedAfterFailure() throws {
        var state = try connected()
        let active = try #require(state.active)
        let usual = state.probeDelay
        _ = state.take(failure, of: active, now: .zero)
        #expect(state.probeDelay < usual)
        _ = state.take(ProbeResult(.tokenRejected("401 Unauthorized")), of: active, now: .zero)
        #expect(state.probeDelay == usual && !state.allowsWrites)
    }

    @Test("Another endpoint lets go of the old server at once and may be another cluster")
    func moved() throws {
        var state = try connected()
        let unused = state.configure(SessionConfiguration(link: settings("https://dp2")), connect: link)
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
        _ = state.take(ProbeResult(.tokenRejected("401 Unauthorized")), of: active, now: .zero)
        #expect(!state.allowsWrites && !state.allowsReads && state.facts.reachability == .reachable)
        #expect(state.facts.tokenRejected == "401 Unauthorized")
        // Watches wait out no backoff: the gate opens with the next success.
        _ = state.take(success(), of: active, now: .zero)
        #expect(state.allowsWrites && state.allowsReads)
    }

    @Test("Once held as a duplicate it has to be approved anew, whoever says that it is over")
    func heldAsDuplicate() throws {
        var state = try connected()
        state.isDuplicate = true
        #expect(!state.allowsWrites && !state.allowsReads)
        state.isDuplicate = false
        #expect(state.allowsReads && !state.allowsWrites)
        state.approvedUID = "u1"
        #expect(state.allowsWrites)
    }

    @Test(
        "Links may write exactly while the state allows it: what waits on one that is stopped or replaced is not sent")
    func permits() throws {
        func mayWrite(_ link: Link) -> Bool { link.mayWrite.withLock { $0 } }
        var state = try connected()
        let first = try #require(state.active)
        #expect(!mayWrite(first))
        state.permitWrites()
        #expect(mayWrite(first))
        _ = state.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        state.permitWrites()
        #expect(!mayWrite(first), "who answers on the next connection must be seen before anything is written")
        _ = state.take(success(), of: first, now: .zero)
        state.permitWrites()
        #expect(mayWrite(first))
        _ = state.configure(SessionConfiguration(link: settings(token: "two")), connect: link)
        let second = try #require(state.candidate)
        let unused = state.take(success(), of: second, now: .zero)
        state.permitWrites(except: unused)
        #expect(!mayWrite(first) && mayWrite(second))
    }

    @Test("After a broken connection nothing is written before a probe has seen who answers now")
    func suspicion() throws {
        var state = try connected()
        let active = try #require(state.active)
        let wakes = state.requestFailed(.failed(.connectFailed, "reset"), connectionBroke: true)
        #expect(wakes && !state.allowsWrites)
        _ = state.take(success(), of: active, now: .zero)
        #expect(state.allowsWrites)
    }

    @Test("Too many requests asks for patience, not for a new connection")
    func tooManyRequests() throws {
        var state = try connected()
        let wakes = state.requestFailed(.failed(.tooManyRequests, "429"), connectionBroke: false)
        #expect(!wakes)
        #expect(state.allowsWrites)
    }

    @Test("Changing settings there and back keeps the connection")
    func thereAndBack() throws {
        var state = try connected()
        let active = try #require(state.active)
        _ = state.configure(SessionConfiguration(link: settings(token: "two")), connect: link)
        _ = state.configure(SessionConfiguration(link: settings()), connect: link)
        #expect(state.active === active && state.candidate == nil)
    }
}
