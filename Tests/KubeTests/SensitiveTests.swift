import Foundation
import Support
import TestSupport
import Testing

@Suite("Secrets in memory")
struct SensitiveTests {
    @Test(
        "The bytes of a released secret are nowhere in the process's memory",
        .disabled(if: isUnderSanitizer, "its shadow of the memory can't be searched"))
    func zeroed() throws {
        // Only a masked copy is kept, or the search would find itself.
        let masked = (0..<64).map { _ in UInt8.random(in: .min ... .max) }
        let mask: UInt8 = 0xA5
        #expect(try Self.occurrences(of: masked, mask) == 0)
        var secret: Sensitive? = Sensitive(masked.lazy.map { $0 ^ mask })
        #expect(
            try Self.occurrences(of: masked, mask) == 1, "the search finds what is there, and there is no copy of it")
        #expect(secret?.count == 64)
        secret = nil
        #expect(try Self.occurrences(of: masked, mask) == 0)
    }

    /// In all memory of this process that can be written to.
    private static func occurrences(of masked: [UInt8], _ mask: UInt8) throws -> Int {
        let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
        let memory = open("/proc/self/mem", O_RDONLY)
        try #require(memory >= 0)
        defer { close(memory) }
        let size = 1 << 20
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        defer { buffer.deallocate() }
        let own = UInt(bitPattern: buffer)..<UInt(bitPattern: buffer) + UInt(size)
        var found: Set<UInt> = []
        for line in maps.split(separator: "\n") {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard fields[1].hasPrefix("rw"), ends.count == 2 else { continue }
            var place = ends[0]
            while place < ends[1] {
                let read = pread(memory, buffer, min(size, Int(ends[1] - place)), off_t(place))
                guard read >= masked.count else { break }
                var start = 0
                while start <= read - masked.count,
                    let hit = memchr(buffer + start, Int32(masked[0] ^ mask), read - masked.count + 1 - start)
                {
                    let offset = hit - buffer
                    let isWhole = masked.indices.allSatisfy {
                        buffer.load(fromByteOffset: offset + $0, as: UInt8.self) ^ mask == masked[$0]
                    }
                    if isWhole, !own.contains(place + UInt(offset)) { found.insert(place + UInt(offset)) }
                    start = offset + 1
                }
                // A piece may lie across two readings.
                place += UInt(read == size ? read - masked.count + 1 : read)
            }
        }
        return found.count
    }
}
