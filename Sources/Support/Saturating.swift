// Numbers from outside may be anything. `+`, `-` and `Int(_: Double)` end the process if the result does not fit.

extension FixedWidthInteger {
    /// The nearest number that fits, and 0 for NaN. Use it for each floating-point number from outside: hack/lint looks
    /// for the conversions that would trap.
    public init(saturating value: Double) {
        self = Self(exactly: value.rounded(.towardZero)) ?? (value.isNaN ? 0 : value < 0 ? .min : .max)
    }

    public func saturatingAdd(_ other: Self) -> Self {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }

    public func saturatingSubtract(_ other: Self) -> Self {
        let (difference, overflows) = subtractingReportingOverflow(other)
        return overflows ? (other < 0 ? .max : .min) : difference
    }
}
