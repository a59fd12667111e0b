import JSON

extension SchemaValidator {
    /// allOf, anyOf, oneOf and not.
    func checkCombinations(
        _ value: JSON, _ schema: StructuralSchema, _ name: String, _ correlation: Correlation?
    ) -> Outcome {
        var outcome = Outcome()
        // An unchanged value is forgiven as a whole, at the level that has these schemas.
        func branches(_ schemas: [StructuralSchema]) -> [Outcome] {
            schemas.map { validateBranch(value, $0, at: name, correlation) }
        }
        let quoted = GoText.quoted(name)
        if !schema.anyOf.isEmpty {
            let results = branches(schema.anyOf)
            if let success = results.first(where: \.isValid) {
                outcome.merge(success)
            } else {
                outcome.errors.append(plainError("\(quoted) must validate at least one schema (anyOf)"))
                Self.best(results).map { outcome.merge($0) }
            }
        }
        if !schema.oneOf.isEmpty {
            let results = branches(schema.oneOf)
            let valid = results.filter(\.isValid)
            if valid.count == 1 {
                outcome.merge(valid[0])
            } else {
                let found = valid.isEmpty ? "Found none valid" : "Found \(valid.count) valid alternatives"
                outcome.errors.append(plainError("\(quoted) must validate one and only one schema (oneOf). \(found)"))
                if valid.isEmpty { Self.best(results).map { outcome.merge($0) } }
            }
        }
        if !schema.allOf.isEmpty {
            let results = branches(schema.allOf)
            results.forEach { outcome.merge($0) }
            let count = results.filter(\.isValid).count
            if count != results.count {
                let none = count == 0 ? ". None validated" : ""
                outcome.errors.append(plainError("\(quoted) must validate all the schemas (allOf)\(none)"))
            }
        }
        if let not = schema.not, validateBranch(value, not, at: name, correlation).isValid {
            outcome.errors.append(plainError("\(quoted) must not validate the schema (not)"))
        }
        outcome.matches += 1
        return outcome
    }

    private func validateBranch(
        _ value: JSON, _ schema: StructuralSchema, at name: String, _ correlation: Correlation?
    ) -> Outcome {
        // The old value is left out, since forgiving in a branch would decide which branch holds.
        validate(value, schema, at: name, nil)
    }

    /// The first of the results with the most matches.
    private static func best(_ results: [Outcome]) -> Outcome? {
        results.dropFirst().reduce(results.first) { best, next in
            next.matches > best?.matches ?? 0 ? next : best
        }
    }

    func checkNumber(_ value: JSON, _ schema: StructuralSchema, _ name: String) -> Outcome? {
        guard let number = value.double else { return nil }
        var outcome = Outcome.checked
        // The range is only known if there is exactly one type.
        let type = schema.types.count == 1 ? schema.types[0] : ""
        if type == "integer" || type == "number", let message = Self.rangeError(value, type, schema.format) {
            outcome.errors.append(plainError("Checked value must be of type \(message) in \(name)"))
        }
        func append(_ rule: String) { outcome.merge(error(.invalid, name, value: value, rule)) }
        if let factor = schema.multipleOf {
            if factor <= 0 {
                outcome.errors.append(
                    FieldError(
                        .invalid, path(name), value: .double(factor),
                        "factor MultipleOf declared for \(name) must be positive: \(GoText.number(factor))"))
            } else {
                let quotient = factor < 1 ? 1 / factor * number : number / factor
                if quotient != quotient.rounded() { append("should be a multiple of \(GoText.number(factor))") }
            }
        }
        // The minimum comes first, as in the real validator.
        if let minimum = schema.minimum, !Self.holds(value, number, minimum, isMinimum: true) {
            let rule = minimum.isExclusive ? "greater than" : "greater than or equal to"
            append("should be \(rule) \(Self.text(minimum.value, for: value))")
        }
        if let maximum = schema.maximum, !Self.holds(value, number, maximum, isMinimum: false) {
            let rule = maximum.isExclusive ? "less than" : "less than or equal to"
            append("should be \(rule) \(Self.text(maximum.value, for: value))")
        }
        return outcome
    }

    /// An integer is compared with the bound cut to an integer, even if the type is `number`, as on the server.
    private static func holds(
        _ value: JSON, _ number: Double, _ bound: StructuralSchema.Bound, isMinimum: Bool
    ) -> Bool {
        if case .int(let integer) = value, let limit = Int64(exactly: bound.value.rounded(.towardZero)) {
            if bound.isExclusive { return isMinimum ? integer > limit : integer < limit }
            return isMinimum ? integer >= limit : integer <= limit
        }
        if bound.isExclusive { return isMinimum ? number > bound.value : number < bound.value }
        return isMinimum ? number >= bound.value : number <= bound.value
    }

    private static func text(_ bound: Double, for value: JSON) -> String {
        if case .int = value, let limit = Int64(exactly: bound.rounded(.towardZero)) { return String(limit) }
        return GoText.number(bound)
    }

    private static func rangeError(_ value: JSON, _ type: String, _ format: String) -> String? {
        let fits: Bool
        switch (type, format, value) {
        case ("integer", "int32", .int(let number)): fits = Int32(exactly: number) != nil
        case ("integer", "int32", .double(let number)): fits = Int32(exactly: number) != nil
        case ("integer", _, .double(let number)): fits = Int64(exactly: number) != nil
        case ("number", "float", .double(let number)): fits = Float(number).isFinite
        default: fits = true
        }
        if fits { return nil }
        return format.isEmpty ? "\(type) (default format)" : "\(type) with format \(format)"
    }
}
