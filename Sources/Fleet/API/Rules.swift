import Support

/// Rules for names. Each function returns what is wrong, in words that continue "spec.field: ", or nil.
public enum NameRules {
    /// A namespace by RFC 1123: lower-case letters, digits and `-`, at most 63 characters, without `-` at either end.
    public static func problem(ofNamespace name: String) -> String? {
        let shown = name.quotedForMessage
        if name.isEmpty { return "is empty" }
        if name.utf8.count > 63 { return "\(shown) has \(name.utf8.count) characters: a namespace has at most 63" }
        let misfit = name.unicodeScalars.first { !isLowerAlphanumeric($0) && $0 != "-" }
        if let misfit {
            let reason = ("A"..."Z").contains(misfit) ? "upper-case letters" : String(misfit).quotedForMessage
            return "\(shown) has \(reason): a namespace has only lower-case letters, digits and \"-\""
        }
        if name.hasPrefix("-") || name.hasSuffix("-") {
            return "\(shown) begins or ends with \"-\": a namespace begins and ends with a letter or digit"
        }
        return nil
    }

    /// RFC 1123 labels separated by dots.
    public static func problem(ofDNSName name: String) -> String? {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isGood = name.utf8.count <= 253 && labels.allSatisfy { problem(ofNamespace: $0.lowercased()) == nil }
        return isGood ? nil : "\(name.quotedForMessage) is not a DNS name"
    }

    /// A Flyte cluster id, which becomes a part of Secret keys and file names.
    public static func problem(ofClusterName name: String) -> String? {
        token(name, limit: 63) ? nil : "\(name.quotedForMessage) is not a cluster id: " + tokenRule(63)
    }

    /// An execution label. Flyte has no rule for it. This one keeps it usable as a YAML key and as a Kubernetes label
    /// value.
    public static func problem(ofLabel label: String) -> String? {
        token(label, limit: 63) ? nil : "\(label.quotedForMessage) is not a label: " + tokenRule(63)
    }

    private static func tokenRule(_ limit: Int) -> String {
        "letters, digits, \"-\", \"_\" and \".\", at most \(limit), beginning and ending with a letter or digit"
    }
    private static func token(_ text: String, limit: Int) -> Bool {
        let scalars = text.unicodeScalars
        guard let first = scalars.first, let last = scalars.last, text.utf8.count <= limit else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && scalars.allSatisfy { isAlphanumeric($0) || $0 == "-" || $0 == "_" || $0 == "." }
    }
    private static func isLowerAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
    }
    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        isLowerAlphanumeric(scalar) || ("A"..."Z").contains(scalar)
    }
}

/// Rules for URLs. No message repeats the URL, since somebody may have put a password into it.
public enum URLRules {
    struct Parts: Equatable {
        var scheme: String
        var host: String
        /// Nil if the URL has no port.
        var port: UInt16?
    }

    /// The parts of a URL that follows the rules. Nil for any other URL.
    static func parts(of url: String) -> Parts? { try? parse(url).get() }

    /// `scheme://host[:port][/path]`: no user, query or fragment.
    public static func problem(of url: String, schemes: [String]) -> String? {
        switch parse(url) {
        case .failure(let problem): problem.text
        case .success(let parts):
            schemes.contains(parts.scheme)
                ? nil : "must begin with " + schemes.map { $0 + "://" }.joined(separator: " or ")
        }
    }

    /// https anywhere, http for a loopback or in-cluster name.
    public static func problem(ofFlyteAdmin url: String) -> String? {
        switch parse(url) {
        case .failure(let problem): return problem.text
        case .success(let parts):
            if parts.scheme == "https" { return nil }
            guard parts.scheme == "http" else { return "must begin with https://" }
            return isLocal(parts.host)
                ? nil : "must begin with https://: http is only for loopback and in-cluster names"
        }
    }

    /// True for loopback, a Service's DNS name, or a name without dots, which only a cluster's search domains resolve.
    static func isLocal(_ host: String) -> Bool {
        if host == "[::1]" || host.hasSuffix(".svc") || host.hasSuffix(".svc.cluster.local") { return true }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        if labels.count == 1 { return !host.hasPrefix("[") && !HostNames.isAddressInDisguise(host) }
        return labels.count == 4 && labels[0] == "127" && labels.allSatisfy { UInt8($0) != nil }
    }

    private struct Problem: Error { var text: String }

    private static func parse(_ url: String) -> Result<Parts, Problem> {
        func refused(_ text: String) -> Result<Parts, Problem> { .failure(Problem(text: text)) }
        if url.isEmpty { return refused("is empty") }
        if url.utf8.count > 2048 { return refused("is longer than 2048 bytes") }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            return refused("has white space or other characters that a URL can't have")
        }
        let colon = url.utf8.firstIndex(of: UInt8(ascii: ":")) ?? url.endIndex
        guard url[colon...].hasPrefix("://") else { return refused("is not a URL: scheme://host:port is expected") }
        let scheme = url[..<colon].lowercased()
        let rest = url[url.index(colon, offsetBy: 3)...]
        if rest.contains("?") || rest.contains("#") { return refused("must have no query and no fragment") }
        let authority = rest.prefix { $0 != "/" }
        if authority.contains("@") { return refused("must have no user name or password in it") }
        if authority.contains("\\") { return refused("has a backslash") }
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return refused("has an open bracket") }
            host = authority[...bracket]
            let address = host.dropFirst().dropLast()
            guard !address.isEmpty, address.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                return refused("has something other than an IPv6 address between its brackets")
            }
            let after = authority[authority.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else {
                return refused("is not a URL: scheme://host:port is expected")
            }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        if let port, (UInt16(port) ?? 0) == 0 || port.hasPrefix("+") { return refused("has an invalid port") }
        if host.isEmpty { return refused("has no host") }
        if !host.hasPrefix("["), NameRules.problem(ofDNSName: String(host)) != nil {
            return refused("has a host that is not a DNS name or address")
        }
        if !host.hasPrefix("["), HostNames.isAddressInDisguise(host) {
            return refused("has a host that is neither a DNS name nor an address with four numbers")
        }
        return .success(Parts(scheme: scheme, host: host.lowercased(), port: port.flatMap { UInt16($0) }))
    }
}
