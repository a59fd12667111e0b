/// What a command ends with: its exit code, as the contract says.
public enum Outcome: Int32, Sendable, Hashable {
    case done = 0
    case failed = 1
    case usage = 2
    /// Differences or findings; for `why` and `explain`: nothing was found.
    case findings = 3

    /// Of two, the one to end with: a failure goes before findings, since what failed may have hidden more of them.
    public func and(_ other: Outcome) -> Outcome {
        for outcome: Outcome in [.usage, .failed, .findings] where self == outcome || other == outcome {
            return outcome
        }
        return .done
    }
}
