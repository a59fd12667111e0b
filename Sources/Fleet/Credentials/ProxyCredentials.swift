import Support

/// The login for a data plane's proxy, from the Secret in `connection.proxyCredentialsRef`.
public struct ProxyCredentials: Sendable, Hashable {
    public var user: Sensitive
    public var password: Sensitive

    public struct Problem: Error, Sendable, Hashable {
        public var reason: CredentialsReason
        public var message: String
    }

    /// - Parameter content: nil if the Secret does not exist.
    public static func read(
        _ reference: KeyReference, in content: SecretContent?, for proxyURL: String
    ) -> Result<ProxyCredentials, Problem> {
        func refused(_ reason: CredentialsReason, _ text: String) -> Result<ProxyCredentials, Problem> {
            .failure(Problem(reason: reason, message: "proxyCredentialsRef: \(text); nothing is sent"))
        }
        let place = "Secret \(reference.name)"
        if let problem = SecretRules.problem(content, named: reference.name, as: .proxy) {
            return refused(.sourceNotAllowed, problem)
        }
        guard let content else { return refused(.secretNotFound, "\(place) does not exist") }
        guard content.annotations[AllowedHosts.annotation].map({ AllowedHosts($0).allow(proxyURL) }) ?? false else {
            return refused(
                .hostNotAllowed, "the proxy's host is not in the annotation \(AllowedHosts.annotation) of \(place)")
        }
        guard let entry = content[reference.key] else {
            return refused(.secretNotFound, "\(place) has no key \(reference.key)")
        }
        let credentials = entry.withBytes { bytes -> ProxyCredentials? in
            let text = bytes.trimmed()
            guard text.count <= 4096, text.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
                let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > text.startIndex
            else { return nil }
            return ProxyCredentials(
                user: Sensitive(text[..<colon]), password: Sensitive(text[text.index(after: colon)...]))
        }
        guard let credentials else {
            return refused(.tokenMalformed, "the entry \(reference.key) of \(place) is not user:password")
        }
        return .success(credentials)
    }
}
