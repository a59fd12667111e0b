/// Hides secrets in texts from outside, since a server may repeat what it was sent.
///
/// It looks for each secret in plain form, percent-encoded, and in base64. It finds base64 at any place of an encoded
/// text, since `Basic` has the client's id before the secret. After the words `Bearer` and `Basic` it hides everything
/// that looks like a credential. Use it before a text is cut, since it can't find half a secret.
public struct Redaction: Sendable {
    public static let mark = "<redacted>"
    /// Shorter secrets are not looked for, since they would be found by chance.
    private static let shortest = 4
    /// A wrong replacement harms data more than messages, so only secrets that can't be there by chance are replaced.
    private static let shortestInData = 16

    private struct Form: Sendable {
        var bytes: Sensitive
        /// The length of the secret itself.
        var length: Int
    }
    /// The longest come first, so that nothing of one is left if a shorter one is a part of it.
    private let forms: [Form]

    public init(_ secrets: [Sensitive]) {
        let sought = secrets.filter { $0.count >= Self.shortest }
        forms = sought.flatMap(Self.forms).sorted { $0.bytes.count > $1.bytes.count }
    }

    /// For messages.
    public func clean(_ text: some StringProtocol) -> String {
        String(decoding: Self.hidingSchemes(hiding(Array(text.utf8), Self.shortest)), as: UTF8.self)
    }

    /// For data. Texts without a secret stay unchanged.
    public func cleanData(_ text: String) -> String {
        guard text.utf8.count >= Self.shortestInData else { return text }
        let bytes = Array(text.utf8)
        let clean = hiding(bytes, Self.shortestInData)
        return clean == bytes ? text : String(decoding: clean, as: UTF8.self)
    }

    private func hiding(_ bytes: [UInt8], _ shortest: Int) -> [UInt8] {
        forms.reduce(bytes) { bytes, form in
            form.length < shortest ? bytes : form.bytes.withBytes { bytes.replacingAll($0, by: Self.mark.utf8) }
        }
    }

    private static func forms(of secret: Sensitive) -> [Form] {
        secret.withBytes { bytes in
            let raw = Array(bytes)
            let encoded = Array(String(decoding: raw, as: UTF8.self).percentEncoded.utf8)
            let texts = raw == encoded ? [raw] : [raw, encoded]
            var forms = texts
            for text in texts {
                for shift in 0..<3 {
                    let digits = digits(of: text, after: shift)
                    guard digits.count >= 5 else { continue }
                    forms.append(digits)
                    let urlDigits = digits.map { digit -> UInt8 in
                        switch digit {
                        case UInt8(ascii: "+"): UInt8(ascii: "-")
                        case UInt8(ascii: "/"): UInt8(ascii: "_")
                        default: digit
                        }
                    }
                    if urlDigits != digits { forms.append(urlDigits) }
                }
            }
            return forms.map { Form(bytes: Sensitive($0), length: raw.count) }
        }
    }

    /// The base64 digits that these bytes alone decide, if `shift` bytes (or three more, and so on) come before them.
    private static func digits(of bytes: [UInt8], after shift: Int) -> [UInt8] {
        let text = Array(Base64.encode([UInt8](repeating: 0, count: shift) + bytes).utf8)
        let first = (shift * 8 + 5) / 6
        let end = (shift + bytes.count) * 8 / 6
        return first < end ? Array(text[first..<end]) : []
    }

    private static let schemes = [Array("bearer".utf8), Array("basic".utf8)]

    private static func hidingSchemes(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            let rest = text[position...]
            guard let scheme = schemes.first(where: { rest.starts(with: $0) { $0 | 0x20 == $1 } }) else {
                result.append(text[position])
                position += 1
                continue
            }
            let gap = rest.dropFirst(scheme.count).prefix { $0 <= 0x20 || #":="'"#.utf8.contains($0) }
            let word = text[gap.endIndex...].prefix(while: isCredentialByte)
            if gap.isEmpty || !looksLikeCredential(word) {
                result.append(text[position])
                position += 1
            } else {
                result += text[position..<gap.endIndex]
                result += mark.utf8
                position = word.endIndex
            }
        }
        return result
    }

    private static func isCredentialByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "+/=._~-".utf8.contains(byte)
    }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// A word of prose has no digits, and capitals only at its start: "Basic Authentication failed".
    private static func looksLikeCredential(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count >= 8 else { return false }
        return word.dropFirst().dropLast().contains { byte in
            !isLetter(byte) || byte & 0x20 == 0
        }
    }
}

extension [UInt8] {
    /// The bytes with each occurrence replaced by another text.
    func replacingAll(_ needle: UnsafeRawBufferPointer, by text: String.UTF8View) -> [UInt8] {
        guard let first = needle.first, count >= needle.count else { return self }
        var result: [UInt8] = []
        var (start, position) = (0, 0)
        while position + needle.count <= count {
            if self[position] == first, self[position..<(position + needle.count)].elementsEqual(needle) {
                result += self[start..<position]
                result += text
                position += needle.count
                start = position
            } else {
                position += 1
            }
        }
        return start == 0 ? self : result + self[start...]
    }
}
