import HTTP
import Support

extension RealCluster {
    /// Starts the programs that are not running, in order.
    func startAll() async throws(RealClusterError) {
        let deadline = ContinuousClock.now + options.startTimeout
        if processes.withLock({ $0.etcd }) == nil {
            let etcd = try ChildProcess(binaries.etcd, etcdArguments, logPath: folder.path("etcd.log"))
            processes.withLock { $0.etcd = etcd }
            try await wait(for: etcd, until: deadline) { await self.answers("\(self.etcdURL)/health", admin: false) }
        }
        let server = try ChildProcess(binaries.apiServer, serverArguments, logPath: folder.path("kube-apiserver.log"))
        processes.withLock { $0.server = server }
        try await wait(for: server, until: deadline) { await self.answers("\(self.url)/readyz") }
        // `readyz` does not wait for `kube-system`, whose UID identifies the cluster.
        try await wait(for: server, until: deadline) {
            await self.answers("\(self.url)/api/v1/namespaces/kube-system")
        }
        guard let path = binaries.controllerManager, options.runsControllers else { return }
        let controllers = try ChildProcess(path, try controllerArguments(), logPath: folder.path("controllers.log"))
        processes.withLock { $0.controllers = controllers }
        try await wait(for: controllers, until: deadline) {
            await self.answers("\(self.url)/api/v1/namespaces/default/serviceaccounts/default")
        }
    }

    /// Forgets the history up to now, as etcd's compaction does every five minutes: continue tokens and watches that start
    /// before it are answered with 410 (watches only where the server's own cache doesn't reach back that far).
    public func compact() async throws(RealClusterError) {
        let range = try await etcd("range", #"{"key": "AA=="}"#)
        guard let revision = range.firstMatch(of: /"revision"\s*:\s*"?(\d+)/)?.1 else {
            throw .failed("etcd said no revision: \(range)")
        }
        _ = try await etcd("compaction", #"{"revision": "\#(revision)", "physical": true}"#)
    }

    private var etcdURL: String { "http://127.0.0.1:\(etcdPort)" }

    /// A call of etcd's JSON gateway.
    private func etcd(_ call: String, _ body: String) async throws(RealClusterError) -> String {
        do {
            let response = try await Self.client.send(
                HTTPRequest(.post, "\(etcdURL)/v3/kv/\(call)", body: Array(body.utf8)))
            let text = String(decoding: response.body, as: UTF8.self)
            guard response.status == 200 else { throw RealClusterError.failed("etcd \(call): \(text)") }
            return text
        } catch let error as HTTPError {
            throw .failed("etcd \(call): \(error)")
        } catch let error as RealClusterError {
            throw error
        } catch {
            throw .failed("etcd \(call): \(error)")
        }
    }

    /// These flags are in etcd 3.5 and 3.6, and are the same as envtest's. Nothing uses the peer port.
    private var etcdArguments: [String] {
        [
            "--data-dir=\(folder.path("etcd"))",
            "--listen-client-urls=\(etcdURL)",
            "--advertise-client-urls=\(etcdURL)",
            "--listen-peer-urls=http://127.0.0.1:0",
            "--unsafe-no-fsync",
        ]
    }

    private var serverArguments: [String] {
        [
            "--etcd-servers=\(etcdURL)",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--secure-port=\(port)",
            "--cert-dir=\(folder.path)",
            "--tls-cert-file=\(folder.path("server.crt"))",
            "--tls-private-key-file=\(folder.path("server.key"))",
            "--client-ca-file=\(folder.path("ca.crt"))",
            "--token-auth-file=\(folder.path("tokens.csv"))",
            "--authorization-mode=RBAC",
            "--service-account-issuer=\(options.issuer)",
            "--service-account-key-file=\(folder.path("service-account.crt"))",
            "--service-account-signing-key-file=\(folder.path("service-account.key"))",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--allow-privileged=true",
        ] + options.serverArguments
    }

    private func controllerArguments() throws(RealClusterError) -> [String] {
        let kubeconfig = try folder.write(
            "controllers.kubeconfig", folder.kubeconfig(name: name, url: url, token: adminToken))
        return [
            "--kubeconfig=\(kubeconfig)",
            "--authentication-kubeconfig=\(kubeconfig)",
            "--authorization-kubeconfig=\(kubeconfig)",
            "--service-account-private-key-file=\(folder.path("service-account.key"))",
            "--root-ca-file=\(folder.path("ca.crt"))",
            "--cert-dir=\(folder.path)",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            // The names of 1.27. Later versions have other names, and accept these too.
            "--controllers="
                + [
                    "namespace", "serviceaccount", "serviceaccount-token", "root-ca-cert-publisher", "garbagecollector",
                    "deployment",
                ].joined(separator: ","),
        ]
    }

    private static let client = HTTPClient(HTTPClientConfiguration(userAgent: "real-cluster", allowsPlainHTTP: true))

    private func wait(
        for process: ChildProcess, until deadline: ContinuousClock.Instant, _ isReady: () async -> (Bool, String)
    ) async throws(RealClusterError) {
        while true {
            let (ready, answer) = await isReady()
            // If this program found its port taken, another program may answer there.
            guard process.isRunning else { throw .ended(program: process.name, log: process.logTail()) }
            if ready { return }
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                throw .notReady(
                    program: process.name, after: options.startTimeout, last: answer, log: process.logTail())
            }
            // Nothing tells when another program is ready, so it is asked again.
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    private func answers(_ url: String, admin: Bool = true) async -> (Bool, String) {
        var request = HTTPRequest(.get, url, timeouts: HTTPTimeouts(total: .seconds(5)))
        var client = Self.client
        if admin {
            request.bearerToken = Sensitive(adminToken)
            client = HTTPClient(
                HTTPClientConfiguration(
                    tls: TLSConfiguration(caCertificates: Array(caPEM.utf8)), userAgent: "real-cluster"))
        }
        do {
            let response = try await client.send(request)
            return (response.status == 200, "\(response.status) \(String(decoding: response.body, as: UTF8.self))")
        } catch {
            return (false, "\(error)")
        }
    }
}
