/// `rollout` of the registry: whether a change of templates, or of the registry's values or workload identity, goes to
/// all data planes at once, or to a few first.
public struct RolloutPolicy: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case all = "All", progressive = "Progressive"
    }

    public var type = Kind.all
    /// Names of DataPlanes, in the order in which the groups get a change. Data planes without a group come last.
    public var groups: [[String]] = []
    /// How many data planes get a change at a time.
    public var maxParallel = 1
    /// How long a data plane must be in sync before the next one gets its turn.
    public var minSuccessSeconds = 600
    /// How long a data plane may take from the start of its turn until it is in sync.
    public var progressDeadlineSeconds = 1800
    /// How many objects may fail because of the change, in all data planes, before it stops.
    public var maxFailures = 0
    public var paused = false

    public init() {}

    private enum CodingKeys: String, CodingKey {
        case type, groups, maxParallel, minSuccessSeconds, progressDeadlineSeconds, maxFailures, paused
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        type = try container.value(.type, default: .all)
        groups = try container.value(.groups, default: [])
        maxParallel = try container.value(.maxParallel, default: 1)
        minSuccessSeconds = try container.value(.minSuccessSeconds, default: 600)
        progressDeadlineSeconds = try container.value(.progressDeadlineSeconds, default: 1800)
        maxFailures = try container.value(.maxFailures, default: 0)
        paused = try container.value(.paused, default: false)
    }

    /// Why the groups can't be followed. Nil if they can.
    /// - Parameter dataPlanes: the names of the existing DataPlanes.
    public func problem(dataPlanes: Set<String>) -> String? {
        let names = groups.flatMap(\.self)
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            return "spec.rollout.groups names \(name.quotedForMessage) twice"
        }
        let unknown = names.filter { !dataPlanes.contains($0) }.sorted()
        guard let first = unknown.first else { return nil }
        let more = unknown.count > 1 ? " and \(unknown.count - 1) more" : ""
        return "spec.rollout.groups names \(first.quotedForMessage)\(more), and there is no such DataPlane"
    }

    /// The groups, with a last one of the data planes that are in no group.
    func allGroups(_ dataPlanes: some Sequence<String>) -> [[String]] {
        let named = Set(groups.flatMap(\.self))
        return groups + [dataPlanes.filter { !named.contains($0) }.sorted()]
    }
}
