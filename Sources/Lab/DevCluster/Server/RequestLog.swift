import Support

/// The requests to one server. Counting costs a dictionary look-up for each request. The ring keeps the last requests
/// whole.
public final class RequestLog: Sendable {
    /// The key by which requests are counted.
    public struct Key: Sendable, Hashable {
        public var verb: String
        /// The resource with the subresource: `dataplanes/status`. For other paths, the path itself.
        public var resource: String
        public var userAgent: String
        /// Zero if the client got none: it was never answered, or the connection was reset.
        public var status: Int
    }
    public struct Entry: Sendable, Hashable {
        public var key: Key
        public var namespace: String
        public var name: String
        public var user: String
        public var time: Instant
        public var duration: Duration
    }

    private struct State {
        var counts: [Key: Int] = [:]
        var ring: [Entry] = []
        var oldest = 0
        var openWatches: [String: Int] = [:]
        var inFlight = 0
        var maximumInFlight = 0
        /// Paths outside of the resources are counted by themselves. Their number is bounded, so that a scanner can't
        /// fill the memory.
        var otherPaths: Set<String> = []
    }
    private static let maximumOtherPaths = 256

    private let ringSize: Int
    private let clock: WallClock
    private let state = Locked(State())

    init(ringSize: Int, clock: WallClock) {
        self.ringSize = ringSize
        self.clock = clock
    }

    /// Requests answered since the start or the last `reset`. A watch counts when its answer begins.
    public var counts: [Key: Int] { state.withLock { $0.counts } }

    public func count(
        verb: String? = nil, resource: String? = nil, userAgent: String? = nil, status: Int? = nil
    ) -> Int {
        counts.reduce(0) { sum, entry in
            let key = entry.key
            let matches =
                (verb.map { $0 == key.verb } ?? true) && (resource.map { $0 == key.resource } ?? true)
                && (userAgent.map { key.userAgent.contains($0) } ?? true) && (status.map { $0 == key.status } ?? true)
            return matches ? sum + entry.value : sum
        }
    }

    /// Oldest first; at most as many as `Options.requestRing`.
    public var recent: [Entry] {
        state.withLock { state in Array(state.ring[state.oldest...] + state.ring[..<state.oldest]) }
    }

    /// Watches that are open now, by resource.
    public var openWatches: [String: Int] { state.withLock { $0.openWatches.filter { $0.value > 0 } } }
    /// Requests being answered now (without watches), and the most there ever were at once.
    public var inFlight: (now: Int, maximum: Int) { state.withLock { ($0.inFlight, $0.maximumInFlight) } }

    public func reset() {
        state.withLock { state in
            state.counts.removeAll()
            state.ring.removeAll()
            state.oldest = 0
            state.maximumInFlight = state.inFlight
        }
    }

    func began(isWatch: Bool) {
        guard !isWatch else { return }
        state.withLock { state in
            state.inFlight += 1
            state.maximumInFlight = max(state.maximumInFlight, state.inFlight)
        }
    }

    func ended(isWatch: Bool) {
        guard !isWatch else { return }
        state.withLock { $0.inFlight -= 1 }
    }

    func watch(_ resource: String, isOpen: Bool) {
        state.withLock { $0.openWatches[resource, default: 0] += isOpen ? 1 : -1 }
    }

    func record(
        _ attributes: RequestAttributes, userAgent: String, user: String, status: Int, duration: Duration
    ) {
        let now = ringSize > 0 ? clock.now : Instant(secondsSince1970: 0)
        state.withLock { state in
            var resource = attributes.resourceWithSubresource
            if !attributes.isResourceRequest {
                if state.otherPaths.count < Self.maximumOtherPaths { state.otherPaths.insert(attributes.path) }
                resource = state.otherPaths.contains(attributes.path) ? attributes.path : "/…"
            }
            let key = Key(verb: attributes.verb, resource: resource, userAgent: userAgent, status: status)
            state.counts[key, default: 0] += 1
            guard ringSize > 0 else { return }
            let entry = Entry(
                key: key, namespace: attributes.namespace, name: attributes.name, user: user, time: now,
                duration: duration)
            if state.ring.count < ringSize {
                state.ring.append(entry)
            } else {
                state.ring[state.oldest] = entry
                state.oldest = (state.oldest + 1) % ringSize
            }
        }
    }
}
