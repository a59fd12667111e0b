import Support

/// What all requests of one `HTTPClient` have in common. Two equal configurations may share a client; a changed CA,
/// certificate or proxy needs another one.
public struct HTTPClientConfiguration: Sendable, Hashable {
    public var tls: TLSConfiguration
    /// `http://host:port`, `https://…` (its certificate is held to the system's store, not to `tls`) or `socks5h://…`.
    /// Nil: no proxy; environment variables are never read.
    public var proxyURL: String?
    public var userAgent: String
    /// The most connections at a time for whole exchanges (`send`), and again for streams (`open`): the two never
    /// share one, so that no request waits behind a stream whose reader is slow. Over HTTP/2 one of each is the rule.
    public var maximumConnections: Int
    /// Permits `http://` URLs: for loopback and in-cluster names only, the caller sees to it.
    public var allowsPlainHTTP: Bool
    /// HTTP/2 where the server offers it (ALPN); false keeps to HTTP/1.1.
    public var prefersHTTP2: Bool
    /// For tests: names' addresses, in the form that CURLOPT_RESOLVE takes.
    var addresses: [String] = []

    public init(
        tls: TLSConfiguration = TLSConfiguration(), proxyURL: String? = nil, userAgent: String = "squadron",
        maximumConnections: Int = 16, allowsPlainHTTP: Bool = false, prefersHTTP2: Bool = true
    ) {
        self.tls = tls
        self.proxyURL = proxyURL
        self.userAgent = userAgent
        self.maximumConnections = maximumConnections
        self.allowsPlainHTTP = allowsPlainHTTP
        self.prefersHTTP2 = prefersHTTP2
    }
}

/// Whom to trust and who we are. There is no insecure mode: TLS 1.2 or newer, chain and name always verified.
public struct TLSConfiguration: Sendable, Hashable {
    /// PEM. When given, nothing else is trusted, the system's store included; nil trusts the system's store.
    public var caCertificates: [UInt8]?
    /// PEM, leaf first.
    public var clientCertificate: [UInt8]?
    /// PEM.
    public var clientKey: Sensitive?
    /// The name for SNI and verification where it isn't the URL's host. The `Host` header stays the URL's.
    public var serverName: String?

    public init(
        caCertificates: [UInt8]? = nil, clientCertificate: [UInt8]? = nil, clientKey: Sensitive? = nil,
        serverName: String? = nil
    ) {
        self.caCertificates = caCertificates
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
        self.serverName = serverName
    }
}
