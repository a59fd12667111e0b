/// Decides whether to believe a reading of flyteadmin that lacks many noted entries. A restored database or a list that
/// was cut off must not look like a bulk removal.
public struct ReadingDoubt: Sendable, Hashable {
    static let few = 10
    /// How many polls in a row must say the same.
    static let polls = 3
    private var findings = 0

    public init() {}

    /// Call it once per poll.
    ///
    /// - Parameters:
    ///   - noted: the number of noted entries.
    ///   - missing: how many of them the reading lacks.
    /// - Returns: why the reading does not count yet. Nil if it counts.
    public mutating func judge(noted: Int, missing: Int) -> String? {
        guard missing > Self.few, missing > noted / 2 else {
            findings = 0
            return nil
        }
        findings += 1
        guard findings < Self.polls else { return nil }
        return
            "\(missing) of \(noted) are missing in what flyteadmin says: that counts when \(Self.polls - findings) more "
            + "polls say the same"
    }
}
