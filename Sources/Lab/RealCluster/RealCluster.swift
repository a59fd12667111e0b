import DevPKI
import FoundationEssentials
import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A real Kubernetes API server with its own etcd, on loopback, for tests and benchmarks.
///
/// ```swift
/// @Test(.enabled(if: KubernetesBinaries.areWanted)) func works() async throws {
///     let cluster = try await RealCluster.start(try #require(try KubernetesBinaries.fromEnvironment()))
///     defer { cluster.end() }
///     …cluster.kubeconfig()…
/// }
/// ```
/// Authorization is RBAC, and `adminToken` belongs to the group system:masters. Every program ends with `end()`, with
/// the last reference to this, or with the process, in whatever way that ends. Start-up takes some seconds of CPU and
/// about 300 MB.
///
/// Everything may be called from any task. Of the calls that start and stop, only one may run at a time.
public final class RealCluster: Sendable {
    public struct Options: Sendable {
        /// The name of the kubeconfig's context.
        public var name = "real"
        /// The API server's port; 0 for any.
        public var port = 0
        /// Starts kube-controller-manager if the folder has it, with the controllers that empty namespaces and make
        /// ServiceAccounts, their token Secrets and `kube-root-ca.crt`.
        public var runsControllers = true
        /// `iss` of the ServiceAccounts' tokens. A server that is to trust another one needs another issuer than that.
        public var issuer = "https://kubernetes.default.svc.cluster.local"
        /// Added to kube-apiserver's command line.
        public var serverArguments: [String] = []
        public var startTimeout: Duration = .seconds(90)
        public init() {}
    }

    public let name: String
    public let port: Int
    public var url: String { "https://127.0.0.1:\(port)" }
    /// The CA that verifies the server's certificate and signs client certificates.
    public var caPEM: String { folder.authority.certificatePEM }
    public let adminToken: String

    let binaries: KubernetesBinaries
    let options: Options
    let folder: ClusterFolder
    let etcdPort: Int

    struct Processes {
        var etcd: ChildProcess?
        var server: ChildProcess?
        var controllers: ChildProcess?
    }
    let processes = Locked(Processes())

    /// Returns when it answers and has the system's namespaces (and, with controllers, the `default` ServiceAccount).
    public static func start(
        _ binaries: KubernetesBinaries, _ options: Options = Options()
    ) async throws(RealClusterError) -> RealCluster {
        // Another program can take a free port before the server binds it. Then the server ends at once.
        for _ in 1..<3 {
            do {
                return try await startOnce(binaries, options)
            } catch .ended(_, let log) where log.contains("address already in use") {}
        }
        return try await startOnce(binaries, options)
    }

    private static func startOnce(
        _ binaries: KubernetesBinaries, _ options: Options
    ) async throws(RealClusterError) -> RealCluster {
        let cluster = try RealCluster(binaries, options)
        do {
            try await cluster.startAll()
        } catch {
            cluster.end()
            throw error
        }
        return cluster
    }

    private init(_ binaries: KubernetesBinaries, _ options: Options) throws(RealClusterError) {
        self.binaries = binaries
        self.options = options
        name = options.name
        let ports = try FreePorts.find(2)
        port = options.port == 0 ? ports[0] : options.port
        etcdPort = ports[1]
        adminToken = UUID().uuidString.lowercased()
        folder = try ClusterFolder(adminToken: adminToken)
    }

    deinit { end() }

    /// A kubeconfig whose one context has the cluster's name.
    /// - Parameter token: the user's token; the administrator's by default.
    public func kubeconfig(token: String? = nil) -> String {
        folder.kubeconfig(name: name, url: url, token: token ?? adminToken)
    }

    /// A client certificate that the server accepts; groups become organizations.
    public func makeClientCertificate(user: String, groups: [String] = []) throws -> IssuedCertificate {
        try folder.authority.issue(CertificateRequest(commonName: user, organizations: groups, usage: .client))
    }

    /// Stops the API server without closing anything: connections stay open, and nothing is answered.
    public func pause() { processes.withLock { $0.server }?.signal(SIGSTOP) }
    public func resume() { processes.withLock { $0.server }?.signal(SIGCONT) }

    /// Kills the API server (and the controllers). Connections are reset and the port refuses. etcd and the data stay.
    public func stop() {
        let (server, controllers) = processes.withLock { processes in
            defer { (processes.server, processes.controllers) = (nil, nil) }
            return (processes.server, processes.controllers)
        }
        controllers?.end()
        server?.end()
    }

    /// Stops and serves again on the same port, with the same authority and administrator.
    ///
    /// Without data it is a fresh installation, with other UIDs and without the old ServiceAccounts.
    public func restart(keepingData: Bool = true) async throws(RealClusterError) {
        stop()
        if !keepingData {
            let etcd = processes.withLock { processes in
                defer { processes.etcd = nil }
                return processes.etcd
            }
            etcd?.end()
            folder.removeData()
        }
        try await startAll()
    }

    /// Kills everything and removes its files. Returns when it is done; harmless when repeated.
    public func end() {
        stop()
        let etcd = processes.withLock { processes in
            defer { processes.etcd = nil }
            return processes.etcd
        }
        etcd?.end()
        folder.remove()
    }

    /// The API server's process, for measurements (`/proc/<pid>`); nil while it is stopped.
    public var serverPID: Int32? { processes.withLock { $0.server }?.pid }
}
