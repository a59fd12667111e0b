import Fleet
import Support

/// Keeps all resolved labels until something changes, since every assignment's status needs them.
final class ResolvedLabelCache: Sendable {
    struct Version: Sendable, Hashable {
        var plan: UInt64
        var readiness: UInt64
    }
    struct Labels: Sendable {
        var byName: [String: ResolvedLabel]
        var byLabel: [String: ResolvedLabel]
    }
    private let kept = Locked<(version: Version, labels: Labels)?>(nil)

    func labels(_ version: Version, _ compute: () -> [String: ResolvedLabel]) -> Labels {
        if let kept = kept.withLock({ $0 }), kept.version == version { return kept.labels }
        let byName = compute()
        let labels = Labels(byName: byName, byLabel: AssignmentRules.byLabel(byName))
        kept.withLock { $0 = (version, labels) }
        return labels
    }
}
