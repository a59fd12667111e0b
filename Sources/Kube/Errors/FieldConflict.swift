/// A field of a server-side apply that another manager owns with another value.
public struct FieldConflict: Sendable, Hashable, CustomStringConvertible {
    /// `.metadata.annotations.eks.amazonaws.com/role-arn`.
    public var field: String
    /// `kubectl`. The whole message if it names no manager in the known form.
    public var manager: String
    /// `conflict with "kubectl" using v1`.
    public var message: String

    public init(field: String, manager: String, message: String) {
        self.field = field
        self.manager = manager
        self.message = message
    }

    public var description: String { "\(field) is owned by \(manager)" }

    init(cause: APIStatus.Cause) {
        self.init(field: cause.field, manager: Self.manager(in: cause.message) ?? cause.message, message: cause.message)
    }

    /// The name between the quotes of `conflict with "NAME"…`, which Go's `%q` wrote: `\"` and `\\` are undone.
    private static func manager(in message: String) -> String? {
        let prefix = "conflict with \""
        guard message.hasPrefix(prefix) else { return nil }
        var name = ""
        var isEscaped = false
        for character in message.dropFirst(prefix.count) {
            if isEscaped {
                name.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                return name
            } else {
                name.append(character)
            }
        }
        return nil
    }
}
