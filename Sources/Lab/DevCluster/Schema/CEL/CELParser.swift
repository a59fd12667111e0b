/// Recursive descent over the grammar of the CEL specification, macros included.
struct CELParser {
    private let tokens: [CELLexer.Placed]
    private var position = 0
    private var depth = 0
    private static let maximumDepth = 100
    private static let maximumLength = 32_768

    static func parse(_ source: String) throws(CELIssue) -> CELExpression {
        guard source.utf8.count <= maximumLength else { throw CELIssue(0, "expression code point size exceeds limit") }
        var parser = CELParser(tokens: try CELLexer.tokens(source))
        let expression = try parser.expression()
        guard parser.next.token == .end else {
            throw parser.issue("Syntax error: extraneous input '\(parser.next.text)' expecting <EOF>")
        }
        return expression
    }

    private init(tokens: [CELLexer.Placed]) { self.tokens = tokens }

    private var next: CELLexer.Placed { tokens[min(position, tokens.count - 1)] }
    private func issue(_ message: String) -> CELIssue { CELIssue(next.offset, message) }
    private func isNext(_ symbol: String) -> Bool { next.token == .symbol(symbol) }

    private mutating func take(_ symbol: String) -> Int? {
        guard isNext(symbol) else { return nil }
        defer { position += 1 }
        return next.offset
    }
    private mutating func expect(_ symbol: String) throws(CELIssue) {
        guard take(symbol) != nil else {
            throw issue("Syntax error: mismatched input '\(next.text)' expecting '\(symbol)'")
        }
    }

    private mutating func expression() throws(CELIssue) -> CELExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else {
            throw issue("expression recursion limit exceeded: \(Self.maximumDepth)")
        }
        let condition = try or()
        guard let offset = take("?") else { return condition }
        let yes = try or()
        try expect(":")
        return .conditional(condition, yes, try expression(), offset)
    }

    private mutating func or() throws(CELIssue) -> CELExpression {
        var terms = [try and()]
        var first: Int?
        while let offset = take("||") {
            first = first ?? offset
            terms.append(try and())
        }
        return first.map { .or(terms, $0) } ?? terms[0]
    }

    private mutating func and() throws(CELIssue) -> CELExpression {
        var terms = [try relation()]
        var first: Int?
        while let offset = take("&&") {
            first = first ?? offset
            terms.append(try relation())
        }
        return first.map { .and(terms, $0) } ?? terms[0]
    }

    private mutating func relation() throws(CELIssue) -> CELExpression {
        var left = try sum()
        var length = 0
        while true {
            let start = next.offset
            let name: String
            switch next.token {
            case .symbol(let symbol) where ["<", "<=", ">", ">=", "==", "!="].contains(symbol): name = "_\(symbol)_"
            case .identifier("in"): name = "@in"
            default: return left
            }
            position += 1
            try count(&length)
            left = .call(name, [left, try sum()], isMember: false, start)
        }
    }

    private mutating func sum() throws(CELIssue) -> CELExpression {
        var left = try product()
        var length = 0
        while case .symbol(let symbol) = next.token, symbol == "+" || symbol == "-" {
            let start = next.offset
            position += 1
            try count(&length)
            left = .call("_\(symbol)_", [left, try product()], isMember: false, start)
        }
        return left
    }

    private mutating func product() throws(CELIssue) -> CELExpression {
        var left = try unary()
        var length = 0
        while case .symbol(let symbol) = next.token, ["*", "/", "%"].contains(symbol) {
            let start = next.offset
            position += 1
            try count(&length)
            left = .call("_\(symbol)_", [left, try unary()], isMember: false, start)
        }
        return left
    }

    /// A chain nests to the left, so it is as deep as it is long.
    private func count(_ length: inout Int) throws(CELIssue) {
        length += 1
        guard length <= 2 * Self.maximumDepth else {
            throw issue("expression recursion limit exceeded: \(2 * Self.maximumDepth)")
        }
    }

    private mutating func unary() throws(CELIssue) -> CELExpression {
        let start = next.offset
        if isNext("!") || isNext("-") {
            let sign = isNext("!") ? "!" : "-"
            var times = 0
            while take(sign) != nil { times += 1 }
            if sign == "-", times % 2 == 1 {
                switch next.token {
                case .int(let value):
                    position += 1
                    return try members(of: .literal(.int(0 &- value), start))
                case .double(let value):
                    position += 1
                    return try members(of: .literal(.double(-value), start))
                default: break
                }
            }
            let operand = try members(of: primary())
            return times % 2 == 0 ? operand : .call("\(sign)_", [operand], isMember: false, start)
        }
        if case .int(.min) = next.token { throw issue("invalid int literal") }
        return try members(of: primary())
    }

    private mutating func members(of target: CELExpression) throws(CELIssue) -> CELExpression {
        var target = target
        var length = 0
        while true {
            if let dot = take(".") {
                try count(&length)
                let isOptional = take("?") != nil
                guard case .identifier(let name) = next.token else {
                    throw issue("Syntax error: no viable alternative at input '.\(next.text)'")
                }
                position += 1
                if !isOptional, let open = take("(") {
                    let arguments = try list(until: ")").map(\.0)
                    target = try call(name, on: target, arguments, open)
                } else {
                    target = .select(target, name, isTest: false, isOptional: isOptional, dot)
                }
            } else if let open = take("[") {
                try count(&length)
                let isOptional = take("?") != nil
                let index = try expression()
                try expect("]")
                target = .index(target, index, isOptional: isOptional, open)
            } else {
                return target
            }
        }
    }

    private mutating func primary() throws(CELIssue) -> CELExpression {
        let placed = next
        position += 1
        switch placed.token {
        case .int(let value): return .literal(.int(value), placed.offset)
        case .uint(let value): return .literal(.uint(value), placed.offset)
        case .double(let value): return .literal(.double(value), placed.offset)
        case .string(let value): return .literal(.string(value), placed.offset)
        case .bytes(let value): return .literal(.bytes(value), placed.offset)
        case .identifier("true"): return .literal(.bool(true), placed.offset)
        case .identifier("false"): return .literal(.bool(false), placed.offset)
        case .identifier("null"): return .literal(.null, placed.offset)
        case .identifier(let name):
            guard !CELEscaping.reserved.contains(name) else {
                throw CELIssue(placed.offset, "reserved identifier: \(name)")
            }
            guard let open = take("(") else { return .identifier(name, placed.offset) }
            return try call(name, list(until: ")").map(\.0), open)
        case .symbol("("):
            let inner = try expression()
            try expect(")")
            return inner
        case .symbol("["): return .list(try list(until: "]"), placed.offset)
        case .symbol("{"): return try map(placed.offset)
        case .symbol("."):
            // A leading dot asks for the outermost scope, which is the only one.
            return try primary()
        default:
            position -= 1
            throw issue(
                "Syntax error: mismatched input '\(placed.text)' expecting {'[', '{', '(', '.', '-', '!', 'true', "
                    + "'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}")
        }
    }

    private mutating func list(until end: String) throws(CELIssue) -> [(CELExpression, isOptional: Bool)] {
        var elements: [(CELExpression, isOptional: Bool)] = []
        while !isNext(end) {
            let isOptional = end == "]" && take("?") != nil
            elements.append((try expression(), isOptional))
            guard take(",") != nil else { break }
        }
        try expect(end)
        return elements
    }

    private mutating func map(_ start: Int) throws(CELIssue) -> CELExpression {
        var entries: [(key: CELExpression, value: CELExpression, isOptional: Bool)] = []
        while !isNext("}") {
            let isOptional = take("?") != nil
            let key = try expression()
            try expect(":")
            entries.append((key, try expression(), isOptional))
            guard take(",") != nil else { break }
        }
        try expect("}")
        return .map(entries, start)
    }

    private func call(_ name: String, _ arguments: [CELExpression], _ open: Int) throws(CELIssue) -> CELExpression {
        guard name == "has" else { return .call(name, arguments, isMember: false, open) }
        guard arguments.count == 1, case .select(let target, let field, false, let isOptional, _) = arguments[0] else {
            throw CELIssue(open, "invalid argument to has() macro")
        }
        return .select(target, field, isTest: true, isOptional: isOptional, open)
    }

    private func call(
        _ name: String, on target: CELExpression, _ arguments: [CELExpression], _ open: Int
    ) throws(CELIssue) -> CELExpression {
        if case .identifier(let space, _) = target, CELLibrary.functions["\(space).\(name)"] != nil {
            return .call("\(space).\(name)", arguments, isMember: false, open)
        }
        func variables(_ count: Int) throws(CELIssue) -> [String] {
            var names: [String] = []
            for argument in arguments.prefix(count) {
                guard case .identifier(let name, _) = argument else {
                    throw CELIssue(argument.offset, "argument must be a simple name")
                }
                names.append(name)
            }
            return names
        }
        func macro(_ kind: CELExpression.Macro, _ count: Int, hasFilter: Bool = false) throws(CELIssue) -> CELExpression
        {
            let filter = hasFilter ? arguments[count] : nil
            return .comprehension(
                kind, over: target, variables: try variables(count), filter: filter,
                body: arguments[arguments.count - 1], open)
        }
        switch (name, arguments.count) {
        case ("all", 2), ("all", 3): return try macro(.all, arguments.count - 1)
        case ("exists", 2), ("exists", 3): return try macro(.exists, arguments.count - 1)
        case ("exists_one", 2), ("existsOne", 2), ("existsOne", 3):
            return try macro(.existsOne, arguments.count - 1)
        case ("map", 2): return try macro(.map, 1)
        case ("map", 3): return try macro(.map, 1, hasFilter: true)
        case ("filter", 2): return try macro(.filter, 1)
        case ("transformList", 3): return try macro(.transformList, 2)
        case ("transformList", 4): return try macro(.transformList, 2, hasFilter: true)
        case ("transformMap", 3): return try macro(.transformMap, 2)
        case ("transformMap", 4): return try macro(.transformMap, 2, hasFilter: true)
        case ("sortBy", 2): return try macro(.sortBy, 1)
        case ("optMap", 2), ("optFlatMap", 2):
            let variable = try variables(1)[0]
            return .optionalMap(target, variable: variable, body: arguments[1], isFlat: name == "optFlatMap", open)
        default: return .call(name, [target] + arguments, isMember: true, open)
        }
    }
}
