import JSON

/// The errors of built-in rules, with the path as text.
extension FieldError {
    static func required(_ field: String, _ detail: String = "") -> FieldError {
        FieldError(.required, FieldPath(field), detail)
    }
    static func invalid(_ field: String, _ value: JSON, _ detail: String) -> FieldError {
        FieldError(.invalid, FieldPath(field), value: value, detail)
    }
    static func forbidden(_ field: String, _ detail: String) -> FieldError {
        FieldError(.forbidden, FieldPath(field), detail)
    }
    static func unsupported(_ field: String, _ value: JSON, _ allowed: [String]) -> FieldError {
        notSupported(FieldPath(field), value: value, supported: allowed)
    }
    static func tooLong(_ field: String, limit: Int64) -> FieldError { tooLong(FieldPath(field), limit: limit) }
}

extension JSON {
    /// The value in an error: strings quoted as by Go's `%q`, other values as JSON.
    var shownInErrors: String { string.map(GoText.quoted) ?? serializedString }
}
