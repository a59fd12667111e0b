import Fleet
import Support

/// Caches the verdicts on all labels until something changes, since every assignment's status needs them.
final class LabelVerdictCache: Sendable {
    struct Version: Sendable, Hashable {
        var plan: UInt64
        var board: UInt64
    }
    struct Verdicts: Sendable {
        var byName: [String: LabelVerdict]
        var byLabel: [String: LabelVerdict]
    }
    private let kept = Locked<(version: Version, verdicts: Verdicts)?>(nil)

    func verdicts(_ version: Version, _ compute: () -> [String: LabelVerdict]) -> Verdicts {
        if let kept = kept.withLock({ $0 }), kept.version == version { return kept.verdicts }
        let byName = compute()
        let verdicts = Verdicts(byName: byName, byLabel: AssignmentVerdicts.byLabel(byName))
        kept.withLock { $0 = (version, verdicts) }
        return verdicts
    }
}
