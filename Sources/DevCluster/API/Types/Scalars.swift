import KubeObjects

enum TimeText {
    static func isValid(_ text: String) -> Bool { Timestamp(text) != nil }
}

/// `resource.Quantity`, as far as its form goes.
enum Quantity {
    private static let suffixes: Set<Substring> = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ]

    static func isValid(_ text: String) -> Bool {
        var rest = text[...]
        if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
        let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        guard digits.contains(where: \.isNumber), digits.filter({ $0 == "." }).count <= 1 else { return false }
        rest = rest.dropFirst(digits.count)
        if suffixes.contains(rest) { return true }
        guard rest.first == "e" || rest.first == "E" else { return false }
        return Int(rest.dropFirst()) != nil
    }
}
