import JSON

/// The type of a value, as far as decoding, server-side apply, strategic merge patches and OpenAPI need it. The types
/// of built-in kinds are in `BuiltInTypes`; those of custom resources come from the CRD.
indirect enum FieldType: Sendable {
    case string
    case integer
    case number
    case boolean
    /// Base64 text.
    case bytes
    case time
    case microTime
    case quantity
    case intOrString
    /// Any value. Server-side apply takes objects as granular and lists as atomic.
    case any
    case object(ObjectType)
    /// A type of `BuiltInTypes`, by name: types may contain themselves.
    case named(String)
    case map(FieldType, atomic: Bool)
    case list(FieldType, ListKind)

    enum ListKind: Sendable, Hashable {
        case atomic
        case set
        case map(keys: [String])
    }

    /// The type, with a name looked up.
    var resolved: FieldType {
        if case .named(let name) = self { BuiltInTypes.shared.types[name].map { .object($0) } ?? .any } else { self }
    }
}

/// An object with known fields.
final class ObjectType: Sendable {
    struct Field: Sendable {
        let type: FieldType
        var description = ""
        var isRequired = false
        /// Go writes the field even when it is empty (without `omitempty`), so it is in the object with which a create
        /// is compared.
        var isAlwaysPresent = false
        /// How a strategic merge patch treats a list: by this key, as a set where empty, replaced where nil.
        var mergeKey: String?
        /// A strategic merge patch replaces it, or keeps only the keys that the patch names.
        var retainsKeys = false
        var defaultValue: JSON?
    }
    let name: String
    let description: String
    let fields: [String: Field]
    /// Whether other fields are kept.
    let isOpen: Bool
    /// Whether server-side apply owns it as a whole.
    let isAtomic: Bool
    /// The type of other fields of an open object.
    let others: FieldType

    init(
        name: String, description: String = "", fields: [String: Field], isOpen: Bool = false, isAtomic: Bool = false,
        others: FieldType = .any
    ) {
        self.name = name
        self.description = description
        self.fields = fields
        self.isOpen = isOpen
        self.isAtomic = isAtomic
        self.others = others
    }
}
