/// `rollout` of the registry: whether a change of templates, of the registry's values or of its workload identity goes to
/// all data planes at once, or to a few first.
public struct RolloutPolicy: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case all = "All", progressive = "Progressive"
    }

    public var type = Kind.all
    /// Names of DataPlanes, in the order in which the groups get a change. Those in no group come last.
    public var groups: [[String]] = []
    /// So many data planes get a change at a time.
    public var maxParallel = 1
    /// For so long a data plane has to be in sync before the next one has its turn.
    public var minSuccessSeconds = 600
    /// For so long a data plane may take until it is in sync, from the start of its turn.
    public var progressDeadlineSeconds = 1800
    /// So many objects may fail because of the change, over all data planes, before it stops.
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

    /// Why the groups can't be followed; nil where they can.
    /// - Parameter dataPlanes: the names that there are.
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

    /// The groups with the one of those that are in no group.
    func allGroups(_ dataPlanes: some Sequence<String>) -> [[String]] {
        let named = Set(groups.flatMap(\.self))
        return groups + [dataPlanes.filter { !named.contains($0) }.sorted()]
    }
}
