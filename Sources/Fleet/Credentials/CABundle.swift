import FoundationEssentials  // X509's dates are Foundation's
import KubeObjects
import Support
import X509

/// The certificates that verify a data plane's server.
struct CABundle: Sendable {
    /// One block for each certificate, since nothing else of the entry may reach the TLS library.
    var pem: [UInt8] = []
    /// The lifetime of each certificate. Never empty.
    var lifetimes: [Lifetime] = []
    /// The unused parts of the entry, each with its line and the cause.
    var skipped: [String] = []
    /// Whether Go's parser finds a certificate in the raw entry, as flyteadmin reads it.
    var isReadByGo = false
    /// The certificates that Squadron uses and Go's parser does not find, each with its line and the cause.
    private(set) var unreadByGo: [String] = []

    static func read(_ entry: Sensitive) -> Result<CABundle, CredentialsProblem> {
        do throws(CredentialsProblem) {
            return .success(try CABundle(entry))
        } catch {
            return .failure(error)
        }
    }

    private init(_ entry: Sensitive) throws(CredentialsProblem) {
        func malformed(_ message: String) -> CredentialsProblem { CredentialsProblem(.caCertMalformed, message) }
        let bytes = entry.withBytes { Array(Bytes.trimmed($0)) }
        if bytes.isEmpty { throw CredentialsProblem(.caCertMissing, "is empty") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw malformed("is not text: PEM is expected")
        }
        if !text.contains("-----BEGIN ") {
            if let decoded = Base64.decode(leniently: bytes.filter { !$0.isSpace }),
                String(decoding: decoded, as: UTF8.self).contains("-----BEGIN ")
            {
                throw malformed(
                    "the certificate " + CredentialsProblem.encodedTwice
                )
            }
            if text.hasPrefix("eyJ") { throw malformed("is a token, not a certificate: are the two keys mixed up?") }
            throw malformed("is not PEM: no line begins with -----BEGIN CERTIFICATE-----")
        }
        // The whole entry is parsed, so that the line numbers are the entry's.
        let blocks = PEM.blocks(entry.withBytes { String(decoding: $0, as: UTF8.self) })
        var used: [PEM.Block] = []
        for block in blocks where try take(block) { used.append(block) }
        let read = Set(used.filter { $0.objectionOfGo == nil }.compactMap(\.der))
        isReadByGo = !read.isEmpty
        unreadByGo = used.compactMap { block in
            guard let objection = block.objectionOfGo, let der = block.der, !read.contains(der) else { return nil }
            return "line \(block.line): \(objection)"
        }
        guard !lifetimes.isEmpty else { throw malformed(skipped.first ?? "has no certificate in it") }
    }

    /// Returns whether the block is a certificate, which is used.
    private mutating func take(_ block: PEM.Block) throws(CredentialsProblem) -> Bool {
        let place = "line \(block.line): "
        if block.label.hasSuffix("PRIVATE KEY") {
            throw CredentialsProblem(
                .caCertMalformed, "has a private key in it: only certificates belong here")
        }
        switch block.content {
        case .unreadable(let why): skipped.append(place + why)
        case .der where block.label != "CERTIFICATE":
            skipped.append(place + "\(block.label.quotedForMessage) is not a CERTIFICATE")
        case .der(let der):
            guard lifetimes.count < CredentialsLimits.certificates else {
                throw CredentialsProblem(
                    .caCertMalformed, "has more than \(CredentialsLimits.certificates) certificates")
            }
            guard let certificate = try? Certificate(derEncoded: der) else {
                skipped.append(place + "the certificate can't be read")
                return false
            }
            lifetimes.append(Lifetime(of: certificate))
            PEM.append(der, to: &pem)
            return true
        }
        return false
    }

    /// The valid certificate that expires first, since some servers may not be verified after that. Expired
    /// certificates don't affect the others and don't count beside them. If all have expired, it is the one that
    /// expired first.
    func lifetime(at now: Instant) -> Lifetime {
        let good = lifetimes.filter { $0.end.instant > now }
        let first = (good.isEmpty ? lifetimes : good).min { $0.end < $1.end }
        return first ?? Lifetime(end: Timestamp(now))  // there is always one
    }
}

extension Lifetime {
    fileprivate init(of certificate: Certificate) {
        func time(_ date: Date) -> Timestamp {
            Timestamp(Instant(secondsSince1970: min(max(0, date.timeIntervalSince1970), 253_402_300_799)))
        }
        self.init(start: time(certificate.notValidBefore), end: time(certificate.notValidAfter))
    }
}

/// RFC 7468, read leniently: it accepts text around the blocks, CRLF, any line length, and an end and a beginning on one
/// line.
enum PEM {
    struct Block {
        enum Content {
            case der([UInt8])
            /// The text says why.
            case unreadable(String)
        }
        var label = ""
        var line: Int
        var content: Content
        /// Why Go's parser does not find the block. Go needs each boundary on a line of its own, at the beginning of the
        /// line, and padded base64 of the standard alphabet.
        var objectionOfGo: String?

        var der: [UInt8]? { if case .der(let der) = content { der } else { nil } }
    }

    /// A line of the text, or a half of a line that has an end and a beginning.
    private struct Line {
        var number: Int
        /// Without the white space around it.
        var text: Substring.UTF8View
        var objectionOfGo: String?
    }

    private static func lines(_ text: String) -> [Line] {
        var lines: [Line] = []
        let all = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, whole) in all.enumerated() {
            let line = Bytes.trimmed(whole)
            if let (end, begin) = halves(line) {
                // `cat a.pem b.pem`, where the first file does not end with a line break.
                let objection = "an END and a BEGIN are on one line, a line break is missing between them"
                lines += [end, begin].map { Line(number: index + 1, text: $0, objectionOfGo: objection) }
                continue
            }
            // Go knows no other white space than blanks, tabs and carriage returns.
            let isAtStart = whole.first == line.first && !whole.contains { $0 == 0x0b || $0 == 0x0c }
            lines.append(
                Line(
                    number: index + 1, text: line,
                    objectionOfGo: isAtStart ? nil : "there is white space around a boundary, take it away"))
        }
        return lines
    }

    /// The two boundaries of a line that begins with an end and ends with a beginning.
    private static func halves(_ line: Substring.UTF8View) -> (end: Substring.UTF8View, begin: Substring.UTF8View)? {
        guard line.count < 200, boundary(line, "END") == nil else { return nil }
        let text = Substring(line)
        guard text.hasPrefix("-----END "), let place = text.firstRange(of: "-----BEGIN ") else { return nil }
        let (end, begin) = (Bytes.trimmed(text[..<place.lowerBound].utf8), text[place.lowerBound...].utf8)
        return boundary(end, "END") != nil && boundary(begin, "BEGIN") != nil ? (end, begin) : nil
    }

    /// All blocks that begin or seem to begin. An unreadable block says why.
    static func blocks(_ text: String) -> [Block] {
        var blocks: [Block] = []
        var open: (label: String, line: Int, base64: [UInt8], objection: String?)?
        func skip(_ label: String, _ line: Int, _ why: String) {
            blocks.append(Block(label: label, line: line, content: .unreadable(why)))
        }
        for line in lines(text) {
            let (number, bytes) = (line.number, line.text)
            if String(decoding: bytes.prefix(11), as: UTF8.self) == "-----BEGIN ", boundary(bytes, "BEGIN") == nil {
                skip("", number, "the boundary is not on a line of its own: are the line breaks lost?")
            } else if let label = boundary(bytes, "BEGIN") {
                if let open { skip(open.label, open.line, "has no -----END \(open.label.shortForMessage)-----") }
                open = (label, number, [], line.objectionOfGo)
            } else if let label = boundary(bytes, "END") {
                guard let begun = open else {
                    skip("", number, "ends what has not begun")
                    continue
                }
                open = nil
                guard begun.label == label else {
                    skip(begun.label, begun.line, "has another end than beginning")
                    continue
                }
                guard let der = Base64.decode(leniently: begun.base64) else {
                    skip(begun.label, begun.line, "the block is not base64")
                    continue
                }
                let isGoBase64 = Base64.decode(String(decoding: begun.base64, as: UTF8.self)) != nil
                blocks.append(
                    Block(
                        label: label, line: begun.line, content: .der(der),
                        objectionOfGo: begun.objection ?? line.objectionOfGo
                            ?? (isGoBase64 ? nil : "the content is not padded base64 of the standard alphabet")))
            } else {
                open?.base64.append(contentsOf: bytes)
            }
        }
        if let open {
            skip(open.label, open.line, "has no -----END \(open.label.shortForMessage)-----: is it cut off?")
        }
        return blocks
    }

    static func append(_ der: [UInt8], to pem: inout [UInt8]) {
        pem += "-----BEGIN CERTIFICATE-----\n".utf8
        var rest = Base64.encode(der).utf8[...]
        while !rest.isEmpty {
            pem += rest.prefix(64)
            pem.append(UInt8(ascii: "\n"))
            rest = rest.dropFirst(64)
        }
        pem += "-----END CERTIFICATE-----\n".utf8
    }

    /// A label is short and in capitals. Anything else on the line may be a key, and must not be in a message.
    private static func boundary(_ line: some Collection<UInt8>, _ word: String) -> String? {
        let text = String(decoding: line, as: UTF8.self)
        let start = "-----\(word) "
        guard text.hasPrefix(start), text.hasSuffix("-----"), text.utf8.count > start.utf8.count + 5 else { return nil }
        let label = text.dropFirst(start.count).dropLast(5)
        let isLabel =
            label.utf8.count <= 40
            && label.allSatisfy { $0 == " " || ("A"..."Z").contains($0) || ("0"..."9").contains($0) }
        return isLabel ? String(label) : nil
    }
}
