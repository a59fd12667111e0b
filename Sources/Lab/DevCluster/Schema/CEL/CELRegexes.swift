extension CELLibrary {
    /// `matches`, `find` and `findAll`.
    static let regexes: [Entry] = {
        let matches: CELOverload.Body = { (evaluator, arguments) throws(CELError) in
            let (text, regex) = try regex(arguments, &evaluator)
            return .bool(regex.firstMatch(in: text, from: 0) != nil)
        }
        let findAll: @Sendable ([CELValue], Int64, inout CELEvaluator) throws(CELError) -> CELValue = {
            (arguments, limit, evaluator) throws(CELError) in
            let (text, regex) = try regex(arguments, &evaluator)
            var found: [CELValue] = []
            var start = 0
            while limit < 0 || found.count < limit, start <= text.count,
                let range = regex.firstMatch(in: text, from: start)
            {
                try evaluator.spend(text.count / 10 + 1)
                found.append(.string(string(text[range])))
                start = range.isEmpty ? range.upperBound + 1 : range.upperBound
            }
            return .list(CELList(found))
        }
        return [
            function("matches", [.string, .string], .bool, matches),
            member("matches", [.string, .string], .bool, matches),
            member("find", [.string, .string], .string) { (evaluator, arguments) throws(CELError) in
                let (text, regex) = try regex(arguments, &evaluator)
                return .string(regex.firstMatch(in: text, from: 0).map { string(text[$0]) } ?? "")
            },
            member("findAll", [.string, .string], .list(.string)) { (evaluator, arguments) throws(CELError) in
                try findAll(arguments, -1, &evaluator)
            },
            member("findAll", [.string, .string, .int], .list(.string)) { (evaluator, arguments) throws(CELError) in
                try findAll(arguments, arguments[2].asInt(), &evaluator)
            },
        ]
    }()

    private static func regex(
        _ arguments: [CELValue], _ evaluator: inout CELEvaluator
    ) throws(CELError) -> ([Unicode.Scalar], LinearRegex) {
        let (text, pattern) = (try arguments[0].asString(), try arguments[1].asString())
        let regex: LinearRegex
        do {
            regex = try LinearRegex(pattern)
        } catch {
            throw CELError("\(error)")
        }
        try evaluator.spend((text.utf8.count / 10 + 1) * (regex.size / 4 + 1))
        return (Array(text.unicodeScalars), regex)
    }
}
