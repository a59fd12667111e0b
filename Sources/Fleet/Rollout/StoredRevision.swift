import JSON
import KubeObjects

/// A revision as it is stored in its ControllerRevision.
public struct StoredRevision: Sendable {
    public var number: Int64
    public var content: StagedContent
    /// Set for the newest revision only. Nil for all once changes go to all data planes at once.
    public var record: StagedRollout.Record?
    /// There is a state, but it can't be read, because somebody has edited it.
    public var isStateBroken = false

    public init(number: Int64, content: StagedContent, record: StagedRollout.Record? = nil) {
        self.number = number
        self.content = content
        self.record = record
    }

    /// Our numbers are small. After a larger one, which somebody else made, the next would not fit any more.
    private static let numbers: Range<Int64> = 1..<1 << 53

    /// Nil if the object is not one of our revisions. An unreadable state counts as none.
    public init?(_ object: DynamicObject) {
        guard let number = object.json["revision"]?.int, Self.numbers.contains(number),
            let content = try? object.json["data"]?.decode(StagedContent.self)
        else { return nil }
        let text = object.metadata.annotations?[RolloutNames.state]
        self.init(
            number: number, content: content,
            record: text.flatMap { try? JSON(parsing: $0).decode(StagedRollout.Record.self) })
        isStateBroken = text != nil && record == nil
    }
}
