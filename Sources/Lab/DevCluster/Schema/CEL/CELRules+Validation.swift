import JSON

extension CELRules {
    /// Evaluates all rules on an object, and on updates with the old object. All rules share one budget.
    func errors(_ object: JSON, old: JSON?) -> [FieldError] {
        var run = CELRun()
        let correlation = old.map { Correlation(old: $0, schema: schema) }
        run.validate(self, object, old: old, at: .root, Ratchet(node: correlation.map { ($0, object) }))
        return run.errors
    }
}

/// The nearest level at or above this one with an old value. On updates, a rule that fails on an unchanged value is
/// forgiven, unless the rule itself uses the old value.
private struct Ratchet {
    var node: (correlation: Correlation, value: JSON)?
    /// Whether `node` is this level, and not one above.
    var isHere = true
    var isRoot = true

    var forgives: Bool { node.map { $0.correlation.isUnchanged($0.value) } ?? false }

    private func down(_ next: Correlation?, _ value: JSON) -> Ratchet {
        guard isHere, let next else { return Ratchet(node: node, isHere: false, isRoot: false) }
        return Ratchet(node: (next, value), isHere: true, isRoot: false)
    }
    func key(_ name: String, _ value: JSON) -> Ratchet {
        // Both versions of an object are converted to the same kind and version, so a change would not show.
        if isRoot, name == "apiVersion" || name == "kind" { return Ratchet(node: nil, isHere: false, isRoot: false) }
        return down(node?.correlation.key(name), value)
    }
    func element(_ value: JSON) -> Ratchet { down(node?.correlation.element(for: value), value) }
}

private struct CELRun {
    var errors: [FieldError] = []
    private var budget = CELEvaluator.totalBudget
    private var isOver = false

    mutating func validate(_ rules: CELRules, _ value: JSON, old: JSON?, at path: FieldPath, _ ratchet: Ratchet) {
        guard !isOver, !value.isNull else { return }
        for rule in rules.rules where !isOver {
            evaluate(rule, rules, value, old: old.flatMap { $0.isNull ? nil : $0 }, at: path, ratchet)
        }
        switch value {
        case .object(let members):
            guard rules.values != nil || !rules.properties.isEmpty else { return }
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                if let values = rules.values {
                    validate(values, member, old: old?[name], at: path.key(name), ratchet.key(name, member))
                } else if let property = rules.properties[name] {
                    validate(property, member, old: old?[name], at: path.child(name), ratchet.key(name, member))
                }
            }
        case .array(let elements):
            guard let items = rules.items else { return }
            for (index, element) in elements.enumerated() {
                let oldElement = rules.schema.oldElement(for: element, in: old)
                validate(items, element, old: oldElement, at: path.index(index), ratchet.element(element))
            }
        default: break
        }
    }

    private mutating func evaluate(
        _ rule: CompiledRule, _ rules: CELRules, _ value: JSON, old: JSON?, at path: FieldPath, _ ratchet: Ratchet
    ) {
        let isOptional = rule.rule.optionalOldSelf == true
        // A transition rule does not apply to a value that was not there before.
        if rule.usesOldSelf, old == nil, !isOptional { return }
        let type = JSON.string(rules.schema.type)
        func refuse(_ detail: String) -> FieldError { FieldError(.invalid, path, value: type, detail) }
        do throws(CELError) {
            var variables = [
                (name: "self", value: try CELValue(value, rules.schema, isResource: rules.isResource))
            ]
            if rule.usesOldSelf || rule.messageExpression?.uses("oldSelf") == true {
                let oldValue: CELValue? =
                    if let old { try CELValue(old, rules.schema, isResource: rules.isResource) } else { nil }
                if isOptional {
                    variables.append(("oldSelf", .optional(oldValue)))
                } else if let oldValue {
                    variables.append(("oldSelf", oldValue))
                }
            }
            guard case .bool(let holds) = try run(rule.expression, variables) else { throw CELError.noOverload("bool") }
            if holds || isOver { return }
            if !rule.usesOldSelf, ratchet.forgives { return }
            errors.append(failure(of: rule, rules, value, variables, at: path))
        } catch {
            if error.isOutOfBudget {
                isOver = true
                let detail =
                    budget <= 0
                    ? "validation failed due to running out of cost budget, no further validation rules will be run"
                    : "'\(error.message)': no further validation rules will be run due to call cost exceeds limit for "
                        + "rule: \(rule.name)"
                errors.append(refuse(detail))
            } else if error.message.hasPrefix("no such overload") {
                let detail =
                    "'\(error.message)': call arguments did not match a supported operator, function or macro "
                    + "signature for rule: \(rule.name)"
                errors.append(refuse(detail))
            } else {
                errors.append(refuse("\(error.message) evaluating rule: \(rule.name)"))
            }
        }
    }

    private mutating func run(
        _ expression: CELExpression, _ variables: [(name: String, value: CELValue)]
    ) throws(CELError) -> CELValue {
        var evaluator = CELEvaluator(variables: variables, limit: min(CELEvaluator.callLimit, budget))
        defer { budget -= evaluator.spent }
        return try evaluator.evaluate(expression)
    }

    private mutating func failure(
        of rule: CompiledRule, _ rules: CELRules, _ value: JSON, _ variables: [(name: String, value: CELValue)],
        at path: FieldPath
    ) -> FieldError {
        var detail = rule.rule.message.isEmpty ? "failed rule: \(rule.name)" : rule.rule.message.trimmed
        // The fixed message is used if this one can't be made, is empty or has several lines.
        if let expression = rule.messageExpression,
            let result = try? run(expression, variables), case .string(let message) = result
        {
            let text = message.trimmed
            if !text.isEmpty, !text.contains("\n"), text.utf8.count <= 5 * 1024 { detail = text }
        }
        let isCompound = rules.schema.type == "object" || rules.schema.type == "array"
        // The type is written out, since a bare nil would be JSON's null.
        let shown = isCompound ? Optional<JSON>.none : value
        let path = rule.fieldPath.isEmpty ? path : path.child(rule.fieldPath)
        switch rule.rule.reason {
        case "FieldValueForbidden": return FieldError(.forbidden, path, detail)
        case "FieldValueRequired": return FieldError(.required, path, detail)
        case "FieldValueDuplicate": return FieldError(.duplicate, path, value: shown)
        default: return FieldError(.invalid, path, value: shown, detail)
        }
    }
}
