/// Where to listen: `host:port`, an IPv6 address in brackets.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// Empty: all addresses of this machine, those of IPv6 too.
    public var host: String
    /// 0: any that is free.
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Nil where the text is something else.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(where: { ":[]".contains($0) }) {
            // Without brackets nobody can tell where the address ends.
            return nil
        }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// What to bind to, in this order, until one can be had. `::` takes IPv4 too; a machine without IPv6 lacks it.
    var hosts: [String] { host.isEmpty ? ["::", "0.0.0.0"] : [host] }

    /// The same address where it is one of this machine's own loopback, which no other machine can reach; nil for any other.
    /// `localhost` is not looked up: it is 127.0.0.1.
    public var loopback: ListenAddress? {
        if host == "localhost" { return ListenAddress(host: "127.0.0.1", port: port) }
        if host == "::1" { return self }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            part.count <= 3 && part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
        }
        return parts.count == 4 && parts[0] == "127" && isPlain ? self : nil
    }
}
