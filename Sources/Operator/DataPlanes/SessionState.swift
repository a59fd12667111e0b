import ControlLoop
import Fleet
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
    /// By group version that was asked for, the kinds that it has: none where it isn't served.
    var served: [String: [ResourceType]] = [:]

    init(_ answer: ProbeAnswer) { self.answer = answer }
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
    /// In a row.
    private var failedAttempts = 0
    private var lastDiscovery: [String: Duration] = [:]
    /// It may have been upgraded since its version was asked for.
    private var versionIsDue = true

    init(_ configuration: SessionConfiguration, breaker: CircuitBreaker.Configuration) {
        self.configuration = configuration
        self.breaker = CircuitBreaker(breaker)
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
    /// What writes use; nil while they may not be sent.
    var writeLink: Link? {
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

    /// What to probe next.
    var probed: Link? { candidate ?? active }

    /// From the start of one probe to the start of the next. A first failure is looked into at once: whether the data
    /// plane is away should be known well before the next interval is over.
    var probeDelay: Duration {
        if case .closed(let failures) = breaker.state, failures > 0 { return .milliseconds(500) }
        return breaker.probeDelay
    }

    /// Whether the next probe has to find out everything again.
    var needsFullProbe: Bool { candidate != nil || activeNeedsReview }

    /// Whether the link in use has to be asked everything, and not only one that is to take its place.
    var activeNeedsReview: Bool {
        if !breaker.allowsRequests || facts.clusterUID == nil { return true }
        return needsReview || facts.authorization != .granted
    }

    /// Whether the next probe asks for the version: at once where none is known, else when there is nothing more urgent
    /// to find out about a new connection.
    var asksVersion: Bool {
        facts.kubernetesVersion == nil && !configuration.hasRecordedVersion
            ? needsFullProbe : versionIsDue && !needsFullProbe
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
        candidate = connect(wanted)
        candidateFailed = false
        return unused
    }

    /// Takes a probe's result into account. Returns the links that are of no more use.
    mutating func take(_ result: ProbeResult, of link: Link, now: Duration) -> [Link] {
        if link === candidate {
            if case .succeeded = result.answer {
                let old = active
                active = link
                candidate = nil
                versionIsDue = true
                breaker = CircuitBreaker(breaker.configuration)
                facts.refusedCandidate = nil
                // Who answers on it must be seen, too.
                isSuspect = true
                learn(result, now)
                return old.map { [$0] } ?? []
            }
            candidateFailed = true
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
        case .tokenRejected:
            // An answer all the same: what failed before it was no outage.
            if breaker.allowsRequests { breaker = CircuitBreaker(breaker.configuration) }
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

    /// A request other than a probe failed: true where the next probe should not wait.
    mutating func requestFailed(_ answer: ProbeAnswer, connectionBroke: Bool) -> Bool {
        guard active != nil else { return false }  // the first probe is under way and says more
        if connectionBroke { (isSuspect, versionIsDue) = (true, true) }
        switch answer {
        case .succeeded, .failed(.tooManyRequests, _): return false
        case .tokenRejected: fail(answer)
        // Whether the data plane is away, the probe decides: it may be one object that can't be taken (a webhook in
        // between is broken), or one connection that broke, with all that was on it.
        case .failed: break
        }
        return true
    }

    /// - Parameter text: nil where all is well.
    mutating func trouble(with type: ResourceType, _ text: String?) { facts.listTroubles[type.description] = text }

    /// What is not watched any more is in no trouble.
    mutating func retainTroubles(of types: [ResourceType]) {
        let watched = Set(types.map(\.description))
        facts.listTroubles = facts.listTroubles.filter { watched.contains($0.key) }
    }

    /// Permissions turned out to be missing: look at them again with the next probe.
    mutating func wasForbidden() { needsReview = true }

    private mutating func learn(_ result: ProbeResult, _ now: Duration) {
        facts.reachability = .reachable
        facts.tokenRejected = nil
        failedAttempts = 0
        if result.clusterUID != nil { isSuspect = false }
        if let version = result.kubernetesVersion { (facts.kubernetesVersion, versionIsDue) = (version, false) }
        if let identity = result.identity { facts.identity = identity }
        if let authorization = result.authorization {
            facts.authorization = authorization
            needsReview = false
        }
        for (version, types) in result.served {
            lastDiscovery[version] = now
            facts.discovered.insert(version)
            for type in types { facts.kinds.add(type) }
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

extension ProbeAnswer {
    var text: String {
        switch self {
        case .succeeded: "succeeded"
        case .tokenRejected(let text), .failed(_, let text): text
        }
    }
}
