/// Turns a pattern into a program of bounded size.
struct RegexCompiler {
    private var instructions: [LinearRegex.Instruction] = []
    private static let limit = 20_000
    /// Repetitions of an empty expression add no instructions, but take time.
    private var steps = 0

    mutating func program(for node: RegexNode) throws(LinearRegex.SyntaxError) -> [LinearRegex.Instruction] {
        try append(node)
        instructions.append(.match)
        return instructions
    }

    private mutating func append(_ node: RegexNode) throws(LinearRegex.SyntaxError) {
        steps += 1
        guard instructions.count < Self.limit, steps < 10 * Self.limit else {
            throw .init(message: "expression too large")
        }
        switch node {
        case .empty: break
        case .set(let set): instructions.append(.scalar(set))
        case .assert(let assertion): instructions.append(.assert(assertion))
        case .sequence(let nodes): for node in nodes { try append(node) }
        case .alternatives(let nodes):
            var jumps: [Int] = []
            for (index, node) in nodes.enumerated() {
                guard index < nodes.count - 1 else {
                    try append(node)
                    break
                }
                let split = instructions.count
                instructions.append(.match)
                try append(node)
                jumps.append(instructions.count)
                instructions.append(.match)
                instructions[split] = .split(split + 1, instructions.count)
            }
            for jump in jumps { instructions[jump] = .jump(instructions.count) }
        case .repeated(let inner, let least, let most, let isGreedy):
            for _ in 0..<least { try append(inner) }
            if let most {
                var splits: [Int] = []
                for _ in least..<max(least, most) {
                    splits.append(instructions.count)
                    instructions.append(.match)
                    try append(inner)
                }
                for split in splits { instructions[split] = Self.split(split + 1, instructions.count, isGreedy) }
            } else {
                let split = instructions.count
                instructions.append(.match)
                try append(inner)
                instructions.append(.jump(split))
                instructions[split] = Self.split(split + 1, instructions.count, isGreedy)
            }
        }
    }

    private static func split(_ body: Int, _ end: Int, _ isGreedy: Bool) -> LinearRegex.Instruction {
        isGreedy ? .split(body, end) : .split(end, body)
    }
}
