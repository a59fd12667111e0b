#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension [UInt8] {
    /// Zeroes the bytes in memory and leaves an empty array. It works only for the single holder of the bytes. If
    /// something else holds them too, that holder keeps them, and nothing is zeroed.
    public mutating func wipe() {
        withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { explicit_bzero(base, bytes.count) }
        }
        self = []
    }

    /// Makes room for `count` more bytes. If the bytes move, the old place is zeroed.
    public mutating func growWiping(by count: Int) {
        guard capacity < self.count + count else { return }
        var larger: [UInt8] = []
        larger.reserveCapacity(Swift.max(self.count + count, 2 * capacity))
        larger.append(contentsOf: self)
        wipe()
        self = larger
    }
}
