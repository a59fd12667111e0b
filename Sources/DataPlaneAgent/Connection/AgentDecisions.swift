import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// The decisions of an agent, as a value: which link is in use (`ConnectionState`), whether requests may pass, what the
/// next probe asks (`ProbeAgenda`), and the facts.
struct AgentDecisions: Sendable {
    private(set) var configuration: AgentConfiguration
    private var connection = ConnectionState.idle
    private(set) var breaker: CircuitBreaker
    private(set) var facts = AgentFacts()
    private var agenda: ProbeAgenda
    /// An older DataPlane has the same cluster. When that is over, this one must be approved again, because the caller
    /// may have looked before the other one answered.
    var isDuplicate = false { didSet { if isDuplicate { approvedUID = nil } } }
    /// The UID of the cluster that may be written to. It is recorded in the DataPlane's status, and no other DataPlane
    /// has the cluster.
    var approvedUID: String?
    /// Nothing is written, whatever else is allowed.
    var isObserving = false
    /// Whether `kube-system` could be read at the last try.
    private var readsCluster = false
    /// Failed attempts in a row.
    private var failedAttempts = 0

    init(_ configuration: AgentConfiguration, breaker: CircuitBreaker.Configuration) {
        self.configuration = configuration
        self.breaker = CircuitBreaker(breaker)
        agenda = ProbeAgenda(interval: breaker.probeInterval)
    }

    // MARK: What may be sent

    var active: Link? { connection.used?.link }
    var candidate: Link? { connection.candidate?.link }
    var links: [Link] { connection.links }
    var isSuspect: Bool { connection.used?.isSuspect ?? false }

    /// The link for lists and watches. Nil while none may be sent. A probe may always be sent.
    ///
    /// Before any link has proved itself, the first lists go out together with the first probe, which halves the time
    /// to them. They stop if the probe fails. What they showed is dropped if it finds another cluster.
    var readLink: Link? {
        guard breaker.allowsRequests, facts.tokenRejected == nil, facts.changedUID == nil, !isDuplicate else {
            return nil
        }
        switch connection {
        case .idle: return nil
        case .trying(let candidate): return candidate.hasFailed ? nil : candidate.link
        case .inUse(let used), .replacing(let used, _): return used.link
        }
    }
    /// The link for writes. Nil while none may be sent.
    var writeLink: Link? { isObserving ? nil : workLink }
    /// The link for work on namespaces: comparisons and, unless the mode is Observe, writes.
    var workLink: Link? {
        guard let used = connection.used, readLink === used.link, !used.isSuspect, let uid = facts.clusterUID,
            uid == approvedUID
        else { return nil }
        return used.link
    }
    /// Tells the links which of them may write. Call it under the same lock as the change behind it. After that lock is
    /// released, no waiting write goes out against the change.
    func permitWrites(except unused: [Link] = []) {
        for link in unused { link.mayWrite.withLock { $0 = false } }
        let isOpen = allowsWrites
        active?.mayWrite.withLock { $0 = isOpen }
    }
    var allowsReads: Bool { readLink != nil }
    var allowsWrites: Bool { writeLink != nil }
    var allowsWork: Bool { workLink != nil }

    // MARK: Probes

    /// From the start of one probe to the start of the next, if nothing calls for one sooner. After a first failure or
    /// a first 401 the next probe comes soon. So it is known well before the next interval whether the data plane is
    /// away or refuses the token.
    var probeDelay: Duration {
        let isFirstFailure = if case .closed(let failures) = breaker.state { failures > 0 } else { false }
        if isFirstFailure || connection.hasOpenDoubt { return min(ProbeSchedule.quick, breaker.probeDelay) }
        return breaker.probeDelay
    }

    /// A probe was answered with 401, and no later answer has shown whether that was right.
    var doubtsToken: Bool { connection.used?.doubt.isOpen ?? false || facts.tokenRejected != nil }

    /// When the next probe starts.
    var nextProbe: Duration { agenda.schedule.next(after: probeDelay) }

    /// Begins a probe. Returns what to ask on which links.
    mutating func beginProbe(
        unknown: Set<GroupVersionKind>, now: Duration, connect: (LinkConfiguration) -> Link
    ) -> [ProbeOrder] {
        connection.probeBegins(connect: connect)
        return agenda.begin(links, candidate: candidate, situation, unknown: unknown, now: now)
    }

    private var situation: ProbeAgenda.Situation {
        ProbeAgenda.Situation(
            triesConnection: connection.candidate != nil, triesSettings: connection.triesSettings,
            isUnsettled: !breaker.allowsRequests || facts.clusterUID == nil
                || (facts.authorization != .granted && facts.authorization != .unsaid),
            knowsVersion: facts.kubernetesVersion != nil || configuration.hasRecordedVersion)
    }
    var needsFullProbe: Bool { agenda.needsFullProbe(situation) }
    func asksVersion(now: Duration) -> Bool { agenda.asksVersion(situation, now: now) }
    func apiVersionsToDiscover(_ unknown: Set<GroupVersionKind>, now: Duration) -> Set<String> {
        agenda.apiVersionsToDiscover(unknown, now: now)
    }

    /// Takes new settings. `connect` makes a link for them. Returns the links that are no longer used.
    mutating func configure(_ new: AgentConfiguration, connect: (LinkConfiguration) -> Link) -> [Link] {
        let before = configuration
        configuration = new
        guard new.link != before.link || (new.link != nil && links.isEmpty) else { return [] }
        facts.refusedCandidate = nil
        let change = connection.configure(new.link, connect: connect)
        if change.leavesServer {
            let uid = new.link == nil ? facts.clusterUID : nil
            facts = AgentFacts()
            facts.clusterUID = uid
            agenda.forgetDiscovery()
        }
        return change.unused
    }

    /// Takes a probe's result into account. Returns the links that are no longer used.
    mutating func take(_ result: ProbeResult, of link: Link, now: Duration) -> [Link] {
        switch connection.role(of: link) {
        case .candidate(let candidate): return take(result, of: candidate, now)
        case .inUse: takeOfLinkInUse(result, now)
        case nil: return [link]
        }
        return []
    }

    private mutating func take(
        _ result: ProbeResult, of candidate: ConnectionState.Candidate, _ now: Duration
    ) -> [Link] {
        if candidate.isOnlyFresh {
            // The link in use goes on. There is nothing to report about the new connection.
            guard case .succeeded = result.answer, !result.isShuttingDown else {
                connection.dropCandidate()
                return [candidate.link]
            }
        }
        if case .succeeded = result.answer {
            let before = connection.prove()
            agenda.doubtVersion()
            breaker = CircuitBreaker(breaker.configuration)
            facts.refusedCandidate = nil
            learn(result, now)
            return before.map { [$0] } ?? []
        }
        guard connection.candidateFailed(isRefusal: result.answer.isRefusal) else { return [] }
        if active != nil, breaker.allowsRequests, facts.tokenRejected == nil {
            facts.refusedCandidate = result.answer
        } else {
            fail(result.answer)
        }
        return []
    }

    private mutating func takeOfLinkInUse(_ result: ProbeResult, _ now: Duration) {
        switch result.answer {
        case .succeeded:
            _ = breaker.record(.probeSucceeded)
            learn(result, now)
            if result.isShuttingDown {
                connection.endsSoon()
                agenda.call(.failure)
            }
        case .tokenRejected:
            // A 401 is an answer, so what failed before was not an outage.
            if breaker.allowsRequests { breaker = CircuitBreaker(breaker.configuration) }
            // One of several API servers may have an old key. The next probe comes soon and shows it.
            if !connection.refused(), facts.tokenRejected == nil { return }
            facts.refusedCandidate = nil
            // While newer settings fail too, their failure is shown, since the old ones have nothing new to say.
            if connection.candidate?.hasFailed == true, facts.tokenRejected != nil { return }
            fail(result.answer)
        case .failed:
            _ = breaker.record(.probeFailed)
            if !breaker.allowsRequests {
                // Both links are down, so the candidate's failure is not shown separately.
                facts.refusedCandidate = nil
                // The server has answered the new settings: it refuses their token. So it is not unreachable, although the
                // old settings fail.
                if connection.candidate?.hasFailed == true, facts.tokenRejected != nil { return }
                fail(result.answer)
            }
        }
    }

    private mutating func learn(_ result: ProbeResult, _ now: Duration) {
        failedAttempts = 0
        connection.succeeded(isIdentified: result.clusterUID != nil)
        // `kube-system` could be read before and is refused now, so our rights have changed.
        if result.isClusterForbidden, readsCluster, result.authorization == nil { agenda.wasForbidden() }
        readsCluster = result.clusterUID != nil
        if let version = result.kubernetesVersion {
            agenda.learnedVersion(isOther: facts.kubernetesVersion.map { $0 != version } ?? false)
        }
        if result.authorization != nil { agenda.reviewed() }
        for version in result.served.keys { agenda.discovered(version, now: now) }
        for version in result.unanswered.keys { agenda.discovered(version, now: now) }
        facts.learn(result, recordedUID: configuration.recordedUID)
    }

    private mutating func fail(_ answer: ProbeAnswer) {
        switch answer {
        case .succeeded: break
        case .tokenRejected(let text):
            // It answered, so the connection works.
            facts.reachability = .reachable
            facts.tokenRejected = text
            facts.authorization = .unknown
            connection.suspect()
        case .failed(let reason, let text):
            failedAttempts += 1
            let doubled = 1 << (Int.bitWidth - 1 - failedAttempts.leadingZeroBitCount)
            facts.reachability = .unreachable(reason, text, attempts: doubled)
            facts.authorization = .unknown
        }
    }

    // MARK: News from requests and others

    /// A request other than a probe failed. Only probes decide whether the data plane is away or refuses the token. The
    /// failure may concern one object (a broken webhook, or one that answers 401) or one broken connection with
    /// everything on it.
    mutating func requestFailed(_ answer: ProbeAnswer, connectionBroke: Bool) {
        guard active != nil else { return }  // the first probe is under way and says more
        if connectionBroke {
            connection.suspect()
            agenda.doubtVersion()
            agenda.call(.brokenConnection)
        }
        switch answer {
        case .succeeded, .failed(.tooManyRequests, _): break
        case .tokenRejected, .failed: agenda.call(.failure)
        }
    }

    /// A request other than a probe succeeded, so the token is accepted.
    mutating func requestSucceeded() { connection.tokenWasAccepted() }

    /// The connection of a watch was cut. The watch goes on from its version.
    mutating func watchWasCut() { agenda.call(.brokenConnection) }

    /// Somebody waits for the next probe.
    mutating func callProbe() { agenda.call(.change) }

    /// Rights turned out to be missing. The next probe reviews them again.
    mutating func wasForbidden() { agenda.wasForbidden() }

    /// Other rights are needed than those of the last review.
    mutating func needsOtherPermissions() { agenda.needsOtherPermissions() }

    /// - Parameter excess: nil if the data plane is within its budget.
    mutating func exceeds(_ excess: BudgetExcess?) { facts.overBudget = excess }

    /// A request was refused, or one that was refused before is allowed now.
    mutating func request(_ permission: Permission, isRefused: Bool) {
        if isRefused { facts.refused.insert(permission) } else { facts.refused.remove(permission) }
    }

    /// - Parameter text: nil if all is well.
    mutating func trouble(with type: ResourceType, _ text: String?) { facts.listTroubles[type.description] = text }

    /// Drops the troubles of kinds that are no longer watched.
    mutating func retainTroubles(of types: [ResourceType]) {
        let watched = Set(types.map(\.description))
        facts.listTroubles = facts.listTroubles.filter { watched.contains($0.key) }
    }
}
