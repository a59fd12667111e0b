import JSON

/// Evaluates an expression at a bounded cost: one unit a node, and more for work on texts and lists.
struct CELEvaluator {
    /// The real server's limit. The units are roughly the same.
    static let callLimit = 1_000_000
    static let totalBudget = 10_000_000

    private(set) var spent = 0
    private let limit: Int
    /// Innermost last.
    private var variables: [(name: String, value: CELValue)]

    init(variables: [(name: String, value: CELValue)], limit: Int = callLimit) {
        self.variables = variables
        self.limit = limit
    }

    mutating func spend(_ units: Int) throws(CELError) {
        spent += max(units, 0)
        guard spent <= limit else { throw .budget }
    }

    mutating func evaluate(_ expression: CELExpression) throws(CELError) -> CELValue {
        try spend(1)
        switch expression {
        case .literal(let value, _): return value
        case .identifier(let name, _):
            if let variable = variables.last(where: { $0.name == name }) { return variable.value }
            if CELLibrary.typeNames.contains(name) { return .type(name) }
            throw CELError("no such attribute(s): \(name)")
        case .select(let target, let field, let isTest, let isOptional, _):
            return try select(evaluate(target), field, isTest: isTest, isOptional: isOptional)
        case .index(let target, let index, let isOptional, _):
            let container = try evaluate(target)
            return try self.index(container, evaluate(index), isOptional: isOptional)
        case .call(let name, let arguments, let isMember, _):
            var values: [CELValue] = []
            for argument in arguments { values.append(try evaluate(argument)) }
            return try call(name, values, isMember: isMember)
        case .and(let terms, _): return try logical(terms, "_&&_", decisive: false)
        case .or(let terms, _): return try logical(terms, "_||_", decisive: true)
        case .conditional(let condition, let yes, let no, _):
            guard case .bool(let flag) = try evaluate(condition) else { throw .noOverload("_?_:_") }
            return try evaluate(flag ? yes : no)
        case .list(let elements, _):
            var values: [CELValue] = []
            for (element, isOptional) in elements {
                let value = try evaluate(element)
                guard isOptional else {
                    values.append(value)
                    continue
                }
                guard case .optional(let inner) = value else { throw .noOverload("optional element") }
                if let inner { values.append(inner) }
            }
            return .list(CELList(values))
        case .map(let entries, _): return try map(entries)
        case .comprehension(let macro, let range, let names, let filter, let body, _):
            return try comprehension(macro, evaluate(range), names, filter, body)
        case .optionalMap(let target, let variable, let body, let isFlat, _):
            guard case .optional(let inner) = try evaluate(target) else { throw .noOverload("optMap") }
            guard let inner else { return .optional(nil) }
            variables.append((variable, inner))
            defer { variables.removeLast() }
            let result = try evaluate(body)
            return isFlat ? result : .optional(result)
        }
    }

    /// One term that decides is enough, whatever the others are. A fault counts only if no term decides.
    private mutating func logical(
        _ terms: [CELExpression], _ name: String, decisive: Bool
    ) throws(CELError) -> CELValue {
        var fault: CELError?
        for term in terms {
            do throws(CELError) {
                guard case .bool(let flag) = try evaluate(term) else { throw CELError.noOverload(name) }
                if flag == decisive { return .bool(decisive) }
            } catch {
                if error.isOutOfBudget { throw error }
                fault = fault ?? error
            }
        }
        if let fault { throw fault }
        return .bool(!decisive)
    }

    private mutating func call(_ name: String, _ arguments: [CELValue], isMember: Bool) throws(CELError) -> CELValue {
        for overload in CELLibrary.functions[name] ?? []
        where overload.isMember == isMember && overload.parameters.count == arguments.count
            && zip(overload.parameters, arguments).allSatisfy({ $1.fits($0) })
        {
            return try overload.body(&self, arguments)
        }
        throw .noOverload(name)
    }

    // MARK: Members

    /// The member of an object or map; nil when there is none.
    static func member(_ container: CELValue, _ key: CELValue) throws(CELError) -> CELValue? {
        switch container {
        case .record(let members, let record):
            guard case .string(let key) = key else { throw .noOverload("_[_]") }
            if let values = record.schema.additionalProperties.schema {
                guard let value = members[key] else { return nil }
                return try CELValue(value, values, isResource: values.isEmbeddedResource)
            }
            // In an object, null counts as absent.
            guard let name = CELEscaping.unescaped(key), let value = members[name], !value.isNull,
                let schema = record.property(name)
            else { return nil }
            return try CELValue(value, schema)
        case .map(let entries):
            for entry in entries where CELEquality.equal(entry.key, key) { return entry.value }
            return nil
        default: throw .noOverload("_[_]")
        }
    }

    private func select(
        _ target: CELValue, _ field: String, isTest: Bool, isOptional: Bool
    ) throws(CELError) -> CELValue {
        var target = target
        var isOptional = isOptional
        if case .optional(let inner) = target {
            guard let inner else { return isTest ? .bool(false) : .optional(nil) }
            target = inner
            isOptional = true
        }
        let value = try Self.member(target, .string(field))
        if isTest { return .bool(value != nil) }
        if isOptional { return .optional(value) }
        guard let value else { throw CELError("no such key: \(field)") }
        return value
    }

    private func index(_ target: CELValue, _ index: CELValue, isOptional: Bool) throws(CELError) -> CELValue {
        var target = target
        var isOptional = isOptional
        if case .optional(let inner) = target {
            guard let inner else { return .optional(nil) }
            target = inner
            isOptional = true
        }
        if case .list(let list) = target {
            guard let position = CELEquality.integer(index) else { throw CELError("unsupported index type") }
            guard position >= 0, position < list.count else {
                if isOptional { return .optional(nil) }
                throw CELError("index out of bounds: \(position)")
            }
            let element = try list.element(Int(position))
            return isOptional ? .optional(element) : element
        }
        let value = try Self.member(target, index)
        if isOptional { return .optional(value) }
        guard let value else { throw CELError("no such key: \(CELLibrary.text(index))") }
        return value
    }

    private mutating func map(
        _ entries: [(key: CELExpression, value: CELExpression, isOptional: Bool)]
    ) throws(CELError) -> CELValue {
        var result: [CELEntry] = []
        for entry in entries {
            let key = try evaluate(entry.key)
            var value = try evaluate(entry.value)
            if entry.isOptional {
                guard case .optional(let inner) = value else { throw .noOverload("optional entry") }
                guard let inner else { continue }
                value = inner
            }
            try spend(result.count)
            guard !result.contains(where: { CELEquality.equal($0.key, key) }) else {
                throw CELError("insert failed: key \(CELLibrary.text(key)) already exists")
            }
            result.append(CELEntry(key: key, value: value))
        }
        return .map(result)
    }

    // MARK: Macros

    /// The pairs of a macro: index or key, and element or value.
    private func pairs(_ range: CELValue) throws(CELError) -> [(CELValue, CELValue)] {
        var result: [(CELValue, CELValue)] = []
        switch range {
        case .list(let list):
            for index in 0..<list.count { result.append((.int(Int64(index)), try list.element(index))) }
        case .map(let entries): result = entries.map { ($0.key, $0.value) }
        case .record(let members, let record):
            let isMap = record.schema.additionalProperties.schema != nil
            for name in members.keys.sorted() {
                guard let key = isMap ? name : CELEscaping.escaped(name) else { continue }
                guard let value = try Self.member(range, .string(key)) else { continue }
                result.append((.string(key), value))
            }
        default: throw CELError("unsupported comprehension range type: \(range.typeName)")
        }
        return result
    }

    private mutating func comprehension(
        _ macro: CELExpression.Macro, _ range: CELValue, _ names: [String], _ filter: CELExpression?,
        _ body: CELExpression
    ) throws(CELError) -> CELValue {
        let isList = if case .list = range { true } else { false }
        var results: [CELValue] = []
        var entries: [CELEntry] = []
        var matches = 0
        var fault: CELError?
        for (key, value) in try pairs(range) {
            try spend(1)
            let subject = isList ? value : key
            if names.count == 2 {
                variables.append((names[0], key))
                variables.append((names[1], value))
            } else {
                variables.append((names[0], subject))
            }
            defer { variables.removeLast(names.count) }
            do throws(CELError) {
                if let filter, try !test(filter) { continue }
                switch macro {
                case .all: if try !test(body) { return .bool(false) }
                case .exists: if try test(body) { return .bool(true) }
                case .existsOne: if try test(body) { matches += 1 }
                case .filter: if try test(body) { results.append(subject) }
                case .map, .transformList: results.append(try evaluate(body))
                case .transformMap: entries.append(CELEntry(key: key, value: try evaluate(body)))
                case .sortBy: entries.append(CELEntry(key: try evaluate(body), value: subject))
                }
            } catch {
                // Only all and exists go on, since a later element may decide.
                guard macro == .all || macro == .exists, !error.isOutOfBudget else { throw error }
                fault = fault ?? error
            }
        }
        if let fault { throw fault }
        switch macro {
        case .all: return .bool(true)
        case .exists: return .bool(false)
        case .existsOne: return .bool(matches == 1)
        case .filter, .map, .transformList: return .list(CELList(results))
        case .transformMap: return .map(entries)
        case .sortBy: return .list(CELList(try CELEquality.sorted(entries, by: \.key).map(\.value)))
        }
    }

    private mutating func test(_ expression: CELExpression) throws(CELError) -> Bool {
        guard case .bool(let flag) = try evaluate(expression) else { throw .noOverload("_&&_") }
        return flag
    }
}
