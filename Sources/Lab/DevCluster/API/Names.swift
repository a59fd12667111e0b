import JSON

/// The forms of names, labels and keys, with the real server's words for what is wrong.
enum Names {
    private static let subdomain =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
        + "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    private static let label =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
        + "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    private static let label1035 =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and "
        + "end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
        + "'[a-z]([-a-z0-9]*[a-z0-9])?')"
    private static let qualified =
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
        + "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    private static let labelValue =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
        + "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    private static let configKey =
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
        + "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

    private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerAlphanumeric(byte) || byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
    }
    private static func isLabel(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, isLowerAlphanumeric(first) else { return false }
        var last = first
        for byte in bytes {
            guard isLowerAlphanumeric(byte) || byte == UInt8(ascii: "-") else { return false }
            last = byte
        }
        return isLowerAlphanumeric(last)
    }
    private static func tooLong(_ limit: Int) -> String { "must be no more than \(limit) bytes" }

    static func subdomainProblems(_ name: String) -> [String] {
        var problems: [String] = []
        if name.utf8.count > 253 { problems.append(tooLong(253)) }
        let parts = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if !parts.allSatisfy({ isLabel($0) }) { problems.append(subdomain) }
        return problems
    }
    static func labelProblems(_ name: String) -> [String] {
        var problems: [String] = []
        if name.utf8.count > 63 { problems.append(tooLong(63)) }
        if !isLabel(name.utf8) { problems.append(label) }
        return problems
    }
    static func label1035Problems(_ name: String) -> [String] {
        var problems: [String] = []
        if name.utf8.count > 63 { problems.append(tooLong(63)) }
        if !isLabel(name.utf8) || name.utf8.first.map({ $0 <= UInt8(ascii: "9") }) ?? true {
            problems.append(label1035)
        }
        return problems
    }
    /// Names of RBAC objects may be anything that can stand in a path.
    static func pathSegmentProblems(_ name: String) -> [String] {
        if name == "." || name == ".." { return ["may not be '\(name)'"] }
        var problems: [String] = []
        for character in ["/", "%"] where name.contains(character) { problems.append("may not contain '\(character)'") }
        return problems
    }

    private static func isQualifiedPart(_ name: some Collection<UInt8>) -> Bool {
        guard let first = name.first, isAlphanumeric(first) else { return false }
        var last = first
        for byte in name {
            guard
                isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: ".")
            else { return false }
            last = byte
        }
        return isAlphanumeric(last)
    }

    /// A label key, an annotation key in lower case, a finalizer.
    static func qualifiedNameProblem(_ key: String) -> String? { qualifiedNameProblems(key).first }

    static func qualifiedNameProblems(_ key: String) -> [String] {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        var problems: [String] = []
        let name: Substring
        switch parts.count {
        case 1: name = parts[0]
        case 2:
            if parts[0].isEmpty {
                problems.append("prefix part must be non-empty")
            } else {
                problems += subdomainProblems(String(parts[0])).map { "prefix part " + $0 }
            }
            name = parts[1]
        default:
            return [
                "a qualified name \(qualified) with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ]
        }
        if name.isEmpty {
            problems.append("name part must be non-empty")
        } else if name.utf8.count > 63 {
            problems.append("name part " + tooLong(63))
        }
        if !isQualifiedPart(name.utf8) { problems.append("name part " + qualified) }
        return problems
    }

    static func labelValueProblem(_ value: String) -> String? {
        if value.utf8.count > 63 { return tooLong(63) }
        return value.isEmpty || isQualifiedPart(value.utf8) ? nil : labelValue
    }

    /// A key of a ConfigMap or Secret.
    static func configKeyProblems(_ key: String) -> [String] {
        var problems: [String] = []
        if key.utf8.count > 253 { problems.append(tooLong(253)) }
        let isGood =
            !key.isEmpty
            && key.utf8.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
            }
        if !isGood {
            problems.append(configKey)
        } else if key == "." {
            problems.append("must not be '.'")
        } else if key == ".." {
            problems.append("must not be '..'")
        } else if key.hasPrefix("..") {
            problems.append("must not start with '..'")
        }
        return problems
    }

    /// `generateName` with five characters from which no words can form.
    static func generate(_ prefix: String) -> String {
        let characters = Array("bcdfghjklmnpqrstvwxz2456789")
        let suffix = String((0..<5).map { _ in characters[Int.random(in: 0..<characters.count)] })
        return String(decoding: Array(prefix.utf8.prefix(58)), as: UTF8.self) + suffix
    }
}
