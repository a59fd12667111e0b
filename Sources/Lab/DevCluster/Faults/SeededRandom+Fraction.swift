import Support

extension SeededRandom {
    /// From 0 to just below 1.
    mutating func fraction() -> Double { Double(next() >> 11) / Double(1 << 53) }
}
