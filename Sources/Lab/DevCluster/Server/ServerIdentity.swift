import Crypto
import DevPKI
import NIOSSL
import Support

/// A fault of a server's certificate.
public enum CertificateFault: String, Sendable, Hashable, CaseIterable {
    /// It expired yesterday.
    case expired
    /// It is for another host's name and address.
    case wrongName = "wrong-name"
    /// It is from an authority that no kubeconfig trusts.
    case foreignCA = "foreign-ca"
}

/// A server's certificate authority, and the TLS settings from its current certificate.
///
/// The authority also verifies client certificates. New connections use the newest settings; open ones keep theirs, as
/// with the real server.
final class ServerIdentity: Sendable {
    private struct State {
        var authority: CertificateAuthority
        /// It is made at the first connection, since most servers of a fleet wait long for theirs.
        var context: NIOSSLContext?
        var fault: CertificateFault?
        var httpVersions: [String]
    }
    private let name: String
    private let state: Locked<State>

    init(name: String, httpVersions: [String]) throws(PKIError) {
        self.name = name
        state = Locked(
            State(authority: try CertificateAuthority(commonName: "\(name)-ca"), httpVersions: httpVersions))
    }

    var authority: CertificateAuthority { state.withLock { $0.authority } }
    var hasFault: Bool { state.withLock { $0.fault != nil } }

    /// A new certificate from the same authority or, with `newAuthority`, from a new one of the same name.
    func rotate(newAuthority: Bool, fault: CertificateFault?) throws(PKIError) {
        let authority = newAuthority ? try CertificateAuthority(commonName: "\(name)-ca") : nil
        state.withLock { state in
            if let authority { state.authority = authority }
            state.fault = fault
            state.context = nil
        }
    }

    func context() throws -> NIOSSLContext {
        if let context = state.withLock({ $0.context }) { return context }
        let (authority, fault, httpVersions) = state.withLock { ($0.authority, $0.fault, $0.httpVersions) }
        let context = try Self.makeContext(authority: authority, fault: fault, httpVersions: httpVersions)
        state.withLock { $0.context = context }
        return context
    }

    private static func makeContext(
        authority: CertificateAuthority, fault: CertificateFault?, httpVersions: [String]
    ) throws -> NIOSSLContext {
        var request = CertificateRequest(
            commonName: "kube-apiserver",
            dnsNames: ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"],
            ipAddresses: ["127.0.0.1", "10.96.0.1"], usage: .server)
        var issuer = authority
        switch fault {
        case nil: break
        case .expired:
            request.notBefore = WallClock.system.now + -2 * 86_400
            request.notAfter = WallClock.system.now + -86_400
        case .wrongName:
            request.dnsNames = ["other.example"]
            request.ipAddresses = ["192.0.2.1"]
        case .foreignCA:
            issuer = try CertificateAuthority(commonName: "foreign-ca")
        }
        let issued = try issuer.issue(request)
        var configuration = NIOSSL.TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(issued.certificatePEM.utf8)).map {
                .certificate($0)
            },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(issued.privateKeyPEM.utf8), format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = httpVersions
        // Ask for a client certificate and verify it later, so that a bad one gets 401 and not a failed handshake.
        configuration.certificateVerification = .optionalVerification
        return try NIOSSLContext(configuration: configuration)
    }
}
