/// An address to listen on: `host:port`, with an IPv6 address in brackets.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// Empty for all addresses of this machine, also those of IPv6.
    public var host: String
    /// 0 for any free port.
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Nil if the text is not an address.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(where: { ":[]".contains($0) }) {
            // Without brackets it is not clear where the address ends.
            return nil
        }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The addresses to bind to, in this order, until one works. `::` includes IPv4, but a machine without IPv6 lacks
    /// it.
    var hosts: [String] { host.isEmpty ? ["::", "0.0.0.0"] : [host] }

    /// The same address if it is a loopback address, which no other machine can reach. Nil for any other. `localhost`
    /// is not looked up: it means 127.0.0.1.
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
