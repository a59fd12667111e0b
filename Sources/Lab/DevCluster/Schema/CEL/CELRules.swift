import JSON

/// A rule that has passed the checks at the creation of its CRD.
struct CompiledRule: Sendable {
    let rule: ValidationRule
    let expression: CELExpression
    let messageExpression: CELExpression?
    let usesOldSelf: Bool
    /// `fieldPath`, normalised: "spec.label"; empty for the level itself.
    let fieldPath: String

    /// The rule's message if it has none, and its name in errors.
    var name: String {
        (rule.message.isEmpty ? rule.rule : rule.message).trimmed
    }
}

/// The rules of a schema (`x-kubernetes-validations`), of every level. Nil if there are none.
final class CELRules: Sendable {
    let schema: StructuralSchema
    /// `self` has `apiVersion`, `kind` and `metadata`.
    let isResource: Bool
    let rules: [CompiledRule]
    let items: CELRules?
    let properties: [String: CELRules]
    let values: CELRules?

    private init(
        schema: StructuralSchema, isResource: Bool, rules: [CompiledRule], items: CELRules?,
        properties: [String: CELRules], values: CELRules?
    ) {
        self.schema = schema
        self.isResource = isResource
        self.rules = rules
        self.items = items
        self.properties = properties
        self.values = values
    }

    /// The rules of a CRD's schema, or why the real server would refuse it.
    static func compile(_ schema: StructuralSchema, at path: FieldPath) -> (CELRules?, [FieldError]) {
        var compiler = CELRuleCompiler()
        let rules = compiler.compile(schema, at: path, isResource: true, uncorrelatable: nil)
        return (rules, compiler.errors)
    }

    fileprivate static func make(
        _ schema: StructuralSchema, _ isResource: Bool, _ rules: [CompiledRule], _ items: CELRules?,
        _ properties: [String: CELRules], _ values: CELRules?
    ) -> CELRules? {
        if rules.isEmpty, items == nil, properties.isEmpty, values == nil { return nil }
        return CELRules(
            schema: schema, isResource: isResource, rules: rules, items: items, properties: properties, values: values)
    }
}

private struct CELRuleCompiler {
    var errors: [FieldError] = []

    /// `uncorrelatable` is the list above whose elements have no old values.
    mutating func compile(
        _ schema: StructuralSchema, at path: FieldPath, isResource: Bool, uncorrelatable: FieldPath?
    ) -> CELRules? {
        let isResource = isResource || schema.isEmbeddedResource
        var rules: [CompiledRule] = []
        if !schema.rules.isEmpty, let type = CELType(schema, isResource: isResource) {
            for (index, rule) in schema.rules.enumerated() {
                let path = path.child("x-kubernetes-validations").index(index)
                if let compiled = compile(rule, of: schema, type, at: path, uncorrelatable) { rules.append(compiled) }
            }
        }
        var properties: [String: CELRules] = [:]
        for name in schema.propertyNames {
            guard let property = schema.properties[name] else { continue }
            properties[name] = compile(
                property, at: path.child("properties").key(name), isResource: false, uncorrelatable: uncorrelatable)
        }
        let itemsPath = path.child("items")
        let itemsUncorrelatable = uncorrelatable ?? (schema.listType == "map" ? nil : itemsPath)
        let items = schema.items.flatMap {
            compile($0, at: itemsPath, isResource: false, uncorrelatable: itemsUncorrelatable)
        }
        let values = schema.additionalProperties.schema.flatMap {
            compile($0, at: path.child("additionalProperties"), isResource: false, uncorrelatable: uncorrelatable)
        }
        return CELRules.make(schema, isResource, rules, items, properties, values)
    }

    private mutating func compile(
        _ rule: ValidationRule, of schema: StructuralSchema, _ type: CELType, at path: FieldPath,
        _ uncorrelatable: FieldPath?
    ) -> CompiledRule? {
        let count = errors.count
        checkTexts(rule, at: path)
        let fieldPath = rule.fieldPath.isEmpty ? "" : CELFieldPath.normalised(rule.fieldPath, in: schema)
        if fieldPath == nil {
            errors.append(
                FieldError(.invalid, path.child("fieldPath"), value: .string(rule.fieldPath), "must be a valid path"))
        }
        guard errors.count == count else { return nil }
        let oldType = rule.optionalOldSelf == true ? CELType.optional(type) : type
        let variables = [(name: "self", type: type), (name: "oldSelf", type: oldType)]
        let expression = compile(
            rule.rule, variables, rule, at: path.child("rule"), prefix: "compilation failed: ", result: .bool,
            otherwise: "cel expression must evaluate to a bool")
        let message =
            rule.messageExpression.isEmpty
            ? nil
            : compile(
                rule.messageExpression, variables, rule, at: path.child("messageExpression"),
                prefix: "messageExpression compilation failed: ", result: .string,
                otherwise: "messageExpression must evaluate to a string")
        guard let expression else { return nil }
        let usesOldSelf = expression.uses("oldSelf")
        if usesOldSelf, let uncorrelatable {
            let detail = "oldSelf cannot be used on the uncorrelatable portion of the schema within \(uncorrelatable)"
            errors.append(FieldError(.invalid, path.child("rule"), value: .string(rule.rule), detail))
        } else if !usesOldSelf, let optionalOldSelf = rule.optionalOldSelf {
            errors.append(
                FieldError(
                    .invalid, path.child("optionalOldSelf"), value: .bool(optionalOldSelf),
                    "may not be set if oldSelf is not used in rule"))
        }
        return CompiledRule(
            rule: rule, expression: expression, messageExpression: message, usesOldSelf: usesOldSelf,
            fieldPath: fieldPath ?? "")
    }

    private mutating func compile(
        _ source: String, _ variables: [(name: String, type: CELType)], _ rule: ValidationRule, at path: FieldPath,
        prefix: String, result: CELType, otherwise: String
    ) -> CELExpression? {
        func refuse(_ detail: String) -> FieldError { FieldError(.invalid, path, value: rule.json, detail) }
        do {
            let expression = try CELParser.parse(source)
            let (type, issues) = CELChecker.check(expression, variables: variables)
            guard issues.isEmpty else {
                errors.append(refuse(prefix + issues.map { $0.display(in: source) }.joined(separator: "\n")))
                return nil
            }
            guard type == result else {
                errors.append(refuse(otherwise))
                return nil
            }
            return expression
        } catch {
            errors.append(refuse(prefix + error.display(in: source)))
            return nil
        }
    }

    private mutating func checkTexts(_ rule: ValidationRule, at path: FieldPath) {
        let text = rule.rule.trimmed
        let message = rule.message.trimmed
        func refuse(_ kind: FieldError.Kind, _ name: String, _ value: String?, _ detail: String) {
            errors.append(FieldError(kind, path.child(name), value: value.map { .string($0) }, detail))
        }
        if text.isEmpty {
            refuse(.required, "rule", nil, "rule is not specified")
        } else if !rule.message.isEmpty, message.isEmpty {
            refuse(.invalid, "message", rule.message, "must be non-empty if specified")
        } else if message.contains("\n") {
            refuse(.invalid, "message", rule.message, "must not contain line breaks")
        } else if text.contains("\n"), message.isEmpty {
            refuse(.required, "message", nil, "message must be specified if rule contains line breaks")
        }
        if !rule.messageExpression.isEmpty, rule.messageExpression.trimmed.isEmpty {
            refuse(.required, "messageExpression", nil, "messageExpression must be non-empty if specified")
        }
        let reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"]
        if let reason = rule.reason, !reasons.contains(reason) {
            errors.append(.notSupported(path.child("reason"), value: .string(reason), supported: reasons))
        }
    }
}

extension ValidationRule {
    /// The rule in messages, with the names of the server's internal type.
    fileprivate var json: JSON {
        [
            "Rule": .string(rule), "Message": .string(message), "MessageExpression": .string(messageExpression),
            "Reason": reason.map { .string($0) } ?? .null, "FieldPath": .string(fieldPath),
            "OptionalOldSelf": optionalOldSelf.map { .bool($0) } ?? .null,
        ]
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        var scalars = Substring(self).unicodeScalars
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return String(scalars)
    }
}

/// `fieldPath` of a rule: `.spec.label`, `.values['a.b']`.
enum CELFieldPath {
    /// The path as `field.Path` writes it. Nil for a path that the schema does not have.
    static func normalised(_ text: String, in schema: StructuralSchema) -> String? {
        var path = FieldPath.root
        var schema = schema
        var rest = Substring(text)
        while let first = rest.popFirst() {
            let name: String
            switch first {
            case ".":
                name = String(rest.prefix { $0 != "." && $0 != "[" && $0 != "]" })
                rest = rest.dropFirst(name.count)
            case "[":
                guard rest.popFirst() == "'" else { return nil }
                var quoted = ""
                var isClosed = false
                while let character = rest.popFirst() {
                    if character == "'" {
                        isClosed = true
                        break
                    }
                    guard character == "\\" else {
                        quoted.append(character)
                        continue
                    }
                    guard let escaped = rest.popFirst(), escaped == "'" || escaped == "\\" else { return nil }
                    quoted.append(escaped)
                }
                guard isClosed, rest.popFirst() == "]" else { return nil }
                name = quoted
            default: return nil
            }
            if !schema.properties.isEmpty {
                guard let next = schema.properties[name] else { return nil }
                (path, schema) = (path.child(name), next)
            } else if let next = schema.additionalProperties.schema {
                (path, schema) = (path.key(name), next)
            } else {
                return nil
            }
        }
        return path.text
    }
}
