import JSON

/// The part of kubectl's JSONPath that printer columns and `selectableFields` use: names (also quoted, also with `\.`
/// for a dot), `[i]`, negative indices, slices, `[*]`, `.*`, `..name` and filters such as
/// `[?(@.type=="Ready")]`.
struct JSONPath: Sendable {
    struct SyntaxError: Error, Sendable {
        var message: String
    }
    enum Step: Sendable {
        case member(String)
        case index(Int)
        /// A slice as in Python: from, to, step.
        case slice(Int?, Int?, Int)
        case all
        /// The name at this level and at every level below.
        case descendants(String)
        case filter([Step], Comparison?, JSON?)
    }
    enum Comparison: String, Sendable, CaseIterable {
        case equal = "==", notEqual = "!=", lessOrEqual = "<=", greaterOrEqual = ">=", less = "<", greater = ">"
    }
    let steps: [Step]

    init(_ text: String) throws(SyntaxError) {
        var parser = JSONPathParser(text)
        steps = try parser.parse()
    }

    /// The values at the path. Empty if something on the path is missing.
    func values(in object: JSON) -> [JSON] { Self.values(in: object, steps) }

    private static func values(in object: JSON, _ steps: [Step]) -> [JSON] {
        steps.reduce([object]) { values, step in values.flatMap { apply(step, to: $0) } }
    }

    private static func apply(_ step: Step, to value: JSON) -> [JSON] {
        switch step {
        case .member(let name): return value[name].map { [$0] } ?? []
        case .index(let index):
            guard let elements = value.array else { return [] }
            let position = index < 0 ? index + elements.count : index
            return elements.indices.contains(position) ? [elements[position]] : []
        case .slice(let from, let to, let by):
            guard let elements = value.array, by > 0 else { return [] }
            func bound(_ value: Int?, _ otherwise: Int) -> Int {
                guard let value else { return otherwise }
                return min(max(value < 0 ? value + elements.count : value, 0), elements.count)
            }
            let (start, end) = (bound(from, 0), bound(to, elements.count))
            return start < end ? stride(from: start, to: end, by: by).map { elements[$0] } : []
        case .all:
            switch value {
            case .array(let elements): return elements
            case .object(let members): return members.sorted { $0.key < $1.key }.map(\.value)
            default: return []
            }
        case .descendants(let name):
            let here = value[name].map { [$0] } ?? []
            return here + apply(.all, to: value).flatMap { apply(step, to: $0) }
        case .filter(let path, let comparison, let literal):
            guard let elements = value.array else { return [] }
            return elements.filter { element in
                let found = values(in: element, path).first
                guard let comparison, let literal else { return found != nil }
                return found.map { holds($0, comparison, literal) } ?? false
            }
        }
    }

    private static func holds(_ value: JSON, _ comparison: Comparison, _ literal: JSON) -> Bool {
        let order: Int?
        switch (value, literal) {
        case (.string(let left), .string(let right)): order = left < right ? -1 : left == right ? 0 : 1
        case (.bool(let left), .bool(let right)): order = left == right ? 0 : 1
        default:
            if let left = value.double, let right = literal.double {
                order = left < right ? -1 : left == right ? 0 : 1
            } else {
                order = nil
            }
        }
        guard let order else { return comparison == .notEqual }
        switch comparison {
        case .equal: return order == 0
        case .notEqual: return order != 0
        case .less: return order < 0
        case .lessOrEqual: return order <= 0
        case .greater: return order > 0
        case .greaterOrEqual: return order >= 0
        }
    }
}

private struct JSONPathParser {
    private let text: [Character]
    private var position = 0
    init(_ text: String) { self.text = Array(text) }

    private var next: Character? { position < text.count ? text[position] : nil }
    private func fault(_ message: String) -> JSONPath.SyntaxError { .init(message: message) }
    private mutating func take(_ character: Character) -> Bool {
        guard next == character else { return false }
        position += 1
        return true
    }
    private mutating func skipSpace() { while take(" ") {} }

    mutating func parse() throws(JSONPath.SyntaxError) -> [JSONPath.Step] {
        guard text.count <= 1024 else { throw fault("path is too long") }
        _ = take("$")
        if next != ".", next != "[", next != nil { return [.member(name())] + (try steps()) }
        return try steps()
    }

    private mutating func steps(isFilter: Bool = false) throws(JSONPath.SyntaxError) -> [JSONPath.Step] {
        var steps: [JSONPath.Step] = []
        while let character = next {
            if isFilter, character != ".", character != "[" { break }
            switch character {
            case ".":
                position += 1
                if take(".") {
                    steps.append(.descendants(name()))
                } else if take("*") {
                    steps.append(.all)
                } else if next == "[" || next == nil {
                    continue
                } else {
                    let name = name()
                    guard !name.isEmpty else { throw fault("a name is missing") }
                    steps.append(.member(name))
                }
            case "[":
                position += 1
                steps.append(try bracket())
            default: throw fault("unexpected \(character)")
            }
        }
        return steps
    }

    private mutating func name() -> String {
        var name = ""
        while let character = next, !".[] =!<>()".contains(character) {
            position += 1
            if character == "\\", let escaped = next {
                name.append(escaped)
                position += 1
            } else {
                name.append(character)
            }
        }
        return name
    }

    private mutating func bracket() throws(JSONPath.SyntaxError) -> JSONPath.Step {
        defer { skipSpace() }
        if take("?") { return try filter() }
        let step: JSONPath.Step
        if take("*") {
            step = .all
        } else if next == "'" || next == "\"" {
            step = .member(try quoted())
        } else {
            guard let end = text[position...].firstIndex(of: "]") else { throw fault("unterminated array") }
            let parts = String(text[position..<end]).split(separator: ":", omittingEmptySubsequences: false)
            position = end
            let numbers = parts.map { Int($0.filter { $0 != " " }) }
            guard parts.count <= 3, zip(parts, numbers).allSatisfy({ $0.isEmpty || $1 != nil }) else {
                throw fault("invalid array index")
            }
            if parts.count == 1 {
                guard let index = numbers[0] else { throw fault("invalid array index") }
                step = .index(index)
            } else {
                step = .slice(numbers[0], numbers[1], parts.count == 3 ? numbers[2] ?? 1 : 1)
            }
        }
        guard take("]") else { throw fault("unterminated array") }
        return step
    }

    private mutating func quoted() throws(JSONPath.SyntaxError) -> String {
        let quote = next
        position += 1
        var text = ""
        while let character = next {
            position += 1
            if character == quote { return text }
            if character == "\\", let escaped = next {
                text.append(escaped)
                position += 1
            } else {
                text.append(character)
            }
        }
        throw fault("unterminated quoted string")
    }

    /// `(@.path == literal)`, after the question mark.
    private mutating func filter() throws(JSONPath.SyntaxError) -> JSONPath.Step {
        guard take("(") else { throw fault("unterminated filter") }
        skipSpace()
        guard take("@") else { throw fault("a filter must begin with @") }
        let path = try steps(isFilter: true)
        skipSpace()
        var comparison: JSONPath.Comparison?
        var literal: JSON?
        if next != ")" {
            for candidate in JSONPath.Comparison.allCases
            where text[position...].starts(with: candidate.rawValue) && comparison == nil {
                comparison = candidate
                position += candidate.rawValue.count
            }
            guard comparison != nil else { throw fault("unrecognized operator in a filter") }
            skipSpace()
            if next == "'" || next == "\"" {
                literal = .string(try quoted())
            } else {
                var word = ""
                while let character = next, character != ")", character != " " {
                    word.append(character)
                    position += 1
                }
                literal = try? JSON(parsing: word)
                guard literal != nil else { throw fault("unrecognized literal in a filter: \(word)") }
            }
            skipSpace()
        }
        guard take(")"), take("]") else { throw fault("unterminated filter") }
        return .filter(path, comparison, literal)
    }
}
