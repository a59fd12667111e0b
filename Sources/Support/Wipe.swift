#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension [UInt8] {
    /// Zeroes the bytes in memory and leaves none. For whoever is alone in holding them: where somebody else does, he
    /// keeps his, and nothing is zeroed.
    public mutating func wipe() {
        withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { explicit_bzero(base, bytes.count) }
        }
        self = []
    }

    /// Room for that many more; the bytes that are left behind where they move are zeroed.
    public mutating func growWiping(by count: Int) {
        guard capacity < self.count + count else { return }
        var larger: [UInt8] = []
        larger.reserveCapacity(Swift.max(self.count + count, 2 * capacity))
        larger.append(contentsOf: self)
        wipe()
        self = larger
    }
}
