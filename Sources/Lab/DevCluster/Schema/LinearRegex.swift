/// Regular expressions as the API server has them (Go's RE2): no back references, and time linear in the text, so that
/// neither a pattern nor a value can hold the server up. Swift's own `Regex` backtracks.
struct LinearRegex: Sendable {
    struct SyntaxError: Error, Sendable, CustomStringConvertible {
        var message: String
        var description: String { "error parsing regexp: \(message)" }
    }

    enum Assertion: Sendable {
        case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary
    }
    enum Instruction: Sendable {
        case scalar(ScalarSet)
        case split(Int, Int)
        case jump(Int)
        case assert(Assertion)
        case match
    }

    private let program: [Instruction]
    /// The most work for each character.
    var size: Int { program.count }

    init(_ pattern: String) throws(SyntaxError) {
        var parser = RegexParser(pattern)
        var compiler = RegexCompiler()
        program = try compiler.program(for: try parser.parse())
    }

    /// Whether any part of the text matches.
    func matches(_ text: String) -> Bool { firstMatch(in: Array(text.unicodeScalars), from: 0) != nil }

    /// The leftmost match that begins at `start` or later. If there are several, the one that the pattern prefers.
    func firstMatch(in text: [Unicode.Scalar], from start: Int) -> Range<Int>? {
        var current = Threads(program.count)
        var next = Threads(program.count)
        var found: Range<Int>?
        var position = start
        while true {
            if found == nil { follow(0, from: position, at: position, in: text, &current) }
            if current.list.isEmpty, found != nil { return found }
            next.removeAll()
            search: for thread in current.list {
                switch program[thread.pc] {
                case .match:
                    found = thread.start..<position
                    break search  // what follows has a lower priority
                case .scalar(let set):
                    if position < text.count, set.contains(text[position]) {
                        follow(thread.pc + 1, from: thread.start, at: position + 1, in: text, &next)
                    }
                default: break
                }
            }
            swap(&current, &next)
            if position >= text.count { return found }
            position += 1
        }
    }

    /// Adds a thread, and all threads that it reaches without reading, in order of priority.
    private func follow(
        _ pc: Int, from start: Int, at position: Int, in text: [Unicode.Scalar], _ threads: inout Threads
    ) {
        var stack = [pc]
        while let pc = stack.popLast() {
            guard threads.insert(pc) else { continue }
            switch program[pc] {
            case .jump(let target): stack.append(target)
            case .split(let first, let second):
                stack.append(second)
                stack.append(first)
            case .assert(let assertion): if holds(assertion, at: position, in: text) { stack.append(pc + 1) }
            case .scalar, .match: threads.list.append((pc, start))
            }
        }
    }

    private func holds(_ assertion: Assertion, at position: Int, in text: [Unicode.Scalar]) -> Bool {
        switch assertion {
        case .textStart: return position == 0
        case .textEnd: return position == text.count
        case .lineStart: return position == 0 || text[position - 1] == "\n"
        case .lineEnd: return position == text.count || text[position] == "\n"
        case .wordBoundary, .noWordBoundary:
            let before = position > 0 && ScalarSet.word.contains(text[position - 1])
            let after = position < text.count && ScalarSet.word.contains(text[position])
            return (before != after) == (assertion == .wordBoundary)
        }
    }

    private struct Threads {
        var list: [(pc: Int, start: Int)] = []
        private var generation: [Int]
        private var current = 1

        init(_ count: Int) { generation = Array(repeating: 0, count: count) }
        mutating func removeAll() {
            list.removeAll(keepingCapacity: true)
            current += 1
        }
        mutating func insert(_ pc: Int) -> Bool {
            guard generation[pc] != current else { return false }
            generation[pc] = current
            return true
        }
    }
}

/// A set of Unicode scalars.
struct ScalarSet: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    /// Sets within this one, which are negated classes within brackets.
    var parts: [ScalarSet] = []
    var category: Category?
    var isNegated = false
    var foldsCase = false

    enum Category: Sendable { case letter, upper, lower, number, punctuation, symbol, space }

    static let digit = ScalarSet(ranges: [0x30...0x39])
    static let space = ScalarSet(ranges: [0x09...0x0A, 0x0C...0x0D, 0x20...0x20])
    static let word = ScalarSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let any = ScalarSet(isNegated: true)
    static let anyButNewline = ScalarSet(ranges: [0x0A...0x0A], isNegated: true)

    var negated: ScalarSet {
        var copy = self
        copy.isNegated.toggle()
        return copy
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        var isIn = has(scalar)
        if !isIn, foldsCase {
            for variant in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping]
            where variant.unicodeScalars.count == 1 {
                isIn = isIn || variant.unicodeScalars.first.map(has) ?? false
            }
        }
        return isIn != isNegated
    }

    private func has(_ scalar: Unicode.Scalar) -> Bool {
        ranges.contains { $0.contains(scalar.value) } || parts.contains { $0.contains(scalar) }
            || category.map { Self.isIn(scalar, $0) } ?? false
    }

    private static func isIn(_ scalar: Unicode.Scalar, _ category: Category) -> Bool {
        switch (category, scalar.properties.generalCategory) {
        case (.upper, .uppercaseLetter), (.lower, .lowercaseLetter): true
        case (.letter, .uppercaseLetter), (.letter, .lowercaseLetter), (.letter, .titlecaseLetter),
            (.letter, .modifierLetter), (.letter, .otherLetter):
            true
        case (.number, .decimalNumber), (.number, .letterNumber), (.number, .otherNumber): true
        case (.punctuation, .connectorPunctuation), (.punctuation, .dashPunctuation), (.punctuation, .openPunctuation),
            (.punctuation, .closePunctuation), (.punctuation, .initialPunctuation), (.punctuation, .finalPunctuation),
            (.punctuation, .otherPunctuation):
            true
        case (.symbol, .mathSymbol), (.symbol, .currencySymbol), (.symbol, .modifierSymbol), (.symbol, .otherSymbol):
            true
        case (.space, .spaceSeparator), (.space, .lineSeparator), (.space, .paragraphSeparator): true
        default: false
        }
    }
}
