import JSON

/// Checks a value against the OpenAPI part of a schema, with the messages of kube-openapi's validator.
///
/// As in that validator, names in a message begin at the validated value ("conditions[0].type in body …" for a status).
/// The field of the error has the prefix.
struct SchemaValidator {
    /// The path of the validated value in the object.
    var prefix: FieldPath = .root

    /// The result of one level. `matches` counts successful checks. If all branches of an anyOf or oneOf fail, the
    /// errors of the branch with the most matches are shown.
    struct Outcome {
        var errors: [FieldError] = []
        var matches = 0

        mutating func merge(_ other: Outcome) {
            errors += other.errors
            matches += other.matches
        }
        var isValid: Bool { errors.isEmpty }
        static let checked = Outcome(matches: 1)
    }

    func errors(of value: JSON, _ schema: StructuralSchema, old: JSON? = nil) -> [FieldError] {
        validate(value, schema, at: "", old.map { Correlation(old: $0, schema: schema) }).errors
    }

    func validate(_ value: JSON, _ schema: StructuralSchema, at name: String, _ correlation: Correlation?) -> Outcome {
        var outcome = Outcome()
        if value.isNull {
            outcome.merge(checkType(value, schema, name))
            outcome.merge(checkEnum(value, schema, name))
        } else {
            let parts = [
                schema.types.isEmpty && schema.format.isEmpty ? nil : checkType(value, schema, name),
                checkCombinations(value, schema, name, correlation),
                checkString(value, schema, name),
                checkNumber(value, schema, name),
                checkArray(value, schema, name, correlation),
                schema.enumeration.isEmpty ? nil : checkEnum(value, schema, name),
                checkObject(value, schema, name, correlation),
            ]
            for case let part? in parts {
                outcome.merge(part)
                outcome.matches += 1
            }
            outcome.matches += 1
        }
        if !outcome.isValid, let correlation, correlation.isUnchanged(value) { outcome.errors = [] }
        return outcome
    }

    func path(_ name: String) -> FieldPath {
        let name = name.hasPrefix(".") ? String(name.dropFirst()) : name
        return name.isEmpty ? prefix : prefix.child(name)
    }
    func error(_ kind: FieldError.Kind, _ name: String, value: JSON, _ rule: String) -> Outcome {
        Outcome(errors: [FieldError(kind, path(name), value: value, "\(name) in body \(rule)")])
    }
    /// An error without a place of its own, for combinations of schemas.
    func plainError(_ message: String) -> FieldError { FieldError(.invalid, prefix, value: "", message) }

    private func checkType(_ value: JSON, _ schema: StructuralSchema, _ name: String) -> Outcome {
        let expected = schema.types.joined(separator: ",")
        func mismatch(_ expected: String, _ found: String) -> Outcome {
            error(.typeInvalid, name, value: .string(found), "must be of type \(expected): \(GoText.quoted(found))")
        }
        if value.isNull {
            return schema.types.isEmpty || schema.isNullable ? .checked : mismatch(expected, "null")
        }
        let (type, format) = Self.typeAndFormat(value)
        var fits = schema.types.contains(type) || type == "integer" && schema.types.contains("number")
        if case .double(let number) = value, schema.types.contains("integer") {
            fits = fits || number == number.rounded(.towardZero)
        }
        let isText = value.string != nil || value.array != nil
        if !isText, !schema.format.isEmpty, !fits, format != schema.format { return mismatch(schema.format, format) }
        let isNumeric = schema.types.contains("number") || schema.types.contains("integer")
        if isText, !schema.format.isEmpty, !isNumeric { return .checked }  // the check of formats does this
        return fits ? .checked : mismatch(expected, type)
    }

    private static func typeAndFormat(_ value: JSON) -> (String, String) {
        switch value {
        case .null: ("null", "")
        case .bool: ("boolean", "")
        case .int: ("integer", "int64")
        case .double: ("number", "float64")
        case .string: ("string", "")
        case .array: ("array", "")
        case .object: ("object", "")
        }
    }

    private func checkEnum(_ value: JSON, _ schema: StructuralSchema, _ name: String) -> Outcome {
        if schema.enumeration.isEmpty { return Outcome() }
        let isKnown = schema.enumeration.contains { allowed in
            allowed == value || allowed.double != nil && allowed.double == value.double
        }
        if isKnown { return Outcome() }
        let supported = schema.enumeration.map { $0.string ?? GoText.json($0) }
        return Outcome(errors: [.notSupported(path(name), value: value, supported: supported)])
    }

    private func checkString(_ value: JSON, _ schema: StructuralSchema, _ name: String) -> Outcome? {
        guard case .string(let text) = value else { return nil }
        let length = text.unicodeScalars.count
        var outcome = Outcome()
        if let limit = schema.maxLength, length > limit {
            outcome.errors.append(.tooLong(path(name), limit: limit))
        } else if let limit = schema.minLength, length < limit {
            outcome = error(.invalid, name, value: value, "should be at least \(limit) chars long")
        } else if let pattern = schema.pattern, !pattern.regex.matches(text) {
            outcome = error(.invalid, name, value: value, "should match '\(pattern.source)'")
        }
        let isFormatted = schema.types.isEmpty || schema.types.contains("string")
        if isFormatted, !schema.format.isEmpty, !StringFormat.isValid(text, schema.format) {
            outcome.merge(
                error(.typeInvalid, name, value: value, "must be of type \(schema.format): \(GoText.quoted(text))"))
        }
        return outcome
    }

    private func checkArray(
        _ value: JSON, _ schema: StructuralSchema, _ name: String, _ correlation: Correlation?
    ) -> Outcome? {
        guard case .array(let elements) = value else { return nil }
        var outcome = Outcome.checked
        if let items = schema.items {
            for (index, element) in elements.enumerated() {
                outcome.merge(validate(element, items, at: "\(name)[\(index)]", correlation?.element(for: element)))
            }
        }
        if let limit = schema.minItems, elements.count < limit {
            let count = JSON.int(Int64(elements.count))
            outcome.merge(error(.invalid, name, value: count, "should have at least \(limit) items"))
        }
        if let limit = schema.maxItems, elements.count > limit {
            outcome.errors.append(.tooMany(path(name), count: elements.count, limit: limit))
        }
        return outcome
    }

    private func checkObject(
        _ value: JSON, _ schema: StructuralSchema, _ name: String, _ correlation: Correlation?
    ) -> Outcome? {
        guard case .object(let members) = value else { return nil }
        var outcome = Outcome()
        if let limit = schema.minProperties, members.count < limit {
            let count = JSON.int(Int64(members.count))
            outcome.merge(error(.invalid, name, value: count, "should have at least \(limit) properties"))
        }
        if let limit = schema.maxProperties, members.count > limit {
            outcome.errors.append(.tooMany(path(name), count: members.count, limit: limit))
        }
        for (key, member) in members.sorted(by: { $0.key < $1.key }) where schema.properties[key] == nil {
            switch schema.additionalProperties {
            case .unspecified, .bool(true): break
            case .bool(false):
                let message = "\(name).\(key) in body is a forbidden property"
                outcome.errors.append(FieldError(.invalid, path(name), value: .string(key), message))
            case .schema(let values):
                outcome.merge(validate(member, values, at: "\(name).\(key)", correlation?.key(key)))
            }
        }
        for key in schema.propertyNames {
            guard let member = members[key], let property = schema.properties[key] else { continue }
            // Kind and version of the stored object are those of the storage version, so they are not compared.
            let isTypeMeta = name.isEmpty && (key == "kind" || key == "apiVersion")
            let old = isTypeMeta ? nil : correlation?.key(key)
            outcome.merge(validate(member, property, at: name.isEmpty ? key : "\(name).\(key)", old))
        }
        for key in schema.required where members[key] == nil {
            outcome.errors.append(FieldError(.required, path("\(name).\(key)")))
        }
        return outcome
    }
}
