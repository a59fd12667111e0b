import DevPKI
import FoundationEssentials
import Support

/// A temporary folder with keys, certificates, etcd's data and the programs' logs.
final class ClusterFolder: Sendable {
    let path: String
    let authority: CertificateAuthority
    /// Signs the tokens of ServiceAccounts.
    let serviceAccountKeyPEM: String

    init(adminToken: String) throws(RealClusterError) {
        path = FileManager.default.temporaryDirectory.path() + "/squadron-real-\(UUID().uuidString.lowercased())"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            authority = try CertificateAuthority(commonName: "real-cluster")
            let server = try authority.issue(
                CertificateRequest(
                    commonName: "kube-apiserver",
                    dnsNames: ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"],
                    ipAddresses: ["127.0.0.1", "10.0.0.1"], usage: .server))
            // Only its key pair is used. The certificate brings the public key to the server.
            let accounts = try authority.issue(CertificateRequest(commonName: "service-accounts", usage: .client))
            serviceAccountKeyPEM = accounts.privateKeyPEM
            try write("ca.crt", authority.certificatePEM)
            try write("server.crt", server.certificatePEM)
            try write("server.key", server.privateKeyPEM)
            try write("service-account.crt", accounts.certificatePEM)
            try write("service-account.key", accounts.privateKeyPEM)
            try write("tokens.csv", "\(adminToken),admin,admin,system:masters\n")
        } catch let error as RealClusterError {
            throw error
        } catch {
            throw .failed("\(error)")
        }
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ name: String, _ text: String) throws(RealClusterError) -> String {
        guard
            FileManager.default.createFile(
                atPath: path(name), contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw .failed("can't write \(path(name))") }
        return path(name)
    }

    func removeData() { try? FileManager.default.removeItem(atPath: path("etcd")) }
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    func kubeconfig(name: String, url: String, token: String) -> String {
        """
        apiVersion: v1
        kind: Config
        clusters:
        - name: "\(name)"
          cluster:
            server: \(url)
            certificate-authority-data: \(Data(authority.certificatePEM.utf8).base64EncodedString())
        contexts:
        - name: "\(name)"
          context:
            cluster: "\(name)"
            user: "\(name)-user"
        current-context: "\(name)"
        users:
        - name: "\(name)-user"
          user:
            token: \(token)

        """
    }
}
