import Support

/// The rules of one server. Thread-safe; the draws of a rate come from one seeded generator, so that a run with the same
/// requests in the same order has the same faults.
public final class FaultInjector: Sendable {
    public struct RuleID: Sendable, Hashable { fileprivate var number: Int }

    /// The faults of one request.
    struct Plan: Sendable {
        var delay = Duration.zero
        var fault: Fault?
    }

    private struct State {
        var rules: [(id: RuleID, rule: FaultRule, hits: Int)] = []
        var next = 1
        var random: SeededRandom
        var totalHits = 0
        var removals = 0
    }
    private let state: Locked<State>

    init(seed: UInt64) { state = Locked(State(random: SeededRandom(seed: seed))) }

    /// Rules are tried in the order in which they were added. The first one that hits decides, and latencies add up.
    @discardableResult
    public func add(_ rule: FaultRule) -> RuleID {
        state.withLock { state in
            let id = RuleID(number: state.next)
            state.next += 1
            state.rules.append((id, rule, 0))
            return id
        }
    }

    @discardableResult
    public func add(
        _ fault: Fault, match: FaultRule.Match = FaultRule.Match(), rate: Double = 1, count: Int? = nil
    ) -> RuleID {
        add(FaultRule(fault, match: match, rate: rate, count: count))
    }

    public func remove(_ id: RuleID) {
        state.withLock { state in
            state.rules.removeAll { $0.id == id }
            state.removals += 1
        }
    }
    public func removeAll() {
        state.withLock { state in
            state.rules.removeAll()
            state.removals += 1
        }
    }

    /// A number that changes when rules are removed. A flood that is under way ends then.
    var removals: Int { state.withLock { $0.removals } }

    /// How often a rule has hit; nil once it is used up or removed.
    public func hits(of id: RuleID) -> Int? { state.withLock { $0.rules.first { $0.id == id }?.hits } }
    /// The hits of all rules so far, latencies not counted.
    public var totalHits: Int { state.withLock { $0.totalHits } }

    func plan(for attributes: RequestAttributes, userAgent: String) -> Plan {
        state.withLock { state in
            var plan = Plan()
            guard !state.rules.isEmpty else { return plan }
            var used: [RuleID] = []
            for index in state.rules.indices {
                let rule = state.rules[index].rule
                guard plan.fault == nil || rule.fault.isLatency, rule.fault.applies(to: attributes),
                    rule.match.covers(attributes, userAgent: userAgent),
                    rule.rate >= 1 || state.random.fraction() < rule.rate
                else { continue }
                state.rules[index].hits += 1
                if case .latency(let duration, let jitter) = rule.fault {
                    plan.delay += duration + jitter * state.random.fraction()
                } else {
                    plan.fault = rule.fault
                    state.totalHits += 1
                }
                if let count = rule.count, state.rules[index].hits >= count { used.append(state.rules[index].id) }
            }
            state.rules.removeAll { used.contains($0.id) }
            return plan
        }
    }

    /// For a watch that is open already, before it sends its next piece.
    func planForOpenWatch(_ attributes: RequestAttributes, userAgent: String) -> Fault? {
        state.withLock { state in
            guard !state.rules.isEmpty else { return nil }
            for index in state.rules.indices {
                let rule = state.rules[index].rule
                guard rule.fault.isForOpenWatches, rule.match.covers(attributes, userAgent: userAgent) else { continue }
                state.rules[index].hits += 1
                state.totalHits += 1
                if let count = rule.count, state.rules[index].hits >= count { state.rules.remove(at: index) }
                return rule.fault
            }
            return nil
        }
    }
}

extension Fault {
    /// Faults of lists leave watches alone, and the other way round.
    fileprivate func applies(to attributes: RequestAttributes) -> Bool {
        switch self {
        case .emptyList, .truncatedList, .endlessPages: attributes.verb == "list"
        case .watchEnd, .watchStuck, .watchGone, .eventFlood: attributes.verb == "watch"
        case .endlessKinds: !attributes.isResourceRequest && attributes.path.hasPrefix("/api")
        default: true
        }
    }

    fileprivate var isForOpenWatches: Bool { self == .watchStuck }
}
