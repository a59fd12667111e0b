/// The syntax tree of a pattern, before it becomes a program.
indirect enum RegexNode: Sendable {
    case empty
    case set(ScalarSet)
    case assert(LinearRegex.Assertion)
    case sequence([RegexNode])
    case alternatives([RegexNode])
    /// At most `max` times. Nil means any number.
    case repeated(RegexNode, min: Int, max: Int?, isGreedy: Bool)
}

/// RE2's syntax, without what CRDs don't use (`\C`, most script names).
struct RegexParser {
    private struct Flags {
        var ignoresCase = false
        var dotMatchesNewline = false
        var isMultiline = false
        var isUngreedy = false
    }
    private let text: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var flags = Flags()

    init(_ pattern: String) { text = Array(pattern.unicodeScalars) }

    mutating func parse() throws(LinearRegex.SyntaxError) -> RegexNode {
        let node = try alternatives()
        guard position == text.count else { throw error("unexpected ): `\(source(0))`") }
        return node
    }

    private var next: Unicode.Scalar? { position < text.count ? text[position] : nil }
    private func error(_ message: String) -> LinearRegex.SyntaxError { .init(message: message) }
    private func source(_ start: Int) -> String {
        var result = String.UnicodeScalarView()
        result.append(contentsOf: text[min(start, text.count)...])
        return String(result)
    }
    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    private mutating func alternatives() throws(LinearRegex.SyntaxError) -> RegexNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 200 else { throw error("expression nests too deeply: `\(source(0))`") }
        var branches: [RegexNode] = []
        repeat { branches.append(try sequence()) } while take("|")
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(LinearRegex.SyntaxError) -> RegexNode {
        var nodes: [RegexNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let start = position
            var node = try atom()
            var wasRepeated = false
            while let (least, most, end) = try quantifier() {
                guard !wasRepeated else { throw error("invalid nested repetition operator: `\(source(start))`") }
                wasRepeated = true
                position = end
                let isLazy = take("?")
                node = .repeated(node, min: least, max: most, isGreedy: isLazy == flags.isUngreedy)
            }
            nodes.append(node)
        }
        return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
    }

    /// The quantifier at the position, and its end. A `{` that begins no quantifier is a literal.
    private func quantifier() throws(LinearRegex.SyntaxError) -> (min: Int, max: Int?, end: Int)? {
        switch next {
        case "*": return (0, nil, position + 1)
        case "+": return (1, nil, position + 1)
        case "?": return (0, 1, position + 1)
        case "{":
            guard let close = text[position...].firstIndex(of: "}") else { return nil }
            let bounds = text[position + 1..<close].split(separator: ",", omittingEmptySubsequences: false)
            let numbers = bounds.map { bound in Int(bound.reduce(into: "") { $0.unicodeScalars.append($1) }) }
            guard let least = numbers[0], least >= 0, numbers.count <= 2 else { return nil }
            var most: Int? = least
            if numbers.count == 2 {
                guard numbers[1] != nil || bounds[1].isEmpty else { return nil }
                most = numbers[1]
            }
            guard least <= 1000, (most ?? least) <= 1000, (most ?? least) >= least else {
                throw error("invalid repeat count: `\(source(position))`")
            }
            return (least, most, close + 1)
        default: return nil
        }
    }

    private mutating func atom() throws(LinearRegex.SyntaxError) -> RegexNode {
        let start = position
        let scalar = text[position]
        position += 1
        switch scalar {
        case "(": return try group(start)
        case "[": return .set(try brackets(start))
        case ".": return .set(flags.dotMatchesNewline ? .any : .anyButNewline)
        case "^": return .assert(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .assert(flags.isMultiline ? .lineEnd : .textEnd)
        case "*", "+", "?": throw error("missing argument to repetition operator: `\(scalar)`")
        case "\\": return try escape(start)
        default: return .set(literal(scalar))
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
        ScalarSet(ranges: [scalar.value...scalar.value], foldsCase: flags.ignoresCase)
    }

    private mutating func group(_ start: Int) throws(LinearRegex.SyntaxError) -> RegexNode {
        let outer = flags
        if take("?") {
            if take("P") || next == "<" {
                guard take("<"), let end = text[position...].firstIndex(of: ">"), end > position else {
                    throw error("invalid named capture: `\(source(start))`")
                }
                position = end + 1
            } else {
                var value = true
                flags: while true {
                    guard let flag = next else { throw error("missing closing ): `\(source(start))`") }
                    position += 1
                    switch flag {
                    case "i": flags.ignoresCase = value
                    case "s": flags.dotMatchesNewline = value
                    case "m": flags.isMultiline = value
                    case "U": flags.isUngreedy = value
                    case "-": value = false
                    case ":": break flags
                    case ")": return .empty  // the flags hold until the end of the enclosing group
                    default: throw error("invalid or unsupported Perl syntax: `\(source(start))`")
                    }
                }
            }
        }
        let node = try alternatives()
        guard take(")") else { throw error("missing closing ): `\(source(start))`") }
        flags = outer
        return node
    }

    private mutating func escape(_ start: Int) throws(LinearRegex.SyntaxError) -> RegexNode {
        switch next {
        case "A": position += 1; return .assert(.textStart)
        case "z": position += 1; return .assert(.textEnd)
        case "b": position += 1; return .assert(.wordBoundary)
        case "B": position += 1; return .assert(.noWordBoundary)
        case "Q":
            position += 1
            var nodes: [RegexNode] = []
            while let scalar = next {
                position += 1
                if scalar == "\\", take("E") { break }
                nodes.append(.set(literal(scalar)))
            }
            return .sequence(nodes)
        default: return .set(try escapedSet(start))
        }
    }

    /// A class or a character after a backslash, also within brackets.
    private mutating func escapedSet(_ start: Int) throws(LinearRegex.SyntaxError) -> ScalarSet {
        guard let scalar = next else { throw error("trailing backslash at end of expression: ``") }
        position += 1
        switch scalar {
        case "d": return .digit
        case "D": return .digit.negated
        case "s": return .space
        case "S": return .space.negated
        case "w": return .word
        case "W": return .word.negated
        case "p", "P":
            var name = ""
            if take("{") {
                while let letter = next, letter != "}" {
                    name.unicodeScalars.append(letter)
                    position += 1
                }
                guard take("}") else { throw error("invalid character class range: `\(source(start))`") }
            } else if let letter = next {
                name.unicodeScalars.append(letter)
                position += 1
            }
            let categories: [String: ScalarSet.Category] = [
                "L": .letter, "Lu": .upper, "Ll": .lower, "N": .number, "Nd": .number, "P": .punctuation, "S": .symbol,
                "Z": .space, "Zs": .space,
            ]
            guard let category = categories[name] else { throw error("invalid character class range: `\\p{\(name)}`") }
            return ScalarSet(category: category, isNegated: scalar == "P")
        case "x": return literal(try hexadecimal(start))
        case "n": return literal("\n")
        case "t": return literal("\t")
        case "r": return literal("\r")
        case "f": return literal("\u{0C}")
        case "v": return literal("\u{0B}")
        case "a": return literal("\u{07}")
        case _ where ScalarSet.word.contains(scalar):
            throw error("invalid escape sequence: `\\\(scalar)`")
        default: return literal(scalar)
        }
    }

    private mutating func hexadecimal(_ start: Int) throws(LinearRegex.SyntaxError) -> Unicode.Scalar {
        var digits = ""
        if take("{") {
            while let digit = next, digit != "}" {
                digits.unicodeScalars.append(digit)
                position += 1
            }
            position += 1
        } else {
            while digits.count < 2, let digit = next {
                digits.unicodeScalars.append(digit)
                position += 1
            }
        }
        guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw error("invalid escape sequence: `\(source(start))`")
        }
        return scalar
    }

    private mutating func brackets(_ start: Int) throws(LinearRegex.SyntaxError) -> ScalarSet {
        var set = ScalarSet()
        set.isNegated = take("^")
        set.foldsCase = flags.ignoresCase
        var isFirst = true
        while let scalar = next, scalar != "]" || isFirst {
            isFirst = false
            if scalar == "[", position + 1 < text.count, text[position + 1] == ":",
                let named = try namedClass()
            {
                set.parts.append(named)
                continue
            }
            let low = try bracketItem(start)
            guard case .single(let first) = low else {
                if case .set(let part) = low { set.parts.append(part) }
                continue
            }
            var last = first
            if next == "-", position + 1 < text.count, text[position + 1] != "]" {
                position += 1
                guard case .single(let high) = try bracketItem(start), high.value >= first.value else {
                    throw error("invalid character class range: `\(source(start))`")
                }
                last = high
            }
            set.ranges.append(first.value...last.value)
        }
        guard take("]") else { throw error("missing closing ]: `\(source(start))`") }
        return set
    }

    private enum BracketItem {
        case single(Unicode.Scalar)
        case set(ScalarSet)
    }
    private mutating func bracketItem(_ start: Int) throws(LinearRegex.SyntaxError) -> BracketItem {
        guard let scalar = next else { throw error("missing closing ]: `\(source(start))`") }
        position += 1
        guard scalar == "\\" else { return .single(scalar) }
        let set = try escapedSet(start)
        if !set.isNegated, set.category == nil, set.ranges.count == 1, set.ranges[0].count == 1,
            let only = Unicode.Scalar(set.ranges[0].lowerBound)
        {
            return .single(only)
        }
        return .set(set)
    }

    private mutating func namedClass() throws(LinearRegex.SyntaxError) -> ScalarSet? {
        let rest = text[(position + 2)...]
        guard let end = rest.firstIndex(of: ":"), end + 1 < text.count, text[end + 1] == "]" else { return nil }
        var name = String(String.UnicodeScalarView(text[position + 2..<end]))
        let isNegated = name.hasPrefix("^")
        if isNegated { name.removeFirst() }
        let classes: [String: [ClosedRange<UInt32>]] = [
            "alnum": [0x30...0x39, 0x41...0x5A, 0x61...0x7A], "alpha": [0x41...0x5A, 0x61...0x7A],
            "ascii": [0...0x7F], "blank": [0x09...0x09, 0x20...0x20], "cntrl": [0...0x1F, 0x7F...0x7F],
            "digit": [0x30...0x39], "graph": [0x21...0x7E], "lower": [0x61...0x7A], "print": [0x20...0x7E],
            "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E], "space": [0x09...0x0D, 0x20...0x20],
            "upper": [0x41...0x5A], "word": [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A],
            "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66],
        ]
        guard let ranges = classes[name] else { throw error("invalid character class range: `[:\(name):]`") }
        position = end + 2
        return ScalarSet(ranges: ranges, isNegated: isNegated, foldsCase: flags.ignoresCase)
    }
}
