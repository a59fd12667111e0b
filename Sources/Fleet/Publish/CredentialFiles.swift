/// The entries of `cluster-credentials` with which flyteadmin can start. It has each of them as a file.
public struct CredentialFiles: Sendable, Hashable {
    /// All existing entries. flyteadmin only needs a token's file to exist, whatever it contains.
    public var names: Set<String>
    /// The entries in which Go's parser finds a certificate. With a `certPath` without one, flyteadmin does not start.
    public var certificates: Set<String>

    public init(names: Set<String> = [], certificates: Set<String> = []) {
        self.names = names
        self.certificates = certificates
    }

    /// - Parameter secret: nil if it does not exist.
    public init(_ secret: SecretContent?) {
        self.init()
        guard let secret else { return }
        names = Set(secret.entries.keys)
        certificates = names.filter { name in
            // Saves the useless attempt to parse tokens as certificates.
            !name.hasSuffix("_token") && ((try? secret.bundle(name).get())?.isReadByGo ?? false)
        }
    }

    func canStart(tokenPath: String, certPath: String) -> Bool {
        names.contains(Self.name(tokenPath)) && certificates.contains(Self.name(certPath))
    }

    /// Whether the entry is there, and Go's parser finds no certificate in it.
    func isUnreadable(_ certPath: String) -> Bool {
        let name = Self.name(certPath)
        return names.contains(name) && !certificates.contains(name)
    }

    /// The file to name while a cluster's own files are away: its own certificates, or else those of any cluster.
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
    /// Whether both paths name certificates. flyteadmin then starts, and sends no token to the cluster.
    public var isClosed: Bool {
        guard case .remote(_, let tokenPath, let certPath) = access else { return false }
        return tokenPath == certPath
    }
}
