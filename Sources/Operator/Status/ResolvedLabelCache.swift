import Fleet
import Support

/// Caches all resolved labels until something changes, since every assignment's status needs them.
final class ResolvedLabelCache: Sendable {
    struct Version: Sendable, Hashable {
        var plan: UInt64
        var board: UInt64
    }
    struct Verdicts: Sendable {
        var byName: [String: ResolvedLabel]
        var byLabel: [String: ResolvedLabel]
    }
    private let kept = Locked<(version: Version, verdicts: Verdicts)?>(nil)

    func verdicts(_ version: Version, _ compute: () -> [String: ResolvedLabel]) -> Verdicts {
        if let kept = kept.withLock({ $0 }), kept.version == version { return kept.verdicts }
        let byName = compute()
        let verdicts = Verdicts(byName: byName, byLabel: AssignmentRules.byLabel(byName))
        kept.withLock { $0 = (version, verdicts) }
        return verdicts
    }
}
