/// `format` of strings, as far as apiextensions checks it. Dashes in a format's name don't matter.
enum StringFormat {
    private static let checks: [String: @Sendable (String) -> Bool] = [
        "date": { matches(date, $0) && isDay($0) },
        "datetime": { matches(dateTime, $0) && isDay(String($0.prefix(10))) },
        "duration": { matches(duration, $0) },
        "uri": { URLText($0) != nil },
        "email": { matches(email, $0) },
        "hostname": { matches(hostname, $0) && $0.utf8.count <= 255 },
        "ipv4": { isIPv4($0) },
        "ipv6": { isIPv6($0) },
        "cidr": { isCIDR($0) },
        "mac": { matches(mac, $0) },
        "uuid": { matches(uuid, $0) },
        "uuid3": { matches(uuid, $0) && digit($0, 12) == "3" },
        "uuid4": { matches(uuid, $0) && digit($0, 12) == "4" },
        "uuid5": { matches(uuid, $0) && digit($0, 12) == "5" },
        "byte": { matches(base64, $0) && $0.utf8.count % 4 == 0 },
        "bsonobjectid": { matches(objectID, $0) },
        "hexcolor": { matches(color, $0) },
        "password": { _ in true },
        "k8sshortname": { matches(label, $0) && $0.utf8.count <= 63 },
        "k8slongname": { matches(subdomain, $0) && $0.utf8.count <= 253 },
    ]

    static func isKnown(_ format: String) -> Bool { checks[format.filter { $0 != "-" }] != nil }
    static func isValid(_ text: String, _ format: String) -> Bool {
        checks[format.filter { $0 != "-" }].map { $0(text) } ?? true
    }

    private static let date = regex("^\\d{4}-\\d{2}-\\d{2}$")
    private static let dateTime = regex(
        "^\\d{4}-\\d{2}-\\d{2}[Tt]([01]\\d|2[0-3]):[0-5]\\d:([0-5]\\d|60)(\\.\\d+)?([Zz]|[+-]\\d{2}:?\\d{2})$")
    private static let duration = regex("^[-+]?(0|((\\d+(\\.\\d*)?|\\.\\d+) ?(ns|us|µs|μs|ms|s|m|h|d|w) ?)+)$")
    private static let email = regex("^[^@\\s<>]+@[^@\\s<>]+$")
    private static let hostname = regex(
        "^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?(\\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*$")
    private static let mac = regex("^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}(([:-][0-9a-fA-F]{2}){2})?$")
    private static let uuid = regex("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$")
    private static let base64 = regex("^[A-Za-z0-9+/]*={0,2}$")
    private static let objectID = regex("^[0-9a-fA-F]{24}$")
    private static let color = regex("^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")
    private static let label = regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    private static let subdomain = regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")

    /// The patterns above are fixed and tested, so nil does not occur.
    private static func regex(_ pattern: String) -> LinearRegex? { try? LinearRegex(pattern) }
    private static func matches(_ regex: LinearRegex?, _ text: String) -> Bool { regex?.matches(text) ?? false }

    private static func isDay(_ text: String) -> Bool {
        let parts = text.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, (1...12).contains(parts[1]) else { return false }
        let isLeap = parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...days[parts[1] - 1]).contains(parts[2])
    }

    private static func digit(_ text: String, _ index: Int) -> Character? {
        let digits = Array(text.filter { $0 != "-" })
        return digits.indices.contains(index) ? digits[index] : nil
    }

    static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.count <= 3 && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                    && (part.utf8.count == 1 || !part.hasPrefix("0")) && (Int(part) ?? 256) < 256
            }
    }

    static func isIPv6(_ text: String) -> Bool {
        guard text.contains(":"), text.utf8.count <= 45 else { return false }
        var groups = text.split(separator: ":", omittingEmptySubsequences: false)
        var count = 0
        if let last = groups.last, last.contains(".") {
            guard isIPv4(String(last)) else { return false }
            groups[groups.count - 1] = "0"
            count += 1
        }
        // `::` shows as empty groups: one within the address, two at an end, three if it is the whole address.
        let isShortened = text.contains("::")
        if isShortened, let range = firstDoubleColon(text), firstDoubleColon(String(text[range...].dropFirst())) != nil
        {
            return false
        }
        if !isShortened, groups.contains(where: \.isEmpty) { return false }
        if isShortened {
            if text.hasPrefix(":"), !text.hasPrefix("::") { return false }
            if text.hasSuffix(":"), !text.hasSuffix("::") { return false }
        }
        for group in groups where !group.isEmpty {
            guard group.utf8.count <= 4, UInt16(group, radix: 16) != nil, group.first != "+" else { return false }
            count += 1
        }
        return isShortened ? count < 8 : count == 8
    }

    private static func firstDoubleColon(_ text: String) -> String.Index? {
        var previous: Character = " "
        for index in text.indices {
            if text[index] == ":", previous == ":" { return index }
            previous = text[index]
        }
        return nil
    }

    private static func isCIDR(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let bits = Int(parts[1]), bits >= 0 else { return false }
        let address = String(parts[0])
        return isIPv4(address) && bits <= 32 || isIPv6(address) && bits <= 128
    }
}
