import JSON

/// One thing that is wrong with an object, as `field.Error` has it.
public struct FieldError: Sendable, Hashable, CustomStringConvertible {
    /// The cause's reason: `FieldValueRequired`, `FieldValueInvalid`, …
    public var reason: String
    /// `metadata.name`, `spec.clusters[0].weight`; `<nil>` for no field.
    public var field: String
    /// With its prefix: "Required value: must be set".
    public var message: String

    public init(reason: String, field: String, message: String) {
        self.reason = reason
        self.field = field
        self.message = message
    }

    public var description: String { "\(field): \(message)" }

    static func required(_ field: String, _ detail: String = "") -> FieldError {
        FieldError(
            reason: "FieldValueRequired", field: field, message: "Required value" + (detail.isEmpty ? "" : ": " + detail))
    }
    static func invalid(_ field: String, _ value: JSON, _ detail: String) -> FieldError {
        FieldError(reason: "FieldValueInvalid", field: field, message: "Invalid value: \(value.shownInErrors): \(detail)")
    }
    static func duplicate(_ field: String, _ value: JSON) -> FieldError {
        FieldError(reason: "FieldValueDuplicate", field: field, message: "Duplicate value: \(value.shownInErrors)")
    }
    static func forbidden(_ field: String, _ detail: String) -> FieldError {
        FieldError(reason: "FieldValueForbidden", field: field, message: "Forbidden: \(detail)")
    }
    static func unsupported(_ field: String, _ value: JSON, _ allowed: [String]) -> FieldError {
        let list = allowed.map { JSON.string($0).shownInErrors }.joined(separator: ", ")
        return FieldError(
            reason: "FieldValueNotSupported", field: field,
            message: "Unsupported value: \(value.shownInErrors): supported values: \(list)")
    }
}

extension JSON {
    /// As Go's `field.Error` shows a value: strings quoted, the rest as JSON.
    var shownInErrors: String {
        if case .string(let text) = self {
            var bytes: [UInt8] = []
            appendJSONString(text, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        return serializedString
    }
}
