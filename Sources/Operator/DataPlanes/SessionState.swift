import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// What a probe asks beside whether the data plane is there, and which one it is.
struct ProbeQuestions: Sendable {
    /// Who we are, and whether we may do this; nil: not asked. Called when the answer is there, since what is needed may
    /// have become known meanwhile.
    var permissions: (@Sendable () -> [Permission])?
    var asksVersion = false
    /// Which kinds these group versions have.
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
    /// The UID of `kube-system`; nil where it could not be read.
    var clusterUID: String?
    /// Only a full probe finds these.
    var kubernetesVersion: String?
    var identity: String?
    var authorization: DataPlaneObservation.Authorization?
    /// What `authorization` is about.
    var reviewed: [Permission]?
    /// `kube-system` may not be read, says the server.
    var isClusterForbidden = false
    /// By group version that was asked for, the kinds that it has: none where it isn't served.
    var served: [String: [ResourceType]] = [:]
    /// By group version that was asked for, why there was no answer.
    var unanswered: [String: String] = [:]
    /// It serves still, and is going to end.
    var isShuttingDown = false

    init(_ answer: ProbeAnswer, _ clusterUID: String? = nil) {
        self.answer = answer
        self.clusterUID = clusterUID
    }
}

/// The decisions of a session, as a value: which link is in use, whether requests may pass, what is known.
///
/// ```
/// no link ── configured ──► candidate ── probe succeeded ──► active ── probes fail ──► breaker open
///                              ▲                               │  ▲                        │
///                              └───── reconfigured ────────────┘  └──── probe succeeded ───┘
/// ```
/// A candidate takes the active link's place only when it has proved to work: until then the old credentials stay in use.
struct SessionState: Sendable {
    private(set) var configuration: SessionConfiguration
    private(set) var active: Link?
    private(set) var candidate: Link?
    private var candidateFailed = false
    /// The candidate has the settings of the link in use: only its connection is another.
    private var isOnlyFresh = false
    /// The server at the other end of the link in use is about to end: another connection may lead to one that stays.
    private var wantsFreshConnection = false
    private(set) var breaker: CircuitBreaker
    private(set) var facts = SessionFacts()
    /// Another DataPlane, older than this one, has the same cluster. Once that is over it has to be approved anew: who
    /// says that it is over may have looked before the other one answered.
    var isDuplicate = false { didSet { if isDuplicate { approvedUID = nil } } }
    /// The cluster that may be written to: its UID is recorded in the DataPlane's status, and no other DataPlane has it.
    var approvedUID: String?
    /// The connection is new, or one broke: who answers on it must be seen before anything is written.
    private(set) var isSuspect = false
    /// Something was refused since the permissions were looked at.
    private var needsReview = false
    /// Others are needed than were looked at.
    private var needsOtherReview = false
    private var lastReview: Duration?
    /// Whether `kube-system` could be read when that was last tried.
    private var readsCluster = false
    private var schedule: ProbeSchedule
    /// What probes say of the token of the link in use, and of the candidate's.
    private var doubt = TokenDoubt()
    private var candidateDoubt = TokenDoubt()
    /// In a row.
    private var failedAttempts = 0
    private var lastDiscovery: [String: Duration] = [:]
    /// It may have been upgraded since its version was asked for.
    private var versionIsDue = true
    private var lastVersion: Duration?

    init(_ configuration: SessionConfiguration, breaker: CircuitBreaker.Configuration) {
        self.configuration = configuration
        self.breaker = CircuitBreaker(breaker)
        schedule = ProbeSchedule(interval: breaker.probeInterval)
    }

    /// What lists and watches use; nil while they may not be sent. The probe always may.
    ///
    /// Without a link that has proved itself, the first lists go out together with the first probe, which halves the way
    /// to them; they stop when it fails, and what they showed is dropped when it finds another cluster.
    var readLink: Link? {
        guard breaker.allowsRequests, facts.tokenRejected == nil, facts.changedUID == nil, !isDuplicate else {
            return nil
        }
        return active ?? (candidateFailed ? nil : candidate)
    }
    /// Nothing is written, whatever else is allowed.
    var isObserving = false

    /// What writes use; nil while they may not be sent.
    var writeLink: Link? { isObserving ? nil : workLink }
    /// What namespaces are worked on with: compared, and where it is not Observe, written.
    var workLink: Link? {
        guard let active, readLink === active, !isSuspect, let uid = facts.clusterUID, uid == approvedUID else {
            return nil
        }
        return active
    }
    /// Tells the links who may write. To be called under the same lock as the change that it follows from: once that is
    /// let go, nothing that waits for its turn goes out against it.
    func permitWrites(except unused: [Link] = []) {
        for link in unused { link.mayWrite.withLock { $0 = false } }
        let isOpen = allowsWrites
        active?.mayWrite.withLock { $0 = isOpen }
    }
    var allowsReads: Bool { readLink != nil }
    var allowsWrites: Bool { writeLink != nil }
    var allowsWork: Bool { workLink != nil }

    /// What to probe next.
    var probed: Link? { candidate ?? active }

    /// From the start of one probe to the start of the next, where nothing calls for one before. A first failure is looked
    /// into at once, and so is a first 401: whether the data plane is away, or refuses the token, should be known well
    /// before the next interval is over.
    var probeDelay: Duration {
        let isFirstFailure = if case .closed(let failures) = breaker.state { failures > 0 } else { false }
        if isFirstFailure || doubt.isOpen || candidateDoubt.isOpen {
            return min(ProbeSchedule.quick, breaker.probeDelay)
        }
        return breaker.probeDelay
    }

    /// A probe was answered with 401, and no other answer has told since whether that was true.
    var doubtsToken: Bool { doubt.isOpen || facts.tokenRejected != nil }

    /// When the next probe is to start.
    var nextProbe: Duration { schedule.next(after: probeDelay) }

    /// A probe starts now: what to ask, on which links.
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

    /// Permissions, version and kinds are looked at again so often, though nothing has failed: a binding may have been
    /// deleted, or the API server upgraded in place.
    static let checkup = Duration.seconds(60)

    private func reviewIsDue(now: Duration) -> Bool {
        guard let lastReview else { return true }
        let age = now - lastReview
        if needsOtherReview { return age >= min(ProbeSchedule.quick, schedule.interval) }
        return age >= (activeNeedsReview ? schedule.interval : Self.checkup)
    }

    /// Whether the next probe has to find out everything again.
    var needsFullProbe: Bool { candidate != nil || activeNeedsReview }

    /// Whether the link in use has to be asked everything, and not only one that is to take its place.
    var activeNeedsReview: Bool {
        if !breaker.allowsRequests || facts.clusterUID == nil { return true }
        return needsReview || (facts.authorization != .granted && facts.authorization != .unsaid)
    }

    /// Whether a probe asks for the version: at once where none is known, else when there is nothing more urgent to find
    /// out about a new connection.
    func asksVersion(now: Duration) -> Bool {
        if facts.kubernetesVersion == nil, !configuration.hasRecordedVersion { return needsFullProbe }
        let isOld = lastVersion.map { now - $0 >= Self.checkup } ?? true
        return (versionIsDue && !needsFullProbe) || (isOld && candidate == nil)
    }

    /// The group versions to ask for: those of kinds that aren't known, each twice a minute at the most.
    func apiVersionsToDiscover(_ unknown: Set<GroupVersionKind>, now: Duration) -> Set<String> {
        Set(unknown.map(\.apiVersion)).filter { version in
            lastDiscovery[version].map { now - $0 >= Self.discoveryInterval } ?? true
        }
    }
    static let discoveryInterval = Duration.seconds(30)

    /// Takes new settings; `connect` makes a link for them. Returns the links that are of no more use.
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
            // The old credentials are of no use for another server.
            unused.append(active)
            self.active = nil
            forget()
        }
        candidate = active?.renewed(wanted) ?? connect(wanted)
        (candidateFailed, isOnlyFresh) = (false, false)
        return unused
    }

    /// Takes a probe's result into account. Returns the links that are of no more use.
    mutating func take(_ result: ProbeResult, of link: Link, now: Duration) -> [Link] {
        if link === candidate {
            if isOnlyFresh {
                isOnlyFresh = false
                // The one in use goes on: nothing of the new one is worth telling.
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
                // Who answers on it must be seen, too.
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
            // An answer all the same: what failed before it was no outage.
            if breaker.allowsRequests { breaker = CircuitBreaker(breaker.configuration) }
            // It may be one of several API servers that has an old key: the next probe tells, which comes soon.
            if !doubt.refused(), facts.tokenRejected == nil { return [] }
            facts.refusedCandidate = nil
            // While newer settings fail too, it is they that are told of: the old ones have nothing new to say.
            if candidate != nil, candidateFailed, facts.tokenRejected != nil { return [] }
            fail(result.answer)
        case .failed:
            _ = breaker.record(.probeFailed)
            if !breaker.allowsRequests {
                // Both are away: there is nothing left to say of the newer one alone.
                facts.refusedCandidate = nil
                fail(result.answer)
            }
        }
        return []
    }

    /// A request other than a probe failed. Whether the data plane is away, or refuses the token, probes decide: it may be
    /// one object that can't be taken (a webhook in between is broken, or answers 401), or one connection that broke, with
    /// all that was on it.
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

    /// The connection of a watch was cut, which goes on where it was.
    mutating func watchWasCut() { schedule.call(.brokenConnection) }

    /// - Parameter excess: nil where the data plane is within its budget.
    mutating func exceeds(_ excess: BudgetExcess?) { facts.overBudget = excess }

    /// A request other than a probe was answered well: the token is taken.
    mutating func requestSucceeded() { doubt = TokenDoubt() }

    /// Somebody waits for what the next probe finds.
    mutating func callProbe() { schedule.call(.change) }

    /// A request was refused, or one that was refused before is allowed by now.
    mutating func request(_ permission: Permission, isRefused: Bool) {
        if isRefused { facts.refused.insert(permission) } else { facts.refused.remove(permission) }
    }

    /// - Parameter text: nil where all is well.
    mutating func trouble(with type: ResourceType, _ text: String?) { facts.listTroubles[type.description] = text }

    /// What is not watched any more is in no trouble.
    mutating func retainTroubles(of types: [ResourceType]) {
        let watched = Set(types.map(\.description))
        facts.listTroubles = facts.listTroubles.filter { watched.contains($0.key) }
    }

    /// Permissions turned out to be missing: look at them again with the next probe.
    mutating func wasForbidden() {
        needsReview = true
        schedule.call(.failure)
    }

    /// Other permissions are needed than were looked at.
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
        // What could be read before is refused now: the rights of the account are others.
        if result.isClusterForbidden, readsCluster, result.authorization == nil { wasForbidden() }
        readsCluster = result.clusterUID != nil
        if let version = result.kubernetesVersion {
            // It serves other kinds, too.
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
        // Asked, and failed: its kinds wait for it, and no others.
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

    /// It may be another server: nothing that was found out holds.
    private mutating func forget() {
        facts = SessionFacts()
        lastDiscovery = [:]
    }

    private mutating func fail(_ answer: ProbeAnswer) {
        switch answer {
        case .succeeded: break
        case .tokenRejected(let text):
            // It answered, so the way to it is fine.
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

/// What probes say of a token. One 401 proves nothing: one of several API servers may have an old key. Two in a row do.
struct TokenDoubt: Sendable, Hashable {
    private var refusals = 0
    /// It was refused once, and the next probe is to tell.
    var isOpen: Bool { refusals == 1 }

    /// A probe was answered with 401. True where that settles it.
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
