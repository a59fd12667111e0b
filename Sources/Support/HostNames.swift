/// Host names that an address parser could take for addresses.
public enum HostNames {
    /// Whether a resolver may read this as an IPv4 address although it does not look like one: `2130706433`,
    /// `0x7f000001`, `127.1`, `0177.0.0.1`. Such a name could bypass a rule about loopback or in-cluster names.
    ///
    /// As in the URL standard, a name that ends in a number is an address. People can only read the form with four
    /// decimal numbers.
    public static func isAddressInDisguise(_ host: some StringProtocol) -> Bool {
        let bytes = Array(host.utf8)
        var labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        guard let last = labels.last, isNumber(last) else { return false }
        let isEndless = bytes.last == UInt8(ascii: ".")
        return isEndless || labels.count != 4 || !labels.allSatisfy(isByte)
    }

    private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
        if label.starts(with: [UInt8(ascii: "0"), UInt8(ascii: "x")]) || label.starts(with: Array("0X".utf8)) {
            return true
        }
        return !label.isEmpty && label.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isByte(_ label: ArraySlice<UInt8>) -> Bool {
        guard (1...3).contains(label.count), label.count == 1 || label.first != UInt8(ascii: "0") else { return false }
        var number = 0
        for digit in label {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return false }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number < 256
    }
}
