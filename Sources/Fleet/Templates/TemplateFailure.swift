/// A template that can't be used: reason `TemplateInvalid` or `PlaceholderUnresolved`.
public struct TemplateFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var reason: FailureReason
    /// The ConfigMap's key, or the field with the text.
    public var file: String
    /// Counted from 1. It is 0 if there is none.
    public var line: Int
    public var message: String

    public init(_ reason: FailureReason, file: String, line: Int, _ message: String) {
        self.reason = reason
        self.file = file
        self.line = line
        self.message = message
    }

    /// For example "ab_quota.yaml, line 7: …".
    public var description: String { line > 0 ? "\(file), line \(line): \(message)" : "\(file): \(message)" }
}
