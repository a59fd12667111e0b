import DevCluster
import FoundationEssentials
import HTTP
import Kube
import RealCluster
import Support
import Testing

/// The API servers that the contract is checked against.
enum ServerKind: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case devcluster
    /// Started by the tests themselves, from KUBEBUILDER_ASSETS.
    case real
    /// SQUADRON_TEST_KUBECONFIG: a throw-away cluster of the user's. It gets namespaces, our CRDs and cluster roles.
    case given

    /// devcluster always; the others if they are available.
    static let atHand: [ServerKind] = allCases.filter { kind in
        switch kind {
        case .devcluster: true
        case .real: KubernetesBinaries.areWanted
        case .given: givenKubeconfig != nil
        }
    }
    /// The servers of which the tests can reach more than the API: the store, the process.
    static let ours = atHand.filter { $0 != .given }
    /// Those with the controllers that empty namespaces and make ServiceAccounts. envtest's archives have none.
    static let withControllers = atHand.filter { $0 != .real || KubernetesBinaries.haveControllers }

    static var givenKubeconfig: String? {
        let path = ProcessInfo.processInfo.environment["SQUADRON_TEST_KUBECONFIG"] ?? ""
        return path.isEmpty ? nil : path
    }

    var testDescription: String { rawValue }
}

/// A server that runs.
struct ContractServer: Sendable {
    enum Access: Sendable {
        case devcluster(DevCluster)
        case real(RealCluster)
        case given
    }
    let endpoint: ClusterEndpoint
    let access: Access

    /// The server of this kind. All tests share it, since a real one takes seconds to start.
    static func shared(_ kind: ServerKind) async throws -> ContractServer { try await SharedServers.all.server(kind) }

    /// A server for one test, which ends it.
    /// - Parameter servesInitialEvents: with the feature gate WatchList, as servers have it from 1.34 on.
    static func start(_ kind: ServerKind, servesInitialEvents: Bool = true) async throws -> ContractServer {
        let server: ContractServer
        switch kind {
        case .devcluster:
            var options = DevCluster.Options()
            options.api.servesInitialEvents = servesInitialEvents
            let cluster = try await DevCluster.start(name: "contract", options: options)
            server = ContractServer(
                url: cluster.url, ca: cluster.caPEM, token: cluster.adminToken, .devcluster(cluster))
        case .real:
            var options = RealCluster.Options()
            if !servesInitialEvents { options.serverArguments = ["--feature-gates=WatchList=false"] }
            let cluster = try await RealCluster.start(
                try #require(try KubernetesBinaries.fromEnvironment()), options)
            server = ContractServer(url: cluster.url, ca: cluster.caPEM, token: cluster.adminToken, .real(cluster))
        case .given:
            let path = try #require(ServerKind.givenKubeconfig)
            server = ContractServer(endpoint: try Kubeconfig.load([path]).endpoint(), access: .given)
        }
        try await OurDefinitions.apply(try await ContractClient(server))
        return server
    }

    private init(url: String, ca: String, token: String, _ access: Access) {
        self.init(
            endpoint: ClusterEndpoint(
                server: url, tls: .init(caCertificates: Array(ca.utf8)),
                authorization: StaticToken(Sensitive(token))),
            access: access)
    }

    private init(endpoint: ClusterEndpoint, access: Access) {
        self.endpoint = endpoint
        self.access = access
    }

    /// The operator's own client, as this user or as the administrator.
    func kubeClient(token: Sensitive? = nil, userAgent: String = "contract/1.0") -> KubeClient {
        KubeClient(
            server: endpoint.server,
            transport: HTTPClient(HTTPClientConfiguration(tls: endpoint.tls, userAgent: userAgent)),
            authorization: token.map { StaticToken($0) } ?? endpoint.authorization,
            options: .init(userAgent: userAgent))
    }

    func end() {
        switch access {
        // It has no process and no thread of its own, so nothing outlives it.
        case .devcluster(let cluster): Task { await cluster.stop() }
        case .real(let cluster): cluster.end()
        case .given: break
        }
    }

    /// Forgets the history, as after a long absence: etcd is compacted every five minutes. An API server remembers more
    /// than etcd, in the window of its own cache, until it is started again.
    func forgetHistory() async throws {
        switch access {
        case .devcluster(let cluster): cluster.compact()
        case .real(let cluster):
            try await cluster.compact()
            try await cluster.restart()
        case .given: Issue.record("a given cluster's history can't be made to be forgotten")
        }
    }
}

private actor SharedServers {
    static let all = SharedServers()
    private var starts: [ServerKind: Task<ContractServer, any Error>] = [:]

    func server(_ kind: ServerKind) async throws -> ContractServer {
        if let start = starts[kind] { return try await start.value }
        // The task is unstructured, since the start belongs to all tests that wait for it, not to the first one.
        let start = Task { try await ContractServer.start(kind) }
        starts[kind] = start
        return try await start.value
    }
}
