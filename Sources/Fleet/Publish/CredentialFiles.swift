/// Which entries of `cluster-credentials` flyteadmin can start with: it has each of them as a file.
public struct CredentialFiles: Sendable, Hashable {
    /// All that are there. flyteadmin needs a token's file to be there, whatever is in it.
    public var names: Set<String>
    /// Those with a certificate in them that Go's parser finds: with a `certPath` that has none flyteadmin does not start.
    public var certificates: Set<String>

    public init(names: Set<String> = [], certificates: Set<String> = []) {
        self.names = names
        self.certificates = certificates
    }

    /// - Parameter secret: nil where it does not exist.
    public init(_ secret: SecretContent?) {
        self.init()
        guard let secret else { return }
        names = Set(secret.entries.keys)
        certificates = names.filter { name in
            // Tokens are not parsed as certificates for nothing.
            !name.hasSuffix("_token") && ((try? secret.bundle(name).get())?.isReadByGo ?? false)
        }
    }

    func canStart(tokenPath: String, certPath: String) -> Bool {
        names.contains(Self.name(tokenPath)) && certificates.contains(Self.name(certPath))
    }

    /// The file to name where a cluster's own are away: its own certificates, else those of any cluster.
    func certificate(insteadOf certPath: String) -> String? {
        let own = Self.name(certPath)
        if certificates.contains(own) { return own }
        return certificates.min { (($0.hasSuffix("_cacert") ? 0 : 1), $0) < (($1.hasSuffix("_cacert") ? 0 : 1), $1) }
    }

    static func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
    static func folder(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
}

extension ClustersConfiguration.Cluster {
    /// Whether both its paths name certificates: flyteadmin starts with it, and sends no token there.
    public var isClosed: Bool {
        guard case .remote(_, let tokenPath, let certPath) = access else { return false }
        return tokenPath == certPath
    }
}
