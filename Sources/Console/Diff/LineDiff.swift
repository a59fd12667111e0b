/// The difference of two texts, as `diff -u` shows it. Pure.
enum LineDiff {
    enum Line: Sendable, Hashable {
        case same(String)
        case removed(String)
        case added(String)

        var text: String {
            switch self {
            case .same(let text): " " + text
            case .removed(let text): "-" + text
            case .added(let text): "+" + text
            }
        }
        var isSame: Bool { if case .same = self { true } else { false } }
    }

    /// How many lines around a change are shown.
    static let context = 3
    /// If the product of the texts' lengths is larger, one text is shown as replaced by the other. Lines that both
    /// begin or end with are left out first.
    static let largestTable = 1_000_000

    /// All lines of both texts, in the order in which they are shown.
    static func lines(_ old: [String], _ new: [String]) -> [Line] {
        let shorter = min(old.count, new.count)
        var head = 0
        while head < shorter, old[head] == new[head] { head += 1 }
        var tail = 0
        while tail < shorter - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] { tail += 1 }
        let middle = changes(Array(old[head..<(old.count - tail)]), Array(new[head..<(new.count - tail)]))
        return old[..<head].map { .same($0) } + middle + old[(old.count - tail)...].map { .same($0) }
    }

    /// The changes by the longest common subsequence.
    private static func changes(_ old: [String], _ new: [String]) -> [Line] {
        let (rows, columns) = (old.count, new.count)
        guard rows > 0, columns > 0, rows <= largestTable / columns else {
            return old.map { .removed($0) } + new.map { .added($0) }
        }
        // The length of the common subsequence from each place to the end.
        var table = [Int32](repeating: 0, count: (rows + 1) * (columns + 1))
        let width = columns + 1
        for row in (0..<rows).reversed() {
            for column in (0..<columns).reversed() {
                table[row * width + column] =
                    old[row] == new[column]
                    ? table[(row + 1) * width + column + 1] + 1
                    : max(table[(row + 1) * width + column], table[row * width + column + 1])
            }
        }
        var result: [Line] = []
        var (row, column) = (0, 0)
        while row < rows, column < columns {
            if old[row] == new[column] {
                result.append(.same(old[row]))
                (row, column) = (row + 1, column + 1)
            } else if table[(row + 1) * width + column] >= table[row * width + column + 1] {
                result.append(.removed(old[row]))
                row += 1
            } else {
                result.append(.added(new[column]))
                column += 1
            }
        }
        return result + old[row...].map { .removed($0) } + new[column...].map { .added($0) }
    }

    /// Hunks with their heads. Empty if the texts are the same.
    static func unified(_ old: [String], _ new: [String]) -> [String] {
        let lines = lines(old, new)
        let changed = lines.indices.filter { !lines[$0].isSame }
        guard let first = changed.first else { return [] }
        var ranges = [max(0, first - context)..<(first + 1)]
        for index in changed {
            let last = ranges.count - 1
            if index - context <= ranges[last].upperBound + context {
                ranges[last] = ranges[last].lowerBound..<(index + 1)
            } else {
                ranges.append((index - context)..<(index + 1))
            }
        }
        var result: [String] = []
        for range in ranges {
            let shown = range.lowerBound..<min(lines.count, range.upperBound + context)
            let before = count(lines[..<shown.lowerBound])
            let within = count(lines[shown])
            result.append(
                "@@ -\(place(before.old, within.old)) +\(place(before.new, within.new)) @@")
            result += lines[shown].map(\.text)
        }
        return result
    }

    private static func count(_ lines: ArraySlice<Line>) -> (old: Int, new: Int) {
        lines.reduce(into: (0, 0)) { count, line in
            switch line {
            case .same: count = (count.0 + 1, count.1 + 1)
            case .removed: count.0 += 1
            case .added: count.1 += 1
            }
        }
    }

    /// "3,7": the first line and the number of lines. For no lines, the line before.
    private static func place(_ before: Int, _ count: Int) -> String {
        count == 1 ? "\(before + 1)" : "\(count == 0 ? before : before + 1),\(count)"
    }
}
