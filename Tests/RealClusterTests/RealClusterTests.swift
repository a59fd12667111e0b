import HTTP
import RealCluster
import Support
import TestSupport
import Testing

@Suite(
    "A real API server, started for a test",
    .enabled(if: KubernetesBinaries.areWanted, "KUBEBUILDER_ASSETS is not set"), .timeLimit(.minutes(5 * patience)),
    .serialized)
struct RealClusterTests {
    @Test func `serves, pauses, stops, comes back on the same port with its data, and leaves no process behind`()
        async throws
    {
        let binaries = try #require(try KubernetesBinaries.fromEnvironment())
        let cluster = try await RealCluster.start(binaries)
        defer { cluster.end() }
        let first = try #require(cluster.serverPID)
        let uid = try await systemUID(of: cluster)
        #expect(try await get("/api/v1/namespaces", of: cluster, token: "wrong").status == 401)
        #expect(cluster.kubeconfig().contains(cluster.url))
        try await cluster.compact()

        cluster.pause()
        await #expect(throws: HTTPError.self) { try await get("/readyz", of: cluster, within: .milliseconds(300)) }
        cluster.resume()
        #expect(try await get("/readyz", of: cluster).status == 200)

        cluster.stop()
        #expect(cluster.serverPID == nil)
        #expect(!isAlive(first))
        await #expect(throws: HTTPError.self) { try await get("/readyz", of: cluster) }

        try await cluster.restart()
        #expect(try await systemUID(of: cluster) == uid)
        try await cluster.restart(keepingData: false)
        #expect(try await systemUID(of: cluster) != uid)

        let last = try #require(cluster.serverPID)
        cluster.end()
        #expect(!isAlive(last))
    }

    private func systemUID(of cluster: RealCluster) async throws -> String {
        let answer = try await get("/api/v1/namespaces/kube-system", of: cluster)
        let match = try #require(String(decoding: answer.body, as: UTF8.self).firstMatch(of: /"uid":\s*"([^"]+)"/))
        return String(match.1)
    }

    private func get(
        _ path: String, of cluster: RealCluster, token: String? = nil, within total: Duration = .seconds(20)
    ) async throws -> HTTPResponse {
        let client = HTTPClient(
            HTTPClientConfiguration(tls: TLSConfiguration(caCertificates: Array(cluster.caPEM.utf8))))
        return try await client.send(
            HTTPRequest(
                .get, cluster.url + path, bearerToken: Sensitive(token ?? cluster.adminToken),
                timeouts: HTTPTimeouts(total: total)))
    }
}

#if canImport(Glibc)
    import Glibc
#endif
private func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }
