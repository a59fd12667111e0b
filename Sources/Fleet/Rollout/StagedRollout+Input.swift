extension StagedRollout {
    /// The present state of one data plane.
    public struct Member: Sendable, Hashable {
        /// False if it is disabled. Then it gets no turn.
        public var isEnabled: Bool
        /// Nothing is written there. It is compared with the newest revision and gets no turn.
        public var isObserved: Bool
        /// Nil while it is not known.
        public var isAvailable: Bool?
        /// Whether a part of its present revision is missing, or not known to exist.
        public var isPending: Bool
        /// Whether its failures are those of an earlier revision.
        public var isBehind: Bool
        /// The present failures there, one text for each object.
        public var failures: Set<String>

        public init(
            isEnabled: Bool = true, isObserved: Bool = false, isAvailable: Bool? = true, isPending: Bool = false,
            isBehind: Bool = false, failures: Set<String> = []
        ) {
            self.isBehind = isBehind
            self.isEnabled = isEnabled
            self.isObserved = isObserved
            self.isAvailable = isAvailable
            self.isPending = isPending
            self.failures = failures
        }
        var hasTurns: Bool { isEnabled && !isObserved }
    }

    /// The input of a step.
    public struct Input: Sendable {
        public var policy: RolloutPolicy
        public var members: [String: Member]
        /// Revisions with the same content as the newest one.
        public var alike: Set<Int64>
        /// The registry's annotation `rollout-resumed-at`.
        public var resumedAt: String?
        /// The registry's annotation `rollout-pinned`.
        public var pinned: String?
        /// The existing revisions. One of them can be pinned.
        public var known: Set<Int64>
        /// On the monotonic clock.
        public var now: Duration

        public init(
            policy: RolloutPolicy, members: [String: Member], alike: Set<Int64> = [], resumedAt: String? = nil,
            pinned: String? = nil, known: Set<Int64> = [], now: Duration
        ) {
            self.policy = policy
            self.members = members
            self.alike = alike
            self.resumedAt = resumedAt
            self.pinned = pinned
            self.known = known
            self.now = now
        }
    }
}
