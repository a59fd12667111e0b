/// An absolute URI or an absolute path, as Go's `url.ParseRequestURI` takes it.
struct URLText: Sendable, Hashable {
    var text: String
    var scheme = ""
    /// With the port; IPv6 addresses in brackets.
    var host = ""
    /// Without the port and brackets.
    var hostname = ""
    var port = ""
    var escapedPath = ""
    /// After the question mark, escaped.
    var query = ""

    init?(_ text: String) {
        self.text = text
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F || $0 == 0x20 }) else { return nil }
        var rest = Substring(text)
        if let colon = rest.firstIndex(of: ":"), Self.isScheme(rest[..<colon]) {
            scheme = rest[..<colon].lowercased()
            rest = rest[rest.index(after: colon)...]
        } else if !rest.hasPrefix("/") {
            return nil
        }
        if let mark = rest.firstIndex(of: "?") {
            query = String(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        if !scheme.isEmpty, !rest.hasPrefix("/") {
            // This is an opaque URI (`mailto:x`): only its scheme is known.
            return
        }
        if rest.hasPrefix("//"), !scheme.isEmpty || !rest.hasPrefix("///") {
            rest = rest.dropFirst(2)
            let end = rest.firstIndex(of: "/") ?? rest.endIndex
            guard setAuthority(rest[..<end]) else { return nil }
            rest = rest[end...]
        }
        guard let path = Self.escaped(rest) else { return nil }
        escapedPath = path
    }

    private mutating func setAuthority(_ authority: Substring) -> Bool {
        let at = authority.lastIndex(of: "@")
        let hostPort = at.map { authority[authority.index(after: $0)...] } ?? authority
        host = String(hostPort)
        var name = hostPort
        if hostPort.hasPrefix("[") {
            guard let close = hostPort.firstIndex(of: "]") else { return false }
            name = hostPort[hostPort.index(after: hostPort.startIndex)..<close]
            let after = hostPort[hostPort.index(after: close)...]
            guard after.isEmpty || after.hasPrefix(":") else { return false }
            port = String(after.dropFirst())
        } else if let colon = hostPort.lastIndex(of: ":") {
            name = hostPort[..<colon]
            port = String(hostPort[hostPort.index(after: colon)...])
            guard !name.contains(":") else { return false }
        }
        hostname = String(name)
        return port.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && hostname.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && !"<>\"\\^`{|}/?#".utf8.contains($0) }
    }

    private static func isScheme(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first | 0x20) else { return false }
        return text.utf8.allSatisfy {
            (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E
        }
    }

    /// Nil for a broken escape.
    private static func escaped(_ path: Substring) -> String? {
        var result = ""
        var bytes = Array(path.utf8)[...]
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard bytes.count >= 2, bytes.prefix(2).allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else {
                    return nil
                }
                result += "%"
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: result.unicodeScalars.append(Unicode.Scalar(byte))
            case _ where "-_.~$&+,/:;=@!'()*[]".utf8.contains(byte): result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.count < 2 ? "0" : "") + hex
            }
        }
        return result
    }

    /// The query's parameters, decoded, each with all its values.
    var parameters: [(name: String, values: [String])] {
        var result: [(name: String, values: [String])] = []
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.decoded(parts[0])
            let value = parts.count > 1 ? Self.decoded(parts[1]) : ""
            if let index = result.firstIndex(where: { $0.name == name }) {
                result[index].values.append(value)
            } else {
                result.append((name, [value]))
            }
        }
        return result
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
