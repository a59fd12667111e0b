import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// What a probe asks beside whether the data plane answers and which one it is.
struct ProbeQuestions: Sendable {
    /// The rights to review, along with our user name. Nil: not asked. It is called when the answer has come, since the
    /// needed rights may have become known meanwhile.
    var permissions: (@Sendable () -> [Permission])?
    var asksVersion = false
    /// The group versions whose kinds to ask for.
    var apiVersions: Set<String> = []
}

/// One link to probe, and what to ask on it.
struct ProbeOrder: Sendable {
    var link: Link
    var asksPermissions: Bool
    var asksVersion: Bool
    var apiVersions: Set<String>
}

/// What one probe of a data plane found.
struct ProbeResult: Sendable {
    var answer: ProbeAnswer
    /// The UID of `kube-system`. Nil if it could not be read.
    var clusterUID: String?
    /// Only a full probe finds these.
    var kubernetesVersion: String?
    var identity: String?
    var authorization: DataPlaneObservation.Authorization?
    /// The rights that `authorization` is about.
    var reviewed: [Permission]?
    /// The server says that we may not read `kube-system`.
    var isClusterForbidden = false
    /// The kinds of each group version that was asked for. Empty if it is not served.
    var served: [String: [ResourceType]] = [:]
    /// Why there was no answer, for each group version that was asked for.
    var unanswered: [String: String] = [:]
    /// It still serves requests, but will end soon.
    var isShuttingDown = false

    init(_ answer: ProbeAnswer, _ clusterUID: String? = nil) {
        self.answer = answer
        self.clusterUID = clusterUID
    }
}

/// The decisions of a session, as a value: which link is in use, whether requests may pass, and the facts.
///
/// ```
/// no link ── configured ──► candidate ── probe succeeded ──► active ── probes fail ──► breaker open
///                              ▲                               │  ▲                        │
///                              └───── reconfigured ────────────┘  └──── probe succeeded ───┘
/// ```
/// A candidate replaces the active link only after a successful probe. Until then the old credentials stay in use.
struct SessionState: Sendable {
    private(set) var configuration: SessionConfiguration
    private(set) var active: Link?
    private(set) var candidate: Link?
    private var candidateFailed = false
    /// The candidate has the settings of the link in use and only a new connection.
    private var isOnlyFresh = false
    /// The server at the other end is about to end. Another connection may lead to a server that stays.
    private var wantsFreshConnection = false
    private(set) var breaker: CircuitBreaker
    private(set) var facts = SessionFacts()
    /// An older DataPlane has the same cluster. When that is over, this one must be approved anew, because the caller
    /// may have looked before the other one answered.
    var isDuplicate = false { didSet { if isDuplicate { approvedUID = nil } } }
    /// The UID of the cluster that may be written to. It is recorded in the DataPlane's status, and no other DataPlane
    /// has the cluster.
    var approvedUID: String?
    /// The connection is new, or one broke. Nothing is written before a probe has seen which server answers.
    private(set) var isSuspect = false
    /// A request was refused since the last review.
    private var needsReview = false
    /// Other rights are needed than those of the last review.
    private var needsOtherReview = false
    private var lastReview: Duration?
    /// Whether `kube-system` could be read at the last try.
    private var readsCluster = false
    private var schedule: ProbeSchedule
    /// What probes say about the tokens of the link in use and of the candidate.
    private var doubt = TokenDoubt()
    private var candidateDoubt = TokenDoubt()
    /// Failed attempts in a row.
    private var failedAttempts = 0
    private var lastDiscovery: [String: Duration] = [:]
    /// The server may have been upgraded since we asked for its version.
    private var versionIsDue = true
    private var lastVersion: Duration?

    init(_ configuration: SessionConfiguration, breaker: CircuitBreaker.Configuration) {
        self.configuration = configuration
        self.breaker = CircuitBreaker(breaker)
        schedule = ProbeSchedule(interval: breaker.probeInterval)
    }

    /// The link for lists and watches. Nil while none may be sent. A probe may always be sent.
    ///
    /// Before any link has proved itself, the first lists go out together with the first probe, which halves the time
    /// to them. They stop if the probe fails. What they showed is dropped if it finds another cluster.
    var readLink: Link? {
        guard breaker.allowsRequests, facts.tokenRejected == nil, facts.changedUID == nil, !isDuplicate else {
            return nil
        }
        return active ?? (candidateFailed ? nil : candidate)
    }
    /// Nothing is written, whatever else is allowed.
    var isObserving = false

    /// The link for writes. Nil while none may be sent.
    var writeLink: Link? { isObserving ? nil : workLink }
    /// The link for work on namespaces: comparisons and, unless the mode is Observe, writes.
    var workLink: Link? {
        guard let active, readLink === active, !isSuspect, let uid = facts.clusterUID, uid == approvedUID else {
            return nil
        }
        return active
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

    /// The link to probe next.
    var probed: Link? { candidate ?? active }

    /// From the start of one probe to the start of the next, if nothing calls for one sooner. After a first failure or
    /// a first 401 the next probe comes soon. So it is known well before the next interval whether the data plane is
    /// away or refuses the token.
    var probeDelay: Duration {
        let isFirstFailure = if case .closed(let failures) = breaker.state { failures > 0 } else { false }
        if isFirstFailure || doubt.isOpen || candidateDoubt.isOpen {
            return min(ProbeSchedule.quick, breaker.probeDelay)
        }
        return breaker.probeDelay
    }

    /// A probe was answered with 401, and no later answer has shown whether that was right.
    var doubtsToken: Bool { doubt.isOpen || facts.tokenRejected != nil }

    /// When the next probe starts.
    var nextProbe: Duration { schedule.next(after: probeDelay) }

    /// Begins a probe. Returns what to ask on which links.
    mutating func beginProbe(
        unknown: Set<GroupVersionKind>, now: Duration, connect: (LinkConfiguration) -> Link
    ) -> [ProbeOrder] {
        schedule.began(now: now)
        if wantsFreshConnection, candidate == nil, let active {
            candidate = connect(active.configuration)
            (isOnlyFresh, candidateFailed) = (true, false)
        }
        wantsFreshConnection = false
        let reviews = reviewIsDue(now: now)
        let asksVersion = asksVersion(now: now)
        let apiVersions = apiVersionsToDiscover(unknown, now: now)
        let isNew = candidate != nil && !isOnlyFresh
        if reviews || isNew { (lastReview, needsOtherReview) = (now, false) }
        if asksVersion { lastVersion = now }
        let orders = [candidate, active].compactMap { $0 }.map { link in
            ProbeOrder(
                link: link, asksPermissions: reviews || (isNew && link === candidate), asksVersion: asksVersion,
                apiVersions: apiVersions)
        }
        return orders
    }

    /// Rights, version and kinds are checked this often even without a failure. A binding may have been deleted, or the
    /// API server upgraded in place.
    static let checkup = Duration.seconds(60)

    private func reviewIsDue(now: Duration) -> Bool {
        guard let lastReview else { return true }
        let age = now - lastReview
        if needsOtherReview { return age >= min(ProbeSchedule.quick, schedule.interval) }
        return age >= (activeNeedsReview ? schedule.interval : Self.checkup)
    }

    /// Whether the next probe must ask for everything again.
    var needsFullProbe: Bool { candidate != nil || activeNeedsReview }

    /// Whether the link in use must be asked for everything, and not only a candidate.
    var activeNeedsReview: Bool {
        if !breaker.allowsRequests || facts.clusterUID == nil { return true }
        return needsReview || (facts.authorization != .granted && facts.authorization != .unsaid)
    }

    /// Whether a probe asks for the version: at once if none is known, else when nothing more urgent is open about a
    /// new connection.
    func asksVersion(now: Duration) -> Bool {
        if facts.kubernetesVersion == nil, !configuration.hasRecordedVersion { return needsFullProbe }
        let isOld = lastVersion.map { now - $0 >= Self.checkup } ?? true
        return (versionIsDue && !needsFullProbe) || (isOld && candidate == nil)
    }

    /// The group versions of unknown kinds, each at most twice a minute.
    func apiVersionsToDiscover(_ unknown: Set<GroupVersionKind>, now: Duration) -> Set<String> {
        Set(unknown.map(\.apiVersion)).filter { version in
            lastDiscovery[version].map { now - $0 >= Self.discoveryInterval } ?? true
        }
    }
    static let discoveryInterval = Duration.seconds(30)

    /// Takes new settings. `connect` makes a link for them. Returns the links that are no longer used.
    mutating func configure(_ new: SessionConfiguration, connect: (LinkConfiguration) -> Link) -> [Link] {
        let before = configuration
        configuration = new
        guard new.link != before.link || (new.link != nil && probed == nil) else { return [] }
        var unused: [Link] = []
        if let candidate { unused.append(candidate) }
        candidate = nil
        candidateDoubt = TokenDoubt()
        facts.refusedCandidate = nil
        guard let wanted = new.link else {
            if let active { unused.append(active) }
            active = nil
            let uid = facts.clusterUID
            forget()
            facts.clusterUID = uid
            return unused
        }
        if active?.configuration == wanted { return unused }  // changed there and back
        if let active, active.configuration.server != wanted.server {
            // The old credentials don't fit another server.
            unused.append(active)
            self.active = nil
            forget()
        }
        candidate = active?.renewed(wanted) ?? connect(wanted)
        (candidateFailed, isOnlyFresh) = (false, false)
        return unused
    }

    /// Takes a probe's result into account. Returns the links that are no longer used.
    mutating func take(_ result: ProbeResult, of link: Link, now: Duration) -> [Link] {
        if link === candidate {
            if isOnlyFresh {
                isOnlyFresh = false
                // The link in use goes on. There is nothing to report about the new connection.
                guard case .succeeded = result.answer, !result.isShuttingDown else {
                    candidate = nil
                    return [link]
                }
            }
            if case .succeeded = result.answer {
                let old = active
                active = link
                candidate = nil
                (doubt, candidateDoubt) = (TokenDoubt(), TokenDoubt())
                versionIsDue = true
                breaker = CircuitBreaker(breaker.configuration)
                facts.refusedCandidate = nil
                // A probe must see which server answers on it.
                isSuspect = true
                learn(result, now)
                return old.map { [$0] } ?? []
            }
            candidateFailed = true
            if case .tokenRejected = result.answer {
                if !candidateDoubt.refused() { return [] }
            } else {
                candidateDoubt = TokenDoubt()
            }
            if active != nil, breaker.allowsRequests, facts.tokenRejected == nil {
                facts.refusedCandidate = result.answer
            } else {
                fail(result.answer)
            }
            return []
        }
        guard link === active else { return [link] }
        switch result.answer {
        case .succeeded:
            _ = breaker.record(.probeSucceeded)
            learn(result, now)
            if result.isShuttingDown {
                wantsFreshConnection = true
                schedule.call(.failure)
            }
        case .tokenRejected:
            // A 401 is an answer, so what failed before was not an outage.
            if breaker.allowsRequests { breaker = CircuitBreaker(breaker.configuration) }
            // One of several API servers may have an old key. The next probe comes soon and shows it.
            if !doubt.refused(), facts.tokenRejected == nil { return [] }
            facts.refusedCandidate = nil
            // While newer settings fail too, their failure is shown, since the old ones have nothing new to say.
            if candidate != nil, candidateFailed, facts.tokenRejected != nil { return [] }
            fail(result.answer)
        case .failed:
            _ = breaker.record(.probeFailed)
            if !breaker.allowsRequests {
                // Both links are down, so the candidate's failure is not shown separately.
                facts.refusedCandidate = nil
                fail(result.answer)
            }
        }
        return []
    }

    /// A request other than a probe failed. Only probes decide whether the data plane is away or refuses the token. The
    /// failure may concern one object (a broken webhook, or one that answers 401) or one broken connection with
    /// everything on it.
    mutating func requestFailed(_ answer: ProbeAnswer, connectionBroke: Bool) {
        guard active != nil else { return }  // the first probe is under way and says more
        if connectionBroke {
            (isSuspect, versionIsDue) = (true, true)
            schedule.call(.brokenConnection)
        }
        switch answer {
        case .succeeded, .failed(.tooManyRequests, _): break
        case .tokenRejected, .failed: schedule.call(.failure)
        }
    }

    /// The connection of a watch was cut. The watch goes on from its version.
    mutating func watchWasCut() { schedule.call(.brokenConnection) }

    /// - Parameter excess: nil if the data plane is within its budget.
    mutating func exceeds(_ excess: BudgetExcess?) { facts.overBudget = excess }

    /// A request other than a probe succeeded, so the token is accepted.
    mutating func requestSucceeded() { doubt = TokenDoubt() }

    /// Somebody waits for the next probe.
    mutating func callProbe() { schedule.call(.change) }

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

    /// Rights turned out to be missing. The next probe reviews them again.
    mutating func wasForbidden() {
        needsReview = true
        schedule.call(.failure)
    }

    /// Other rights are needed than those of the last review.
    mutating func needsOtherPermissions() {
        needsOtherReview = true
        schedule.call(.change)
    }

    private mutating func learn(_ result: ProbeResult, _ now: Duration) {
        facts.reachability = .reachable
        facts.tokenRejected = nil
        doubt = TokenDoubt()
        failedAttempts = 0
        if result.clusterUID != nil { isSuspect = false }
        // `kube-system` could be read before and is refused now, so our rights have changed.
        if result.isClusterForbidden, readsCluster, result.authorization == nil { wasForbidden() }
        readsCluster = result.clusterUID != nil
        if let version = result.kubernetesVersion {
            // Another version may serve other kinds.
            if let known = facts.kubernetesVersion, known != version { lastDiscovery = [:] }
            (facts.kubernetesVersion, versionIsDue) = (version, false)
        }
        if let identity = result.identity { facts.identity = identity }
        if let authorization = result.authorization {
            facts.authorization = authorization
            needsReview = false
        }
        for (version, types) in result.served {
            lastDiscovery[version] = now
            facts.discovered.insert(version)
            facts.kinds.answered(version)
            facts.kinds.add(types, of: version, atMost: Budget().kinds)
        }
        // Discovery of these failed. Only their kinds wait for it.
        for (version, why) in result.unanswered {
            lastDiscovery[version] = now
            if !facts.discovered.contains(version) { facts.kinds.gaveNoAnswer(version, why) }
        }
        guard let uid = result.clusterUID else { return }
        if let recorded = configuration.recordedUID ?? facts.clusterUID, recorded != uid {
            facts.changedUID = uid
        } else {
            facts.changedUID = nil
            facts.clusterUID = uid
        }
    }

    /// Forgets all findings, since it may be another server.
    private mutating func forget() {
        facts = SessionFacts()
        lastDiscovery = [:]
    }

    private mutating func fail(_ answer: ProbeAnswer) {
        switch answer {
        case .succeeded: break
        case .tokenRejected(let text):
            // It answered, so the connection works.
            facts.reachability = .reachable
            facts.tokenRejected = text
            facts.authorization = .unknown
            isSuspect = true
        case .failed(let reason, let text):
            failedAttempts += 1
            let doubled = 1 << (Int.bitWidth - 1 - failedAttempts.leadingZeroBitCount)
            facts.reachability = .unreachable(reason, text, attempts: doubled)
            facts.authorization = .unknown
        }
    }
}

/// What probes say about a token. One 401 proves nothing, since one of several API servers may have an old key. Two in
/// a row prove it.
struct TokenDoubt: Sendable, Hashable {
    private var refusals = 0
    /// The token was refused once, and the next probe decides.
    var isOpen: Bool { refusals == 1 }

    /// A probe was answered with 401. True if that decides it.
    mutating func refused() -> Bool {
        refusals = min(refusals + 1, 2)
        return refusals > 1
    }
}

extension ProbeAnswer {
    var text: String {
        switch self {
        case .succeeded: "succeeded"
        case .tokenRejected(let text), .failed(_, let text): text
        }
    }
}
