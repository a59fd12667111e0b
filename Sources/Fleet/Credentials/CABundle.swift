import FoundationEssentials  // X509's dates are Foundation's
import KubeObjects
import Support
import X509

/// The certificates that a data plane's server certificate is checked against.
struct CABundle {
    /// One block for each certificate: nothing else of the entry reaches the TLS library.
    var pem: [UInt8] = []
    var expiration: Timestamp

    init(_ entry: Sensitive) throws(CredentialsProblem) {
        func malformed(_ message: String) -> CredentialsProblem { CredentialsProblem(.caCertMalformed, message) }
        let bytes = entry.withBytes { Array(Bytes.trimmed($0)) }
        if bytes.isEmpty { throw CredentialsProblem(.caCertMissing, "is empty") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw malformed("is no text: PEM is expected")
        }
        if !text.contains("-----BEGIN ") {
            if let decoded = Base64.decode(leniently: bytes.filter { !$0.isSpace }),
                String(decoding: decoded, as: UTF8.self).contains("-----BEGIN ")
            {
                throw malformed(
                    "the certificate " + CredentialsProblem.encodedTwice
                )
            }
            if text.hasPrefix("eyJ") { throw malformed("is a token and no certificate: are the two keys mixed up?") }
            throw malformed("is no PEM: no line begins with -----BEGIN CERTIFICATE-----")
        }
        var ends: [Double] = []
        for block in try PEM.blocks(text) {
            if block.label.hasSuffix("PRIVATE KEY") {
                throw malformed("has a private key in it: only certificates belong here")
            }
            guard block.label == "CERTIFICATE" else {
                throw malformed("line \(block.line): \(block.label.quotedForMessage) is no CERTIFICATE")
            }
            guard ends.count < CredentialsLimits.certificates else {
                throw malformed("has more than \(CredentialsLimits.certificates) certificates")
            }
            guard let certificate = try? Certificate(derEncoded: block.der) else {
                throw malformed("line \(block.line): the certificate can't be read")
            }
            ends.append(certificate.notValidAfter.timeIntervalSince1970)
            PEM.append(block.der, to: &pem)
        }
        guard let first = ends.min() else { throw malformed("has no certificate in it") }
        expiration = Timestamp(Instant(secondsSince1970: min(max(0, first), 253_402_300_799)))
    }
}

/// RFC 7468, read leniently: text around the blocks, CRLF and any line length are fine.
enum PEM {
    struct Block {
        var label: String
        var der: [UInt8]
        var line: Int
    }

    static func blocks(_ text: String) throws(CredentialsProblem) -> [Block] {
        var blocks: [Block] = []
        var open: (label: String, line: Int, base64: [UInt8])?
        var number = 0
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let line = Bytes.trimmed(line)
            if String(decoding: line.prefix(11), as: UTF8.self) == "-----BEGIN ", boundary(line, "BEGIN") == nil {
                throw malformed(number, "the boundary is not on a line of its own: are the line breaks lost?")
            }
            if let label = boundary(line, "BEGIN") {
                if let open { throw malformed(open.line, "has no -----END \(open.label.shortForMessage)-----") }
                open = (label, number, [])
            } else if let label = boundary(line, "END") {
                guard let begun = open, begun.label == label else { throw malformed(number, "ends what has not begun") }
                guard let der = Base64.decode(leniently: begun.base64) else {
                    throw malformed(begun.line, "the block is no base64")
                }
                blocks.append(Block(label: label, der: der, line: begun.line))
                open = nil
            } else {
                open?.base64.append(contentsOf: line)
            }
        }
        if let open { throw malformed(open.line, "has no -----END \(open.label.shortForMessage)-----: is it cut off?") }
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

    /// A label is short and in capitals: what else is on the line may be a key, and is in no message.
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

    private static func malformed(_ line: Int, _ message: String) -> CredentialsProblem {
        CredentialsProblem(.caCertMalformed, "line \(line): \(message)")
    }
}
