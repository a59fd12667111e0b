import JSON
import KubeObjects
import Logging
import Support

#if canImport(Glibc)
    import Glibc
#endif

public enum LogFormat: String, Sendable, CaseIterable { case text, json }

/// Logs a line for each message to standard error: for people (`text`) or for collectors (`json`).
public struct LineLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level
    private let format: LogFormat

    public init(format: LogFormat, level: Logger.Level) {
        self.format = format
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// A part of any message may come from outside. A terminal must not take it for a command, nor a reader for another
    /// line.
    static func oneLine(_ text: String) -> String {
        let line =
            text.utf8.contains { $0 < 32 }
            ? String(text.unicodeScalars.map { $0.value < 32 ? " " : Character($0) }) : text
        return line.isShowable() ? line : line.shown(limit: 64 << 10)
    }

    public func log(event: LogEvent) {
        let time = MicroTimestamp(WallClock.system.now).description
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }
        var line: [UInt8]
        switch format {
        case .text:
            let pairs = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            line = Array(Self.oneLine("\(time) \(event.level) \(event.message)\(pairs)").utf8)
        case .json:
            var json: JSON = [
                "time": .string(time), "level": .string(event.level.rawValue),
                "message": .string(Self.oneLine("\(event.message)")),
            ]
            for (key, value) in fields where json[key] == nil { json[key] = .string(Self.oneLine("\(value)")) }
            line = json.serialized()
        }
        line.append(10)
        // One write for each line, so that the lines of several threads don't mix.
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
