/// A small random source that is a value (SplitMix64). The same seed gives the same numbers everywhere, so a state that
/// holds one replays exactly. Use it for jitter and tests, not for secrets.
public struct SeededRandom: RandomNumberGenerator, Sendable, Hashable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }
    /// Seeded by the system.
    public init() { self.init(seed: .random(in: .min ... .max)) }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
