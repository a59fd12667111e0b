import JSON

/// A place in an object, as `field.Path` of apimachinery writes it.
struct FieldPath: Sendable, Hashable, CustomStringConvertible {
    /// Nil for the object itself.
    private(set) var text: String?
    static let root = FieldPath(text: nil)

    init(_ text: String) { self.text = text }
    private init(text: String?) { self.text = text }

    func child(_ name: String) -> FieldPath { FieldPath(text: text.map { "\($0).\(name)" } ?? name) }
    func child(_ names: [String]) -> FieldPath { names.reduce(self) { $0.child($1) } }
    func key(_ key: String) -> FieldPath { FieldPath(text: (text ?? "") + "[\(key)]") }
    func index(_ index: Int) -> FieldPath { FieldPath(text: (text ?? "") + "[\(index)]") }

    /// The root reads `<nil>`, as in a `Status` of the real server.
    var description: String { text ?? "<nil>" }
}

/// One reason why an object is invalid: a cause of a 422. Texts are those of `field.Error` in apimachinery.
struct FieldError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The raw value is a cause's `reason`.
    enum Kind: String, Sendable {
        case required = "FieldValueRequired"
        case duplicate = "FieldValueDuplicate"
        case invalid = "FieldValueInvalid"
        case notSupported = "FieldValueNotSupported"
        case forbidden = "FieldValueForbidden"
        case tooLong = "FieldValueTooLong"
        case tooMany = "FieldValueTooMany"
        case typeInvalid = "FieldValueTypeInvalid"
        case `internal` = "InternalError"

        var text: String {
            switch self {
            case .required: "Required value"
            case .duplicate: "Duplicate value"
            case .invalid, .typeInvalid: "Invalid value"
            case .notSupported: "Unsupported value"
            case .forbidden: "Forbidden"
            case .tooLong: "Too long"
            case .tooMany: "Too many"
            case .internal: "Internal error"
            }
        }
        var showsValue: Bool {
            switch self {
            case .required, .forbidden, .tooLong, .internal: false
            default: true
            }
        }
    }

    var kind: Kind
    var field: String
    /// Nil if it is not shown.
    var value: JSON?
    var detail: String

    init(_ kind: Kind, _ path: FieldPath, value: JSON? = nil, _ detail: String = "") {
        self.kind = kind
        field = path.description
        self.value = value
        self.detail = detail
    }

    static func notSupported(_ path: FieldPath, value: JSON, supported: [String]) -> FieldError {
        let list = supported.map(GoText.quoted).joined(separator: ", ")
        return FieldError(.notSupported, path, value: value, supported.isEmpty ? "" : "supported values: \(list)")
    }
    static func tooLong(_ path: FieldPath, limit: Int64) -> FieldError {
        FieldError(.tooLong, path, "may not be more than \(limit) \(limit == 1 ? "byte" : "bytes")")
    }
    static func tooMany(_ path: FieldPath, count: Int, limit: Int64) -> FieldError {
        let detail = "must have at most \(limit) \(limit == 1 ? "item" : "items")"
        return FieldError(.tooMany, path, value: .int(Int64(count)), detail)
    }

    /// A cause's `message`.
    var body: String {
        var text = kind.text
        if kind.showsValue, let value { text += ": " + GoText.badValue(value) }
        return detail.isEmpty ? text : "\(text): \(detail)"
    }
    var description: String { "\(field): \(body)" }
}

extension [FieldError] {
    /// All errors as one text: alone, or as `[a, b]` without repetitions.
    var aggregate: String {
        var seen: Set<String> = []
        let texts = map(\.description).filter { seen.insert($0).inserted }
        return texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
    }
}
