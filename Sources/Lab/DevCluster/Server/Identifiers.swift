/// Random names.
enum Identifiers {
    /// A random version 4 UUID, in lower case as Kubernetes writes it.
    static func uuid() -> String {
        var random = SystemRandomNumberGenerator()
        let (high, low): (UInt64, UInt64) = (random.next(), random.next())
        let bits = (
            (high & 0xffff_ffff_ffff_0fff) | 0x4000,
            (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000
        )
        return String(unsafeUninitializedCapacity: 36) { text in
            let digits: StaticString = "0123456789abcdef"
            var at = 0
            for nibble in 0..<32 {
                if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
                    text[at] = UInt8(ascii: "-")
                    at += 1
                }
                let word = nibble < 16 ? bits.0 : bits.1
                text[at] = digits.utf8Start[Int(truncatingIfNeeded: word >> UInt64((15 - nibble % 16) * 4)) & 15]
                at += 1
            }
            return at
        }
    }

    /// Lower-case letters and digits.
    static func random(length: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] })
    }
}
