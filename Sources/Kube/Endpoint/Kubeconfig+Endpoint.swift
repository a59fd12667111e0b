import HTTP
import JSON
import KubeObjects
import Support

extension Kubeconfig {
    /// The endpoint of a context, by default of the current one. The files that it names are read now, except a
    /// `tokenFile`, which is read when it is needed. A user with a credential plugin (`exec`) is refused.
    public func endpoint(context name: String? = nil) throws(EndpointFailure) -> ClusterEndpoint {
        let (context, cluster, user) = try entries(name)
        try user?.refuse(Entry.unsupported + ["exec"])
        return try endpoint(context, cluster, user)
    }

    /// The same for a command that a person runs: a user's credential plugin is run now, and again when its token ends.
    /// As in kubectl, a token or certificate beside `exec` is used instead of the plugin.
    public func endpoint(
        context name: String? = nil, plugins: ExecPlugins
    ) async throws(EndpointFailure) -> ClusterEndpoint {
        let (context, cluster, user) = try entries(name)
        try user?.refuse(Entry.unsupported)
        var endpoint = try endpoint(context, cluster, user)
        guard let user, let exec = try ExecSpec(user, cluster: cluster) else { return endpoint }
        guard endpoint.authorization is NoAuthorization, endpoint.tls.clientCertificate == nil else { return endpoint }
        let first: ExecCredential
        do throws(CredentialsFailure) {
            first = try await plugins.credential(exec)
        } catch {
            throw EndpointFailure(message: error.message, isOfPlugin: true)
        }
        if let certificate = first.clientCertificate {
            (endpoint.tls.clientCertificate, endpoint.tls.clientKey) = (certificate, first.clientKey)
        }
        endpoint.authorization = ExecAuthorization(exec, plugins, first: first)
        return endpoint
    }

    private func endpoint(_ context: Entry, _ cluster: Entry, _ user: Entry?) throws(EndpointFailure) -> ClusterEndpoint
    {
        var tls = try cluster.serverTLS()
        if let user { (tls.clientCertificate, tls.clientKey) = try user.clientCertificate() }
        let proxy = try cluster.proxy()
        var endpoint = ClusterEndpoint(
            server: try cluster.server(), tls: tls, proxyURL: proxy?.url,
            authorization: try user?.authorization() ?? NoAuthorization(), namespace: try context.string("namespace"))
        endpoint.proxyLogin = proxy?.login
        return endpoint
    }

    private func entries(_ name: String?) throws(EndpointFailure) -> (context: Entry, cluster: Entry, user: Entry?) {
        guard let name = name ?? currentContext else {
            throw EndpointFailure(file: contexts.first?.file, path: "current-context", message: "is not set")
        }
        guard let context = contexts.first(where: { $0.name == name }) else {
            let known = contextNames.isEmpty ? "there are none" : "there are \(contextNames.joined(separator: ", "))"
            throw EndpointFailure(file: contexts.first?.file, path: "contexts", message: "no context \(name): \(known)")
        }
        let cluster = try referred(context, "cluster", in: clusters)
        let user = try context.string("user").map { _ throws(EndpointFailure) in
            try referred(context, "user", in: users)
        }
        return (context, cluster, user)
    }

    private func referred(_ context: Entry, _ field: String, in entries: [Entry]) throws(EndpointFailure) -> Entry {
        guard let name = try context.string(field) else { throw context.failure(field, "is missing") }
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw context.failure(field, "there is no \(field) \(name)")
        }
        return entry
    }
}

extension Kubeconfig.Entry {
    /// Nil for what is missing or empty: kubectl treats both alike.
    func string(_ field: String) throws(EndpointFailure) -> String? {
        switch content[field] {
        case nil, .null: return nil
        case .string(let text): return text.nonEmpty
        case _?: throw failure(field, "is not a string")
        }
    }

    /// `FIELD-data` in base64, or the file that `FIELD` names, relative to the kubeconfig's folder.
    func bytes(_ field: String) throws(EndpointFailure) -> [UInt8]? {
        let dataField = "\(field)-data"
        if let data = try string(dataField) {
            guard let bytes = Base64.decode(data), !bytes.isEmpty else { throw failure(dataField, "is not base64") }
            return bytes
        }
        guard let file = try string(field) else { return nil }
        do {
            return try FileContents.read(absolute(file), limit: 1 << 20)
        } catch {
            throw failure(field, error.description)
        }
    }

    func absolute(_ file: String) -> String { file.hasPrefix("/") ? file : "\(folder)/\(file)" }

    // MARK: A cluster

    func server() throws(EndpointFailure) -> String {
        guard let server = try string("server") else { throw failure("server", "is missing") }
        guard server.lowercased().hasPrefix("https://") else { throw failure("server", "must start with https://") }
        // The message does not repeat the URL: it may contain a password.
        guard !server.dropFirst(8).prefix(while: { $0 != "/" }).contains("@") else {
            throw failure("server", "must have no user name or password in it")
        }
        return server.withoutSlashesAtTheEnd
    }

    /// As in Go, the proxy resolves the server's name, whatever the scheme. For libcurl that is `socks5h`, the second
    /// of its two schemes for SOCKS5.
    func proxy() throws(EndpointFailure) -> (url: String, login: ProxyLogin?)? {
        guard let url = try string("proxy-url") else { return nil }
        let schemes = ["http", "https", "socks5", "socks5h"]
        let colon = url.firstIndex(of: ":") ?? url.endIndex
        let scheme = url[..<colon].lowercased()
        // The message does not repeat the URL: it may contain a password.
        guard url[colon...].hasPrefix("://"), schemes.contains(scheme) else {
            throw failure("proxy-url", "must begin with " + schemes.map { $0 + "://" }.joined(separator: " or "))
        }
        // The part before the last "@" of the authority must never be shown, so this removes it from the URL.
        var rest = url[colon...].dropFirst(3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var login: ProxyLogin?
        if let at = authority.lastIndex(of: "@") {
            login = try proxyLogin(authority[..<at])
            rest = rest[rest.index(after: at)...]
        }
        // A "/" in a password ends the authority. The rest would then hold a part of the password, and libcurl would
        // show it.
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        let isPlain = rest.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || "-._:[]".utf8.contains(byte)
        }
        guard isPlain, !rest.isEmpty else {
            throw failure(
                "proxy-url", "is not scheme://user:password@host:port (a password with / or @ is percent-encoded)")
        }
        return ("\(scheme == "socks5" ? "socks5h" : scheme)://\(rest)", login)
    }

    private func proxyLogin(_ text: Substring) throws(EndpointFailure) -> ProxyLogin {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let decoded = parts.map { Substring($0).utf8.percentDecoded }
        guard let user = decoded.first ?? nil, let password = decoded.count > 1 ? decoded[1] : [] else {
            throw failure("proxy-url", "has a user name or password with a % that begins no two hexadecimal digits")
        }
        return ProxyLogin(user: Sensitive(user), password: Sensitive(password))
    }

    func serverTLS() throws(EndpointFailure) -> TLSConfiguration {
        switch content["insecure-skip-tls-verify"] {
        case nil, .null, false: break
        case true:
            throw failure("insecure-skip-tls-verify", "Squadron has no insecure mode; give a certificate-authority")
        case _?: throw failure("insecure-skip-tls-verify", "is neither true nor false")
        }
        return TLSConfiguration(
            caCertificates: try bytes("certificate-authority"), serverName: try string("tls-server-name"))
    }

    // MARK: A user

    /// Fields that Squadron would have to ignore: the server would then see another user than the one asked for.
    static let unsupported = ["auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra"]

    func refuse(_ fields: [String]) throws(EndpointFailure) {
        for field in fields {
            switch content[field] {
            case nil, .null, "", [], [:]: continue
            case _?: throw failure(field, "is not supported; use token, tokenFile or a client certificate")
            }
        }
    }

    func clientCertificate() throws(EndpointFailure) -> ([UInt8]?, Sensitive?) {
        let certificate = try bytes("client-certificate")
        let key = try bytes("client-key")
        if certificate != nil, key == nil { throw failure("client-key", "is missing beside client-certificate") }
        if certificate == nil, key != nil { throw failure("client-certificate", "is missing beside client-key") }
        return (certificate, key.map { Sensitive($0) })
    }

    /// If the user has both kinds of token, the file is used, as in kubectl: something keeps it fresh.
    func authorization() throws(EndpointFailure) -> any Authorization {
        if let file = try string("tokenFile") {
            let token = TokenFile(path: absolute(file))
            do { _ = try token.bearerToken() } catch { throw failure("tokenFile", error.message) }
            return token
        }
        guard let token = try string("token") else { return NoAuthorization() }
        do {
            return StaticToken(try BearerToken.check(Array(token.utf8)))
        } catch {
            throw failure("token", error.message)
        }
    }
}
