import Fleet

/// Whether a status is written now, or waits for something that is not known yet.
///
/// Pure: times come in as durations on the monotonic clock. Each decision gives the time until the next one. Nil: write
/// now.
enum StatusPolicy {
    /// A status of an earlier run, of the same generation, stays until the fleet has told how it is. A restart writes nothing.
    static func waitForFleet(observed: Int64?, generation: Int64?, isSettling: Bool) -> Duration? {
        isSettling && observed != nil && observed == generation ? Delay.coalescing : nil
    }

    /// A first status that could only say `Pending` waits for a result: most namespaces are there within a second.
    static func waitForResult(isPending: Bool, _ patience: inout Patience, now: Duration) -> Duration? {
        patience.waits(for: isPending ? 0 : nil, Delay.patienceForResult, now: now) ? Delay.nextLookAtResult : nil
    }

    /// A registry's status waits a moment for the publishing of its own generation.
    ///
    /// - Parameter published: the generation that the last result is about.
    static func waitForPublishing(
        of generation: Int64?, published: Int64?, _ patience: inout Patience, now: Duration
    ) -> Duration? {
        let subject = published == generation ? nil : generation ?? 0
        return patience.waits(for: subject, Delay.patienceForResult, now: now) ? Delay.coalescing : nil
    }

    /// After a start, the registry's status waits until every object was looked at: otherwise it would say for a moment that
    /// nothing is Ready and nothing published.
    static func waitForAll(hasSeenAll: Bool, hasStatus: Bool, sinceStart: Duration) -> Duration? {
        !hasSeenAll && hasStatus && sinceStart < Delay.patienceForFleet ? Delay.coalescing : nil
    }

    /// How an agent is, soon after it was started.
    struct AgentStart: Sendable, Hashable {
        /// It has no first result yet.
        var isSettling: Bool
        /// It has not found out yet how Flyte is there.
        var isFlyteSettling: Bool
    }

    /// A DataPlane's status of an earlier run stays until the agent has a first result: a restart must not make a settled
    /// fleet look as if it had gone.
    ///
    /// - Parameters:
    ///   - object: with the newest status.
    ///   - agent: nil if there is none.
    static func waitForAgent(of object: DataPlane, isDuplicate: Bool, _ agent: AgentStart?) -> Duration? {
        guard let agent, !isDuplicate, let status = object.status, !status.conditions.isEmpty, status.clusterUID != nil,
            status.observedGeneration == object.metadata.generation, status.endpoint == object.endpointDescription,
            agent.isSettling || (agent.isFlyteSettling && status.conditions[.flyteReady] != nil)
        else { return nil }
        return Delay.nextLookAtResult
    }
}

/// Since when something has been missing. Each subject has a patience of its own.
struct Patience: Sendable, Hashable {
    private var subject: Int64?
    private var since = Duration.zero

    /// Whether to go on waiting.
    ///
    /// - Parameter missing: what it waits for. Nil: nothing is missing.
    mutating func waits(for missing: Int64?, _ limit: Duration, now: Duration) -> Bool {
        if missing != subject { since = now }
        subject = missing
        return missing != nil && now - since < limit
    }
}
