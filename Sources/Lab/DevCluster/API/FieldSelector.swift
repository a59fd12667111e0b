import JSON

/// `metadata.name=x,status.phase!=Running`: all terms must hold.
struct FieldSelector: Sendable, Hashable {
    struct Term: Sendable, Hashable {
        var field: String
        var isEqual: Bool
        var value: String
    }
    var terms: [Term] = []

    init() {}

    /// - Parameter definition: which fields may be named.
    init(parsing text: String, for definition: ResourceDefinition) throws(APIError) {
        for part in Self.split(text) where !part.isEmpty {
            guard let term = Self.term(part) else {
                throw .badRequest("invalid selector: '\(text)'; can't understand '\(part)'")
            }
            guard definition.selectableFields.contains(term.field) else {
                throw definition.namesUnsupportedFieldsShortly
                    ? .badRequest("field label not supported: \(term.field)")
                    : .badRequest(
                        "\"\(term.field)\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    )
            }
            terms.append(term)
        }
    }

    /// The name that an object must have, if the selector allows only one.
    var exactName: String? { terms.first { $0.field == "metadata.name" && $0.isEqual }?.value }

    /// - Parameter value: of a field of the object; nil counts as empty.
    func matches(_ value: (String) -> String?) -> Bool {
        terms.allSatisfy { ((value($0.field) ?? "") == $0.value) == $0.isEqual }
    }

    /// Splits at commas without a backslash before them.
    private static func split(_ text: String) -> [String] {
        var parts: [String] = [""]
        var escaped = false
        for scalar in text.unicodeScalars {
            if scalar == ",", !escaped {
                parts.append("")
            } else {
                parts[parts.count - 1].unicodeScalars.append(scalar)
            }
            escaped = scalar == "\\" && !escaped
        }
        return parts
    }

    private static func term(_ text: String) -> Term? {
        let scalars = Array(text.unicodeScalars)
        for index in scalars.indices {
            let rest = scalars[index...]
            let (length, isEqual): (Int, Bool)
            if rest.starts(with: "!=".unicodeScalars) {
                (length, isEqual) = (2, false)
            } else if rest.starts(with: "==".unicodeScalars) {
                (length, isEqual) = (2, true)
            } else if rest.first == "=" {
                (length, isEqual) = (1, true)
            } else {
                continue
            }
            var value = String.UnicodeScalarView()
            var escaped = false
            for scalar in rest.dropFirst(length) {
                if scalar == "\\", !escaped {
                    escaped = true
                } else {
                    value.append(scalar)
                    escaped = false
                }
            }
            var field = String.UnicodeScalarView()
            field.append(contentsOf: scalars[..<index])
            return Term(field: String(field), isEqual: isEqual, value: String(value))
        }
        return nil
    }
}
