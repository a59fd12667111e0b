extension Duration {
    /// Seconds, rounded as a `Double` is.
    public var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

extension Duration {
    /// Reads what people type: seconds (`10`), or units as Go writes them (`10s`, `1m30s`, `500ms`). Nil for anything
    /// else. Nil also for more than a year: nobody means that, and sums of shorter durations can't overflow.
    public init?(typed text: String) {
        func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }
        let units = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000]
        let year = 366 * 24 * 3_600_000
        var rest = text[...]
        if rest.allSatisfy(isDigit) { rest += "s" }
        var milliseconds = 0
        repeat {
            let digits = rest.prefix(while: isDigit)
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { !isDigit($0) }
            rest = rest.dropFirst(letters.count)
            guard let count = Int(digits), let unit = units[String(letters)] else { return nil }
            let (part, overflows) = count.multipliedReportingOverflow(by: unit)
            guard !overflows, part <= year - milliseconds else { return nil }
            milliseconds += part
        } while !rest.isEmpty
        self = .milliseconds(milliseconds)
    }
}
