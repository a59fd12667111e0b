import JSON

/// The JSONPath of a printer column: fields, indices, `[*]` and filters like `[?(@.type=="Ready")]`.
struct TablePath: Sendable {
    private enum Step: Sendable {
        case field(String)
        case index(Int)
        case all
        /// Elements whose field compares so with the value.
        case filter([String], isEqual: Bool, JSON)
    }
    private let steps: [Step]
    let mayFindSeveral: Bool

    init(_ text: String) {
        var steps: [Step] = []
        var rest = Array(text.unicodeScalars)[...]
        while let next = rest.first {
            if next == "[" {
                guard let end = Self.closing(rest) else { break }
                let inside = String(String.UnicodeScalarView(rest[(rest.startIndex + 1)..<end]))
                rest = rest[(end + 1)...]
                if let step = Self.bracket(inside) { steps.append(step) }
            } else {
                if next == "." { rest = rest.dropFirst() }
                var name = String.UnicodeScalarView()
                while let character = rest.first, character != ".", character != "[" {
                    rest = rest.dropFirst()
                    if character == "\\", let escaped = rest.popFirst() { name.append(escaped) } else { name.append(character) }
                }
                if String(name) == "*" { steps.append(.all) } else if !name.isEmpty { steps.append(.field(String(name))) }
            }
        }
        self.steps = steps
        mayFindSeveral = steps.contains { if case .all = $0 { true } else if case .filter = $0 { true } else { false } }
    }

    /// The matching bracket, not counting those in quotes.
    private static func closing(_ text: ArraySlice<Unicode.Scalar>) -> Int? {
        var quote: Unicode.Scalar?
        for index in text.indices {
            let character = text[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == "]" {
                return index
            }
        }
        return nil
    }

    private static func bracket(_ inside: String) -> Step? {
        if inside == "*" { return .all }
        if let index = Int(inside) { return .index(index) }
        if let name = unquoted(inside) { return .field(name) }
        guard inside.hasPrefix("?("), inside.hasSuffix(")") else { return nil }
        let condition = inside.dropFirst(2).dropLast()
        for (symbol, isEqual) in [("==", true), ("!=", false)] {
            guard let range = condition.firstRange(of: symbol) else { continue }
            let left = condition[..<range.lowerBound].filter { $0 != " " }
            let right = trimmed(condition[range.upperBound...])
            guard left.hasPrefix("@") else { return nil }
            let value: JSON = unquoted(right).map { .string($0) } ?? (try? JSON(parsing: right)) ?? .string(right)
            return .filter(left.dropFirst().split(separator: ".").map(String.init), isEqual: isEqual, value)
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> String {
        var rest = text
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }

    private static func unquoted(_ text: String) -> String? {
        guard text.count >= 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote else { return nil }
        return String(text.dropFirst().dropLast())
    }

    func values(in object: JSON) -> [JSON] {
        var found = [object]
        for step in steps {
            found = found.flatMap { value -> [JSON] in
                switch step {
                case .field(let name): return value[name].map { [$0] } ?? []
                case .index(let index):
                    guard let elements = value.array else { return [] }
                    return value[index < 0 ? elements.count + index : index].map { [$0] } ?? []
                case .all: return value.array ?? value.object.map { Array($0.values) } ?? []
                case .filter(let path, let isEqual, let wanted):
                    return (value.array ?? []).filter { element in
                        guard let candidate = element[path: path] else { return false }
                        return (candidate == wanted) == isEqual
                    }
                }
            }
            if found.isEmpty { return [] }
        }
        return found
    }
}
