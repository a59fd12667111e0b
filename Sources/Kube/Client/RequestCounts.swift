import Support

/// Counts the requests to API servers as client-go's `rest_client_requests_total` does: by host, method and code.
///
/// The counts of a host go when the last client of that host goes. They stay few whatever a server answers: a code that
/// API servers don't send counts as its class (`4xx`).
public final class RequestCounts: Sendable {
    public struct Series: Sendable, Hashable {
        /// `GET`, `PATCH`, …
        public var method: String
        /// `200`, or `<error>` if there was no answer.
        public var code: String
    }
    /// The counts of one host. A client holds it.
    public final class Host: Sendable {
        /// Without credentials and path: `dp1.example.com:6443`.
        public let name: String
        private let counts: Locked<[Series: UInt64]>

        fileprivate init(_ name: String) {
            self.name = name
            // The requests that every server gets have a count from the start.
            var counts: [Series: UInt64] = [:]
            for method in ["GET", "PATCH", "POST"] {
                for code in ["200", "<error>"] { counts[Series(method: method, code: code)] = 0 }
            }
            self.counts = Locked(counts)
        }

        /// - Parameter code: nil if there was no answer.
        func count(_ method: String, _ code: Int?) {
            let series = Series(method: method, code: code.map(Self.label) ?? "<error>")
            counts.withLock { $0[series, default: 0] += 1 }
        }

        public var all: [Series: UInt64] { counts.withLock { $0 } }

        private static func label(_ code: Int) -> String {
            if known.contains(code) { return String(code) }
            return (100..<600).contains(code) ? "\(code / 100)xx" : "other"
        }
        private static let known: Set<Int> = [
            200, 201, 202, 400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504,
        ]
    }

    private struct Entry: Sendable { weak var host: Host? }
    private let hosts = Locked<[String: Entry]>([:])

    public init() {}

    /// The counts of that server's host. Clients of one host share them.
    public func host(ofServer server: String) -> Host {
        let name = Self.host(server)
        return hosts.withLock { hosts in
            if let host = hosts[name]?.host { return host }
            let host = Host(name)
            hosts = hosts.filter { $0.value.host != nil }
            hosts[name] = Entry(host: host)
            return host
        }
    }

    /// In the order of their names.
    public var all: [Host] {
        hosts.withLock { $0.values.compactMap(\.host) }.sorted { $0.name < $1.name }
    }

    /// `https://user@dp1:6443/k8s/clusters/c-1` → `dp1:6443`.
    static func host(_ server: String) -> String {
        let parts = server.split(separator: "/", maxSplits: 2)
        var rest = (parts.first?.hasSuffix(":") == true ? parts.dropFirst().first : parts.first) ?? ""
        rest = rest.prefix { !"?#".contains($0) }
        if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        return String(rest.prefix(253))
    }
}
