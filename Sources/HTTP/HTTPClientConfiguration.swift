import Support

/// The settings of all requests of one `HTTPClient`. Two equal configurations may share a client. A changed CA,
/// certificate or proxy needs another client.
public struct HTTPClientConfiguration: Sendable, Hashable {
    public var tls: TLSConfiguration
    /// `http://host:port`, `https://…` (the system's store verifies its certificate, not `tls`) or `socks5h://…`. Nil
    /// means no proxy: environment variables are never read.
    public var proxyURL: String?
    /// The login that only the proxy gets.
    public var proxyLogin: ProxyLogin?
    public var userAgent: String
    /// The most connections at a time for whole exchanges (`send`), and the same number again for streams (`open`). The
    /// two never share a connection, so that no request waits behind a stream with a slow reader. Over HTTP/2 there is
    /// usually one of each.
    public var maximumConnections: Int
    /// Permits `http://` URLs. The caller must see to it that they name only loopback and in-cluster hosts.
    public var allowsPlainHTTP: Bool
    /// Uses HTTP/2 where the server offers it (ALPN); false keeps to HTTP/1.1.
    public var prefersHTTP2: Bool
    /// After so long without traffic, a connection with open streams gets an HTTP/2 PING, so that no proxy takes it for
    /// an idle one and cuts it. Nil: none. (Not through a proxy with `https://`, and not over HTTP/1.1.)
    public var keepAlive: Duration? = .seconds(15)
    /// A connection that is older gets no new exchanges, and its streams end in good order. The next connection looks
    /// the name up and verifies the server again.
    public var maximumConnectionAge = Duration.seconds(3_600)
    /// Over HTTP/2 the streams of a connection wait for the slowest of their readers. One that takes nothing for so long
    /// loses its stream.
    public var readerPatience = Duration.seconds(10)
    /// For tests: addresses of names, in the form of CURLOPT_RESOLVE.
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

/// A user of a proxy.
public struct ProxyLogin: Sendable, Hashable {
    public var user: Sensitive
    public var password: Sensitive

    public init(user: Sensitive, password: Sensitive) {
        self.user = user
        self.password = password
    }
}

/// The trusted certificates and our own. There is no insecure mode: TLS is 1.2 or newer, and chain and name are always
/// verified.
public struct TLSConfiguration: Sendable, Hashable {
    /// PEM. Only these certificates are trusted, and not the system's store. Nil trusts the system's store.
    public var caCertificates: [UInt8]?
    /// PEM, leaf first.
    public var clientCertificate: [UInt8]?
    /// PEM.
    public var clientKey: Sensitive?
    /// The name for SNI and verification, if it differs from the URL's host. The `Host` header stays the URL's.
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
