/// Whether a reading of flyteadmin is believed that lacks much of what was noted before: a database that was restored, or a
/// list that was cut off, must not look like a bulk removal.
public struct ReadingDoubt: Sendable, Hashable {
    static let few = 10
    /// So many polls in a row have to say the same.
    static let polls = 3
    private var findings = 0

    public init() {}

    /// Call it once a poll.
    ///
    /// - Parameters:
    ///   - noted: how many entries were noted.
    ///   - missing: how many of those the reading lacks.
    /// - Returns: why it does not count yet; nil where it counts.
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
