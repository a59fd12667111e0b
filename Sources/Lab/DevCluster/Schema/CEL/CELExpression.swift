/// A fault in an expression, found before it is evaluated.
struct CELIssue: Error, Sendable, Hashable {
    /// In Unicode scalars from the beginning.
    var offset: Int
    var message: String

    init(_ offset: Int, _ message: String) {
        self.offset = offset
        self.message = message
    }

    /// The fault as cel-go prints it, with the line and a mark below the place.
    func display(in source: String) -> String {
        let scalars = Array(source.unicodeScalars)
        let before = scalars[..<min(offset, scalars.count)]
        let lineStart = before.lastIndex(of: "\n").map { $0 + 1 } ?? 0
        let line = before.reduce(1) { $1 == "\n" ? $0 + 1 : $0 }
        let column = before.count - lineStart
        let end = scalars[lineStart...].firstIndex(of: "\n") ?? scalars.count
        let text = String(String.UnicodeScalarView(scalars[lineStart..<end].map { $0 == "\t" ? " " : $0 }))
        let marks = scalars[lineStart..<lineStart + column].map { $0.isASCII ? "." : "\u{FF0E}" }.joined()
        let mark = lineStart + column < end && !scalars[lineStart + column].isASCII ? "\u{FF3E}" : "^"
        return "ERROR: <input>:\(line):\(column + 1): \(message)\n | \(text)\n | \(marks)\(mark)"
    }
}

/// A parsed expression. Its depth is limited by the parser, so walking it may recurse.
indirect enum CELExpression: Sendable {
    /// Macros over lists and maps, with one variable (element or key) or two (index or key, and value).
    enum Macro: String, Sendable {
        case all, exists, existsOne, map, filter, transformList, transformMap, sortBy
    }

    case literal(CELValue, Int)
    case identifier(String, Int)
    /// `isTest` is has(), `isOptional` is `.?`.
    case select(CELExpression, String, isTest: Bool, isOptional: Bool, Int)
    case index(CELExpression, CELExpression, isOptional: Bool, Int)
    /// Functions and operators (`_+_`); the first argument of a member function is its target.
    case call(String, [CELExpression], isMember: Bool, Int)
    /// It is flat, so that long chains are not deep.
    case and([CELExpression], Int)
    case or([CELExpression], Int)
    case conditional(CELExpression, CELExpression, CELExpression, Int)
    case list([(CELExpression, isOptional: Bool)], Int)
    case map([(key: CELExpression, value: CELExpression, isOptional: Bool)], Int)
    case comprehension(
        Macro, over: CELExpression, variables: [String], filter: CELExpression?, body: CELExpression, Int)
    /// optMap and optFlatMap.
    case optionalMap(CELExpression, variable: String, body: CELExpression, isFlat: Bool, Int)

    /// The place to which messages point. As in cel-go, it is the sign of an operator or call, not its beginning.
    var offset: Int {
        switch self {
        case .literal(_, let offset), .identifier(_, let offset), .select(_, _, _, _, let offset),
            .index(_, _, _, let offset), .call(_, _, _, let offset), .and(_, let offset), .or(_, let offset),
            .conditional(_, _, _, let offset), .list(_, let offset), .map(_, let offset),
            .comprehension(_, _, _, _, _, let offset), .optionalMap(_, _, _, _, let offset):
            offset
        }
    }

    /// Whether a free variable of this name is used.
    func uses(_ name: String) -> Bool {
        switch self {
        case .literal: false
        case .identifier(let identifier, _): identifier == name
        case .select(let target, _, _, _, _): target.uses(name)
        case .index(let target, let index, _, _): target.uses(name) || index.uses(name)
        case .call(_, let arguments, _, _), .and(let arguments, _), .or(let arguments, _):
            arguments.contains { $0.uses(name) }
        case .conditional(let condition, let yes, let no, _): condition.uses(name) || yes.uses(name) || no.uses(name)
        case .list(let elements, _): elements.contains { $0.0.uses(name) }
        case .map(let entries, _): entries.contains { $0.key.uses(name) || $0.value.uses(name) }
        case .comprehension(_, let range, let variables, let filter, let body, _):
            range.uses(name) || !variables.contains(name) && (filter?.uses(name) ?? false || body.uses(name))
        case .optionalMap(let target, let variable, let body, _, _):
            target.uses(name) || variable != name && body.uses(name)
        }
    }
}
