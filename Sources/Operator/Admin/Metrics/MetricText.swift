import Support

/// Prometheus' text format.
///
/// It is our own code, and not swift-metrics with swift-prometheus 2.3, for three reasons:
/// - That library keeps an object for each series. For 500 data planes these take 11.7 MB, and our counters 0.3 MB. Both need
///   the same time for a page (docs/benchmarks.md).
/// - Most of our series are computed when a page is asked for. swift-metrics has no such gauges. We would have to keep a copy
///   of each value, and to drop it when its data plane goes.
/// - It does not escape the values of labels. A quote in a value breaks the page.
struct MetricText {
    private(set) var text = ""

    /// Begins a family. Its series follow.
    mutating func begin(_ family: MetricFamily) {
        text += "# HELP \(family.rawValue) \(family.help)\n# TYPE \(family.rawValue) \(family.kind.rawValue)\n"
    }

    mutating func line(_ family: MetricFamily, _ value: some MetricNumber) { line(family, [], value) }
    mutating func lines(_ family: MetricFamily, _ histogram: DurationHistogram) { lines(family, [], histogram) }

    /// - Parameter values: the values of the family's labels, in the same order.
    mutating func line(_ family: MetricFamily, _ values: [String], _ value: some MetricNumber) {
        text += family.rawValue
        labels(family, values)
        text += " "
        text += value.metricText
        text += "\n"
    }

    mutating func lines(_ family: MetricFamily, _ values: [String], _ histogram: DurationHistogram) {
        let cumulative = histogram.cumulative
        for (index, count) in cumulative.enumerated() {
            text += family.rawValue
            text += "_bucket"
            let bound = index < histogram.bounds.count ? histogram.bounds[index].seconds.metricText : "+Inf"
            labels(family, values, le: bound)
            text += " \(count)\n"
        }
        for (suffix, value) in [("_sum", histogram.sum.seconds.metricText), ("_count", "\(cumulative.last ?? 0)")] {
            text += family.rawValue
            text += suffix
            labels(family, values)
            text += " "
            text += value
            text += "\n"
        }
    }

    private mutating func labels(_ family: MetricFamily, _ values: [String], le: String? = nil) {
        let names = family.labels
        precondition(names.count == values.count, "\(family.rawValue) has other labels")
        guard !names.isEmpty || le != nil else { return }
        text += "{"
        for (index, value) in values.enumerated() {
            if index > 0 { text += "," }
            text += names[index]
            text += "=\""
            text += Self.escaped(value)
            text += "\""
        }
        if let le {
            if !values.isEmpty { text += "," }
            text += "le=\"\(le)\""
        }
        text += "}"
    }

    private static func escaped(_ value: String) -> String {
        // Few values have a quote, a backslash or a line end.
        guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x5C || $0 == 0x0A }) else { return value }
        return value.reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n", "\r\n": text += "\\n"
            default: text.append(character)
            }
        }
    }
}

/// A number as Prometheus reads it.
protocol MetricNumber { var metricText: String { get } }
extension Int: MetricNumber { var metricText: String { String(self) } }
extension UInt64: MetricNumber { var metricText: String { String(self) } }
extension Double: MetricNumber {
    /// Whole numbers without an exponent, since people read times in seconds.
    var metricText: String {
        if self == .infinity { return "+Inf" }
        if let whole = Int64(exactly: self) { return String(whole) }
        return String(describing: self)
    }
}
