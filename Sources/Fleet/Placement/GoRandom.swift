/// Go's `math/rand` source of version 1, bit by bit: an additive lagged Fibonacci generator (607, 273). flyteadmin
/// draws with it (`RandomClusterSelector`, v1.16.8), and Go 1 promises that its values never change.
struct GoRandom {
    private static let length = 607
    private static let lag = 273
    private static let modulus: Int64 = (1 << 31) - 1

    private var state: [UInt64]
    private var tap = 0
    private var feed = length - lag

    init(seed: Int64) {
        var seed = seed % Self.modulus
        if seed < 0 { seed += Self.modulus }
        if seed == 0 { seed = 89_482_311 }
        state = GoRandomTable.cooked
        var x = seed
        for _ in 0..<20 { x = Self.step(x) }
        for index in state.indices {
            x = Self.step(x)
            var mixed = UInt64(x) << 40
            x = Self.step(x)
            mixed ^= UInt64(x) << 20
            x = Self.step(x)
            state[index] ^= mixed ^ UInt64(x)
        }
    }

    /// x → 48271 x mod 2³¹-1. Go divides first, for 32-bit arithmetic, with the same result.
    private static func step(_ x: Int64) -> Int64 { x * 48271 % modulus }

    /// `Int63`.
    mutating func next() -> Int64 {
        tap = tap == 0 ? Self.length - 1 : tap - 1
        feed = feed == 0 ? Self.length - 1 : feed - 1
        state[feed] &+= state[tap]
        return Int64(state[feed] & (1 << 63 - 1))
    }

    /// `Rand.Float32`: in [0, 1). A value that rounds to 1 is drawn again, first as a double, then as a float.
    mutating func float32() -> Float { Self.float32 { next() } }

    static func float32(_ next: () -> Int64) -> Float {
        while true {
            let double = Double(next()) / 0x1p63
            if double == 1 { continue }
            let float = Float(double)
            if float != 1 { return float }
        }
    }

    /// FNV-1a with 64 bits (`hash/fnv`), by which flyteadmin turns an execution's name into a seed.
    static func seed(_ name: String) -> Int64 {
        var hash = StableHash()
        hash.combine(name.utf8)
        return Int64(bitPattern: hash.value)
    }
}
