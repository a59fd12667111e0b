import KubeObjects

/// The times of an election. The defaults are those of Kubernetes' own components.
public struct ElectionConfiguration: Sendable, Hashable {
    /// How long other candidates leave a lease alone after they saw it change. Whole seconds.
    public var leaseDuration: Duration
    /// A leader that has not renewed for so long stops. It is shorter than `leaseDuration`. The difference is the time
    /// in which a write that is under way at the end of leadership must end.
    public var renewDeadline: Duration
    public var retryPeriod: Duration
    /// A waiting candidate tries again after `retryPeriod × (1 … 1 + jitter)`.
    public var jitter: Double

    public init(
        leaseDuration: Duration = .seconds(15), renewDeadline: Duration = .seconds(10),
        retryPeriod: Duration = .seconds(2), jitter: Double = 1.2
    ) {
        precondition(leaseDuration > renewDeadline, "the renew deadline must be shorter than the lease")
        precondition(
            renewDeadline > retryPeriod && retryPeriod > .zero, "the retry period must be shorter than the deadline")
        self.leaseDuration = leaseDuration
        self.renewDeadline = renewDeadline
        self.retryPeriod = retryPeriod
        self.jitter = max(0, jitter)
    }
}

/// One candidate's view of an election, as a value.
///
/// Times are the candidate's own monotonic ones. It takes a lease over when it has itself seen no change for as long as
/// the lease lasts. It compares no times of other machines, so neither clock jumps nor different clocks matter.
///
/// Safety: a term ends `renewDeadline` after the *start* of the last successful renewal. The others saw that renewal no
/// earlier than that, and wait `leaseDuration` from then, which is longer. So two terms never overlap. This assumes
/// that the monotonic clocks run at about the same speed, and that nobody deletes the Lease and its history at once.
public struct Election: Sendable {
    public enum Role: Sendable, Hashable {
        case follower
        case leader(validUntil: Duration)
    }

    enum Request: Sendable, Hashable {
        case read
        case create(LeaseRecord)
        case update(LeaseRecord, version: String)
    }

    enum Reply: Sendable, Hashable {
        case found(VersionedLease)
        case written(VersionedLease)
        case missing
        case conflict
        case failed(String)
    }

    enum Next: Sendable, Hashable {
        case request(Request)
        /// The attempt is over.
        case rest
    }

    private struct Observation: Sendable {
        var lease: VersionedLease
        /// When the lease was first seen in this state.
        var at: Duration
    }

    public let identity: String
    public let configuration: ElectionConfiguration
    public private(set) var role = Role.follower
    private var observation: Observation?
    /// A leader renews without reading first. It reads only if its write meets another write.
    private var mayRead = true

    public init(identity: String, configuration: ElectionConfiguration = ElectionConfiguration()) {
        self.identity = identity
        self.configuration = configuration
    }

    public var isLeader: Bool { if case .leader = role { true } else { false } }
    /// The known holder of the lease. Nil for nobody.
    public var holder: String? { observation.flatMap { $0.lease.record.holder.isEmpty ? nil : $0.lease.record.holder } }
    public var transitions: Int { observation?.lease.record.transitions ?? 0 }

    // MARK: An attempt

    /// Starts an attempt to get or to keep the lease.
    mutating func begin(now: Duration, wall: MicroTimestamp) -> Request {
        expire(now: now)
        guard isLeader, let lease = observation?.lease else {
            mayRead = false
            return .read
        }
        mayRead = true
        return .update(renewal(of: lease.record, wall: wall), version: lease.version)
    }

    /// `startedAt` is when the request was sent. A term counts from there.
    mutating func receive(
        _ reply: Reply, to request: Request, startedAt: Duration, now: Duration, wall: MicroTimestamp
    ) -> Next {
        switch reply {
        case .written(let lease):
            observe(lease, now: now)
            let end = startedAt + configuration.renewDeadline
            // An answer that took too long may be out of date, so the lease is read again.
            if now < end { role = .leader(validUntil: end) }
            return .rest
        case .found(let lease):
            observe(lease, now: now)
            guard lease.record.holder != identity else {
                // The lease is ours: either we lead, or the answer to our write was lost.
                return .request(.update(renewal(of: lease.record, wall: wall), version: lease.version))
            }
            role = .follower
            guard freeAt.map({ now >= $0 }) ?? true else { return .rest }
            return .request(.update(takeover(of: lease.record, wall: wall), version: lease.version))
        case .missing:
            // A deleted Lease does not end the term of its last known holder.
            guard isLeader || freeAt.map({ now >= $0 }) ?? true else { return .rest }
            guard case .read = request else { return readOnce() }
            return .request(.create(takeover(of: observation?.lease.record, wall: wall)))
        case .conflict:
            return readOnce()
        case .failed:
            return .rest
        }
    }

    private mutating func readOnce() -> Next {
        guard mayRead else { return .rest }
        mayRead = false
        return .request(.read)
    }

    /// A leader whose term is over becomes a follower.
    @discardableResult
    mutating func expire(now: Duration) -> Bool {
        guard case .leader(let end) = role, now >= end else { return false }
        role = .follower
        return true
    }

    /// When to try next. A follower tries when the lease that it sees runs out, if that is sooner.
    func nextAttempt(now: Duration, using random: inout some RandomNumberGenerator) -> Duration {
        switch role {
        case .leader(let end):
            return min(now + configuration.retryPeriod, end)
        case .follower:
            let spread = Double.random(in: 0...1, using: &random) * configuration.jitter
            let next = now + configuration.retryPeriod * (1 + spread)
            guard let freeAt, freeAt > now else { return next }
            return min(next, freeAt)
        }
    }

    /// Gives the lease back. It returns the record to write, if we hold the lease. From here on we don't lead, whatever
    /// the write does.
    mutating func release(wall: MicroTimestamp) -> Request? {
        role = .follower
        guard var record = observation?.lease.record, let version = observation?.lease.version,
            record.holder == identity
        else { return nil }
        record.holder = ""
        record.leaseDurationSeconds = 1
        record.renewTime = wall
        return .update(record, version: version)
    }

    // MARK: Records

    /// When the lease may be taken over. Nil means at once.
    private var freeAt: Duration? {
        guard let observation, !observation.lease.record.holder.isEmpty, observation.lease.record.holder != identity
        else { return nil }
        // The holder's own duration, within limits: a nonsensical value must neither block for ever nor have no effect.
        let seconds = min(max(observation.lease.record.leaseDurationSeconds, 1), 3_600)
        return observation.at + .seconds(seconds)
    }

    /// Notes the present Lease. An unchanged Lease keeps the time when it was first seen.
    mutating func observe(_ lease: VersionedLease, now: Duration) {
        if observation?.lease != lease { observation = Observation(lease: lease, at: now) }
    }

    private func renewal(of record: LeaseRecord, wall: MicroTimestamp) -> LeaseRecord {
        var record = record
        record.leaseDurationSeconds = Int(configuration.leaseDuration.components.seconds)
        record.renewTime = wall
        return record
    }

    private func takeover(of record: LeaseRecord?, wall: MicroTimestamp) -> LeaseRecord {
        LeaseRecord(
            holder: identity, leaseDurationSeconds: Int(configuration.leaseDuration.components.seconds),
            acquireTime: wall, renewTime: wall,
            transitions: record.map { $0.transitions &+ ($0.holder == identity ? 0 : 1) } ?? 0)
    }
}
