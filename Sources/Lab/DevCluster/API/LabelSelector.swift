import JSON

/// `a=b,c!=d,e in (f,g),h,!i`: all requirements must hold.
struct LabelSelector: Sendable, Hashable {
    enum Requirement: Sendable, Hashable {
        case isIn(String, Set<String>)
        case isNotIn(String, Set<String>)
        case exists(String)
        case doesNotExist(String)
        case greater(String, Int64)
        case less(String, Int64)
    }
    var requirements: [Requirement] = []

    func matches(_ labels: [String: JSON]?) -> Bool {
        requirements.allSatisfy { requirement in
            switch requirement {
            case .isIn(let key, let values): labels?[key]?.string.map(values.contains) ?? false
            case .isNotIn(let key, let values): !(labels?[key]?.string.map(values.contains) ?? false)
            case .exists(let key): labels?[key] != nil
            case .doesNotExist(let key): labels?[key] == nil
            case .greater(let key, let bound): (labels?[key]?.string).flatMap { Int64($0) }.map { $0 > bound } ?? false
            case .less(let key, let bound): (labels?[key]?.string).flatMap { Int64($0) }.map { $0 < bound } ?? false
            }
        }
    }

    init() {}

    init(parsing text: String) throws(APIError) {
        var parser = Parser(text)
        do { requirements = try parser.parse() } catch { throw .badRequest(error.message) }
    }

    private struct Failure: Error {
        var message: String
        static func requirement(_ message: String) -> Failure {
            Failure(message: "unable to parse requirement: " + message)
        }
    }

    private struct Parser {
        private enum Token: Hashable {
            case end
            case symbol(String)
            case word(String)
            var text: String {
                switch self {
                case .end: ""
                case .symbol(let text), .word(let text): text
                }
            }
        }
        private var tokens: ArraySlice<Token> = []

        init(_ text: String) {
            var result: [Token] = []
            var rest = Array(text.utf8)[...]
            let symbols = Set("=!(),><".utf8)
            let spaces = Set(" \t\r\n".utf8)
            while let byte = rest.first {
                if spaces.contains(byte) {
                    rest.removeFirst()
                } else if symbols.contains(byte) {
                    rest.removeFirst()
                    if (byte == UInt8(ascii: "=") || byte == UInt8(ascii: "!")), rest.first == UInt8(ascii: "=") {
                        rest.removeFirst()
                        result.append(.symbol(byte == UInt8(ascii: "=") ? "==" : "!="))
                    } else {
                        result.append(.symbol(String(decoding: [byte], as: UTF8.self)))
                    }
                } else {
                    let word = rest.prefix { !symbols.contains($0) && !spaces.contains($0) }
                    rest = rest.dropFirst(word.count)
                    result.append(.word(String(decoding: word, as: UTF8.self)))
                }
            }
            tokens = result[...]
        }

        private var next: Token { tokens.first ?? .end }
        private mutating func take() -> Token { tokens.popFirst() ?? .end }

        mutating func parse() throws(Failure) -> [Requirement] {
            var result: [Requirement] = []
            while true {
                switch next {
                case .word, .symbol("!"):
                    result.append(try requirement())
                    switch take() {
                    case .end: return result
                    case .symbol(","):
                        switch next {
                        case .word, .symbol("!"): continue
                        default: throw Failure(message: "found '\(next.text)', expected: identifier after ','")
                        }
                    case let token: throw Failure(message: "found '\(token.text)', expected: ',' or 'end of string'")
                    }
                case .end: return result
                case .symbol(let text):
                    throw Failure(message: "found '\(text)', expected: !, identifier, or 'end of string'")
                }
            }
        }

        private mutating func requirement() throws(Failure) -> Requirement {
            var negated = false
            if next == .symbol("!") {
                _ = take()
                negated = true
            }
            guard case .word(let key) = take() else {
                throw .requirement("found '!', expected: identifier")
            }
            if let problem = Names.qualifiedNameProblem(key) {
                throw .requirement("<nil>: Invalid value: \(JSON.string(key).shownInErrors): \(problem)")
            }
            if negated { return .doesNotExist(key) }
            switch next {
            case .end, .symbol(","): return .exists(key)
            default: break
            }
            switch take() {
            case .word("in"): return .isIn(key, try checked(values()))
            case .word("notin"): return .isNotIn(key, try checked(values()))
            case .symbol("="), .symbol("=="): return .isIn(key, try checked([value()]))
            case .symbol("!="): return .isNotIn(key, try checked([value()]))
            case .symbol(">"): return .greater(key, try number())
            case .symbol("<"): return .less(key, try number())
            case let token:
                throw .requirement("found '\(token.text)', expected: in, notin, =, ==, !=, gt, lt")
            }
        }

        private mutating func value() -> String {
            guard case .word(let text) = next else { return "" }
            _ = take()
            return text
        }

        private mutating func number() throws(Failure) -> Int64 {
            guard let number = Int64(value()) else {
                throw .requirement("for 'Gt', 'Lt' operators, the value must be an integer")
            }
            return number
        }

        private mutating func values() throws(Failure) -> Set<String> {
            let open = take()
            guard open == .symbol("(") else { throw .requirement("found '\(open.text)' expected: '('") }
            var result: Set<String> = []
            while true {
                result.insert(value())
                switch take() {
                case .symbol(","): continue
                case .symbol(")"): return result
                case let token: throw .requirement("found '\(token.text)', expected: ',', ')' or identifier")
                }
            }
        }

        private func checked(_ values: Set<String>) throws(Failure) -> Set<String> {
            for value in values {
                if let problem = Names.labelValueProblem(value) {
                    throw .requirement("values[0]: Invalid value: \(JSON.string(value).shownInErrors): \(problem)")
                }
            }
            return values
        }
    }
}
