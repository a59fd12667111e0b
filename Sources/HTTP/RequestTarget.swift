import Support

/// The parts of a request's URL that a connection needs. libcurl is lenient about URLs. This is strict, since a request
/// with a credential must go exactly where its URL says.
struct RequestTarget: Equatable {
    var isSecure: Bool
    /// Without the brackets of an IPv6 address.
    var host: String
    var port: Int
    /// For the `Host` header, as in the URL: with brackets, and with a port only if the URL names one.
    var authority: String
    /// The URL from the path on. It is "" or starts with "/" or "?".
    var rest: String

    /// Nil if the URL is not absolute http(s), has credentials in it, or characters that must be percent-encoded.
    init?(_ url: String) {
        let bytes = Array(url.utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) else { return nil }
        let authorityStart: Int
        if bytes.hasPrefix("https://") {
            (isSecure, authorityStart) = (true, 8)
        } else if bytes.hasPrefix("http://") {
            (isSecure, authorityStart) = (false, 7)
        } else {
            return nil
        }
        let tail = bytes[authorityStart...]
        let end = tail.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        let authorityBytes = tail[..<(end ?? tail.endIndex)]
        authority = String(decoding: authorityBytes, as: UTF8.self)
        rest = String(decoding: tail[(end ?? tail.endIndex)...], as: UTF8.self)
        guard !rest.hasPrefix("#") else { return nil }

        var portBytes = authorityBytes[authorityBytes.endIndex...]
        if authorityBytes.first == UInt8(ascii: "[") {
            guard let close = authorityBytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let inside = authorityBytes[(authorityBytes.startIndex + 1)..<close]
            guard !inside.isEmpty, inside.allSatisfy({ $0.isHexDigit || ":.".utf8.contains($0) }) else { return nil }
            host = String(decoding: inside, as: UTF8.self)
            portBytes = authorityBytes[(close + 1)...]
            guard portBytes.isEmpty || portBytes.first == UInt8(ascii: ":") else { return nil }
        } else {
            let colon = authorityBytes.firstIndex(of: UInt8(ascii: ":")) ?? authorityBytes.endIndex
            let name = authorityBytes[..<colon]
            guard !name.isEmpty, name.allSatisfy({ $0.isLetterOrDigit || "-._".utf8.contains($0) }) else { return nil }
            host = String(decoding: name, as: UTF8.self)
            guard !HostNames.isAddressInDisguise(host) else { return nil }
            portBytes = authorityBytes[colon...]
        }
        if portBytes.isEmpty {
            port = isSecure ? 443 : 80
        } else {
            let digits = portBytes.dropFirst()
            guard !digits.isEmpty, digits.count <= 5, digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(number)
            else { return nil }
            port = number
        }
    }

    /// The URL with `name` in the place of the host, so that libcurl uses that name for SNI and verification.
    func url(serverName name: String) -> String {
        "\(isSecure ? "https" : "http")://\(Self.bracketed(name)):\(port)\(rest)"
    }

    /// The value of CURLOPT_CONNECT_TO: connect here, whatever the URL says.
    var connectTo: String { "::\(Self.bracketed(host)):\(port)" }

    private static func bracketed(_ host: String) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
    }
}

extension Array<UInt8> {
    fileprivate func hasPrefix(_ lowercase: String) -> Bool {
        count >= lowercase.utf8.count
            && zip(self, lowercase.utf8).allSatisfy { ($0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0) == $1 }
    }
}

extension UInt8 {
    var isLetterOrDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5a).contains(self) || (0x61...0x7a).contains(self)
    }
    fileprivate var isHexDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
    }
}
