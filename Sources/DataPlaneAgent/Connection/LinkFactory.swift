import Fleet
import HTTP
import Kube
import Support

/// Makes connections to data planes.
package struct LinkFactory: Sendable {
    /// The endpoint of a DataPlane with `inCluster`.
    let controlPlane: ClusterEndpoint
    let mayWrite: @Sendable () -> Bool
    /// Counts the requests of all links.
    let counts: RequestCounts
    /// The budget of each data plane.
    let budget: Budget
    /// How requests name the program.
    let userAgent: String

    package init(
        controlPlane: ClusterEndpoint, mayWrite: @escaping @Sendable () -> Bool, counts: RequestCounts, budget: Budget,
        userAgent: String
    ) {
        self.controlPlane = controlPlane
        self.mayWrite = mayWrite
        self.counts = counts
        self.budget = budget
        self.userAgent = userAgent
    }

    package func link(_ configuration: LinkConfiguration) -> Link {
        let endpoint = endpoint(of: configuration)
        let connection = configuration.connection
        let seconds = connection.keepaliveSeconds
        let transport = Self.transport(
            for: endpoint, userAgent: userAgent, keepAlive: seconds > 0 ? .seconds(seconds) : nil)
        func client(_ options: KubeClient.Options) -> KubeClient {
            KubeClient(
                server: endpoint.server, transport: transport, authorization: endpoint.authorization, options: options)
        }
        let limit = Duration.seconds(connection.timeoutSeconds)
        var options = KubeClient.Options(userAgent: userAgent)
        options.timeouts = HTTPTimeouts(connect: min(limit, .seconds(10)), firstByte: limit, idle: limit, total: limit)
        let isOpen = Locked(false)
        options.mayWrite = { [mayWrite] in mayWrite() && isOpen.withLock { $0 } }
        let counts = counts.host(ofServer: endpoint.server)
        options.counts = counts
        let meter = ServerMeter(budget)
        (options.meter, options.limits) = (meter, meter.budget.answers)
        options.limiter = RequestLimiter(Self.limit(connection))
        let patience = min(limit, .seconds(connection.probeTimeoutSeconds))
        var probing = KubeClient.Options(userAgent: userAgent)
        probing.counts = counts
        // A probe never waits behind writes, and its answers adjust the limiter.
        (probing.limiter, probing.isExempt) = (options.limiter, true)
        (probing.meter, probing.limits) = (meter, meter.budget.answers)
        probing.timeouts = HTTPTimeouts(connect: patience, firstByte: patience, idle: patience, total: patience)
        return Link(configuration, client: client(options), prober: client(probing), mayWrite: isOpen, leads: mayWrite)
    }

    private static func limit(_ connection: Connection) -> RequestLimit {
        guard connection.qps > 0 else { return .followsServer }
        return .fixed(qps: Double(connection.qps), burst: connection.burst > 0 ? connection.burst : 2 * connection.qps)
    }

    private func endpoint(of configuration: LinkConfiguration) -> ClusterEndpoint {
        guard case .url(let server) = configuration.server else { return controlPlane }
        let connection = configuration.connection
        let tls = TLSConfiguration(
            caCertificates: configuration.ca,
            serverName: connection.tlsServerName.isEmpty ? nil : connection.tlsServerName)
        var endpoint = ClusterEndpoint(
            server: server, tls: tls, proxyURL: connection.proxyURL.isEmpty ? nil : connection.proxyURL,
            authorization: Self.authorization(configuration))
        endpoint.proxyLogin = configuration.proxyLogin
        return endpoint
    }

    private static func authorization(_ configuration: LinkConfiguration) -> any Authorization {
        if let source = configuration.source { return source.source }
        return configuration.token.map { StaticToken($0) } ?? NoAuthorization()
    }

    package static func transport(
        for endpoint: ClusterEndpoint, userAgent: String, keepAlive: Duration? = .seconds(15)
    ) -> HTTPClient {
        var transport = HTTPClientConfiguration(tls: endpoint.tls, userAgent: userAgent)
        (transport.proxyURL, transport.proxyLogin) = (endpoint.proxyURL, endpoint.proxyLogin)
        transport.keepAlive = keepAlive
        // More than a data plane has workers, so that a probe over HTTP/1.1 need not wait for a write.
        transport.maximumConnections = 48
        return HTTPClient(transport)
    }
}
