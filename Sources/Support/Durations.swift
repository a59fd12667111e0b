extension Duration {
    /// Seconds, rounded as a `Double` is.
    public var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
