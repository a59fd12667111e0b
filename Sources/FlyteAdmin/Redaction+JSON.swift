import JSON
import Support

extension JSON {
    /// The value with the secrets hidden in texts at any depth. Names of members stay, since they are not shown.
    func redacted(by redaction: Redaction) -> JSON {
        switch self {
        case .string(let text): .string(redaction.cleanData(text))
        case .array(let elements): .array(elements.map { $0.redacted(by: redaction) })
        case .object(let members): .object(members.mapValues { $0.redacted(by: redaction) })
        case .null, .bool, .int, .double: self
        }
    }
}
