import Support

/// The content of a certificate. Nil dates become "five minutes ago" and "in a year", so that hosts whose clocks differ
/// a little accept it.
public struct CertificateRequest: Sendable, Hashable {
    public enum Usage: Sendable, Hashable { case server, client }

    public var commonName: String
    /// For a client certificate: the groups that a Kubernetes API server reads out of it.
    public var organizations: [String]
    public var dnsNames: [String]
    /// IPv4 or IPv6, as text.
    public var ipAddresses: [String]
    public var notBefore: Instant?
    public var notAfter: Instant?
    public var usage: Usage

    public init(
        commonName: String, organizations: [String] = [], dnsNames: [String] = [], ipAddresses: [String] = [],
        notBefore: Instant? = nil, notAfter: Instant? = nil, usage: Usage
    ) {
        self.commonName = commonName
        self.organizations = organizations
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.usage = usage
    }
}

/// A certificate with its key. Private keys are plain text here, since these are throw-away identities of tests and
/// demos.
public struct IssuedCertificate: Sendable, Hashable {
    public var certificatePEM: String
    public var privateKeyPEM: String
}

/// Why a certificate could not be made.
public enum PKIError: Error, Hashable, CustomStringConvertible {
    case notAnIPAddress(String)
    case malformedAuthority(String)
    case signingFailed(String)

    public var description: String {
        switch self {
        case .notAnIPAddress(let text): "\"\(text)\" is not an IP address"
        case .malformedAuthority(let detail): "the certificate authority can't be read: \(detail)"
        case .signingFailed(let detail): "the certificate could not be made: \(detail)"
        }
    }
}
