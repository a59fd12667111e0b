import JSON
import KubeObjects

/// A revision as its ControllerRevision has it.
public struct StoredRevision: Sendable {
    public var number: Int64
    public var content: StagedContent
    /// Of the newest one; nil on the others, and on all of them once changes go to all data planes at once.
    public var record: StagedRollout.Record?
    /// There is a state, and it can't be read: somebody has edited it.
    public var isStateBroken = false

    public init(number: Int64, content: StagedContent, record: StagedRollout.Record? = nil) {
        self.number = number
        self.content = content
        self.record = record
    }

    /// The numbers of ours are small. Of a larger one, that somebody else made, the next would not fit any more.
    private static let numbers: Range<Int64> = 1..<1 << 53

    /// Nil where the object isn't a revision of ours. A state that somebody has made unreadable counts as none.
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
