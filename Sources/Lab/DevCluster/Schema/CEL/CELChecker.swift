/// Finds the type of an expression and its errors, with the messages of cel-go.
struct CELChecker {
    private(set) var issues: [CELIssue] = []
    /// Innermost last.
    private var variables: [(name: String, type: CELType)]

    private init(_ variables: [(name: String, type: CELType)]) { self.variables = variables }

    static func check(
        _ expression: CELExpression, variables: [(name: String, type: CELType)]
    ) -> (type: CELType, issues: [CELIssue]) {
        var checker = CELChecker(variables)
        let type = checker.type(of: expression)
        return (type, checker.issues.sorted { $0.offset < $1.offset })
    }

    /// A faulty part counts as dynamic, so that a fault is reported only once.
    private mutating func fail(_ offset: Int, _ message: String) -> CELType {
        issues.append(CELIssue(offset, message))
        return .dyn
    }

    private mutating func type(of expression: CELExpression) -> CELType {
        switch expression {
        case .literal(let value, _): return Self.type(of: value)
        case .identifier(let name, let offset):
            if let variable = variables.last(where: { $0.name == name }) { return variable.type }
            if CELLibrary.typeNames.contains(name) { return .type }
            return fail(offset, "undeclared reference to '\(name)' (in container '')")
        case .select(let target, let field, let isTest, let isOptional, let offset):
            return select(type(of: target), field, isTest: isTest, isOptional: isOptional, offset)
        case .index(let target, let index, let isOptional, let offset):
            return self.index(type(of: target), type(of: index), isOptional: isOptional, offset)
        case .call(let name, let arguments, let isMember, let offset):
            return call(name, arguments.map { type(of: $0) }, isMember: isMember, offset)
        case .and(let terms, let offset): return logical("_&&_", terms, offset)
        case .or(let terms, let offset): return logical("_||_", terms, offset)
        case .conditional(let condition, let yes, let no, let offset):
            let types = [type(of: condition), type(of: yes), type(of: no)]
            guard CELType.bool.accepts(types[0]), let joined = CELType.joined(types[1], types[2]) else {
                return fail(offset, Self.noOverload("_?_:_", types, isMember: false))
            }
            return joined
        case .list(let elements, _):
            var element: CELType?
            for (expression, isOptional) in elements {
                var next = type(of: expression)
                if isOptional, case .optional(let inner) = next { next = inner }
                element = homogeneous(element, next, expression.offset)
            }
            return .list(element ?? .dyn)
        case .map(let entries, _):
            var key: CELType?
            var value: CELType?
            for entry in entries {
                key = homogeneous(key, type(of: entry.key), entry.key.offset)
                var next = type(of: entry.value)
                if entry.isOptional, case .optional(let inner) = next { next = inner }
                value = homogeneous(value, next, entry.value.offset)
            }
            return .map(key ?? .dyn, value ?? .dyn)
        case .comprehension(let macro, let range, let names, let filter, let body, let offset):
            return comprehension(macro, range, names, filter, body, offset)
        case .optionalMap(let target, let variable, let body, let isFlat, let offset):
            let targetType = type(of: target)
            let (inner, isOptional) = Self.unwrapped(targetType)
            guard isOptional || targetType == .dyn else {
                return fail(offset, Self.noOverload("optMap", [targetType], isMember: true))
            }
            variables.append((variable, inner))
            defer { variables.removeLast() }
            let result = type(of: body)
            return isFlat ? result : .optional(result)
        }
    }

    private mutating func homogeneous(_ known: CELType?, _ next: CELType, _ offset: Int) -> CELType {
        guard let known else { return next }
        if let joined = CELType.joined(known, next) { return joined }
        return fail(offset, "expected type '\(known)' but found '\(next)'")
    }

    private mutating func logical(_ name: String, _ terms: [CELExpression], _ offset: Int) -> CELType {
        let types = terms.map { type(of: $0) }
        if types.allSatisfy({ CELType.bool.accepts($0) }) { return .bool }
        return fail(offset, Self.noOverload(name, Array(types.prefix(2)), isMember: false))
    }

    private mutating func select(
        _ target: CELType, _ field: String, isTest: Bool, isOptional: Bool, _ offset: Int
    ) -> CELType {
        let (inner, isTargetOptional) = Self.unwrapped(target)
        let result: CELType
        switch inner {
        case .dyn: result = .dyn
        case .map(let key, let value):
            guard CELType.string.accepts(key) else {
                return fail(offset, "type '\(inner)' does not support field selection")
            }
            result = value
        case .object(let record):
            guard let name = CELEscaping.unescaped(field), CELEscaping.escaped(name) == field,
                let schema = record.property(name), let type = CELType(schema, isResource: schema.isEmbeddedResource)
            else { return fail(offset, "undefined field '\(field)'") }
            result = type
        default: return fail(offset, "type '\(target)' does not support field selection")
        }
        return isTest ? .bool : isOptional || isTargetOptional ? .optional(result) : result
    }

    private mutating func index(_ target: CELType, _ index: CELType, isOptional: Bool, _ offset: Int) -> CELType {
        let (inner, isTargetOptional) = Self.unwrapped(target)
        let result: CELType
        switch inner {
        case .dyn: result = .dyn
        case .list(let element) where CELType.int.accepts(index): result = element
        case .map(let key, let value) where key.accepts(index): result = value
        default: return fail(offset, Self.noOverload(isOptional ? "_[?_]" : "_[_]", [target, index], isMember: false))
        }
        return isOptional || isTargetOptional ? .optional(result) : result
    }

    /// The type inside an optional; any other type as it is.
    private static func unwrapped(_ type: CELType) -> (inner: CELType, isOptional: Bool) {
        if case .optional(let inner) = type { (inner, true) } else { (type, false) }
    }

    private mutating func call(_ name: String, _ arguments: [CELType], isMember: Bool, _ offset: Int) -> CELType {
        guard let overloads = CELLibrary.functions[name], overloads.contains(where: { $0.isMember == isMember }) else {
            return fail(offset, "undeclared reference to '\(name)' (in container '')")
        }
        var result: CELType?
        for overload in overloads where overload.isMember == isMember && overload.parameters.count == arguments.count {
            var bindings: [String: CELType] = [:]
            let fits = zip(overload.parameters, arguments).allSatisfy { $0.accepts($1, &bindings) }
            guard fits else { continue }
            let found = overload.result.substituted(bindings)
            result = result.map { $0 == found ? found : .dyn } ?? found
            // Without dynamic arguments no other overload can fit.
            if !arguments.contains(.dyn), found != .dyn { break }
        }
        return result ?? fail(offset, Self.noOverload(name, arguments, isMember: isMember))
    }

    private mutating func comprehension(
        _ macro: CELExpression.Macro, _ range: CELExpression, _ names: [String], _ filter: CELExpression?,
        _ body: CELExpression, _ offset: Int
    ) -> CELType {
        let rangeType = type(of: range)
        let types: (CELType, CELType)
        switch rangeType {
        case .list(let element): types = names.count == 2 ? (.int, element) : (element, .dyn)
        case .map(let key, let value): types = (key, value)
        case .dyn: types = (.dyn, .dyn)
        default:
            return fail(
                range.offset,
                "expression of type '\(rangeType)' cannot be range of a comprehension (must be list, map, or dynamic)")
        }
        variables.append((names[0], types.0))
        if names.count == 2 { variables.append((names[1], types.1)) }
        defer { variables.removeLast(names.count) }
        if let filter { requireBool(filter) }
        switch macro {
        case .all, .exists, .existsOne:
            requireBool(body)
            return .bool
        case .filter:
            requireBool(body)
            return .list(types.0)
        case .map, .transformList: return .list(type(of: body))
        case .transformMap: return .map(types.0, type(of: body))
        case .sortBy:
            _ = type(of: body)
            return .list(types.0)
        }
    }

    private mutating func requireBool(_ expression: CELExpression) {
        let found = type(of: expression)
        if !CELType.bool.accepts(found) {
            _ = fail(expression.offset, "expected type 'bool' but found '\(found)'")
        }
    }

    private static func noOverload(_ name: String, _ arguments: [CELType], isMember: Bool) -> String {
        let texts = arguments.map(\.description)
        let signature =
            isMember && !texts.isEmpty
            ? "\(texts[0]).(\(texts.dropFirst().joined(separator: ", ")))" : "(\(texts.joined(separator: ", ")))"
        return "found no matching overload for '\(name)' applied to '\(signature)'"
    }

    private static func type(of value: CELValue) -> CELType {
        switch value {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        default: .dyn
        }
    }
}
