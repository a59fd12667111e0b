/// The exit code of a command, as the contract says.
public enum Outcome: Int32, Sendable, Hashable {
    case done = 0
    case failed = 1
    case usage = 2
    /// Differences or findings. For `why` and `explain`: nothing was found.
    case findings = 3

    /// The outcome of two steps together: a failure goes before findings, since the failed step may have hidden more of
    /// them.
    public func and(_ other: Outcome) -> Outcome {
        for outcome: Outcome in [.usage, .failed, .findings] where self == outcome || other == outcome {
            return outcome
        }
        return .done
    }
}
