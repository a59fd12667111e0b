import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The hosts to which the entries of a Secret may be sent, from its annotation `multicluster.flyte.org/hosts`. For
/// example: `flyteadmin.flyte.svc, sso.example.com:8443, [2001:db8::1]:6443`. A host without a port allows all its
/// ports. A part that can't be read allows nothing.
public struct AllowedHosts: Sendable, Hashable {
    public static let annotation = SecretContent.prefix + "hosts"

    private struct Entry: Sendable, Hashable {
        var host: String
        var port: UInt16?
    }
    private var entries: [Entry]

    public init(_ text: String) {
        entries = text.split(separator: ",").prefix(64).compactMap {
            Self.entry(String(decoding: $0.utf8.trimmed(), as: UTF8.self))
        }
    }

    /// - Parameter url: must follow `URLRules`.
    public func allow(_ url: String) -> Bool {
        guard let parts = URLRules.parts(of: url) else { return false }
        let host = Self.canonical(parts.host)
        let port = parts.port ?? (parts.scheme == "http" ? 80 : 443)
        return entries.contains { $0.host == host && ($0.port == nil || $0.port == port) }
    }

    /// Whether a server with that name is allowed, at whatever port.
    func allow(name: String) -> Bool { entries.contains { $0.host == Self.canonical(name) } }

    private static func entry(_ text: String) -> Entry? {
        var (host, port) = (text[...], Substring?.none)
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            host = text[...end]
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { return nil }
                port = rest.dropFirst()
            }
        } else if text.filter({ $0 == ":" }).count == 1, let colon = text.firstIndex(of: ":") {
            (host, port) = (text[..<colon], text[text.index(after: colon)...])
        }
        let name = canonical(String(host))
        guard !name.isEmpty else { return nil }
        guard let port else { return Entry(host: name) }
        guard let number = UInt16(port), number > 0, port.allSatisfy(\.isNumber) else { return nil }
        return Entry(host: name, port: number)
    }

    /// The host in lower case, without brackets and without a final dot. An IPv6 address gets the system's spelling.
    static func canonical(_ host: String) -> String {
        var text = host.lowercased()
        if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
        if text.contains(":") { return canonical(ipv6: text) ?? text }
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    private static func canonical(ipv6 text: String) -> String? {
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        var buffer = [CChar](repeating: 0, count: 64)
        guard inet_ntop(AF_INET6, &address, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension SecretContent {
    /// The hosts to which these two entries may be sent. Nil if nothing limits that.
    ///
    /// `hosts.<cluster>` holds for the entries of that cluster, and `hosts` for entries without one of their own. Keys
    /// with other names are the only entries of their Secret, so each `hosts.…` is about them.
    public func hosts(for keys: CredentialsKeys) -> AllowedHosts? {
        let prefix = AllowedHosts.annotation + "."
        if let cluster = keys.cluster, let own = annotations[prefix + cluster] { return AllowedHosts(own) }
        if let all = annotations[AllowedHosts.annotation] { return AllowedHosts(all) }
        guard keys.cluster == nil else { return nil }
        let some = annotations.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }.map(\.value)
        return some.isEmpty ? nil : AllowedHosts(some.joined(separator: ","))
    }

    /// The annotation in which a missing host belongs: `hosts.<cluster>` if that is the one that counts.
    func hostsAnnotation(for keys: CredentialsKeys) -> String {
        guard let cluster = keys.cluster else { return AllowedHosts.annotation }
        let own = "\(AllowedHosts.annotation).\(cluster)"
        return annotations[own] == nil ? AllowedHosts.annotation : own
    }
}
