import HTTP
import JSON
import Support
import TestSupport
import Testing

@testable import DevCluster

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Numbers, not checks: run with `DEVCLUSTER_MEASURE=1 swift test --filter Measurements`.
@Suite("Measurements", .enabled(if: getenv("DEVCLUSTER_MEASURE") != nil), .serialized)
struct Measurements {
    @Test("Requests per second, 32 at a time on one connection", arguments: [true, false])
    func throughput(http2: Bool) async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster, prefersHTTP2: http2)
            let namespace: JSON = [
                "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "x", "labels": ["a": "b"]],
            ]
            let apply: HTTPHeaders = ["Content-Type": "application/apply-patch+yaml"]
            let path = "/api/v1/namespaces/x?fieldManager=measure&force=true"
            let small = try await Self.rate(2_000) { _ in
                _ = try await client.get("/openid/v1/jwks")
            }
            let get = try await Self.rate(2_000) { _ in
                _ = try await client.get("/api/v1/namespaces/x")
            }
            let same = try await Self.rate(1_000) { _ in
                _ = try await client.send(.patch, path, namespace, headers: apply)
            }
            let changing = try await Self.rate(1_000) { number in
                var changed = namespace
                changed["metadata"] = ["name": "x", "labels": ["a": .string("v\(number)")]]
                _ = try await client.send(.patch, path, changed, headers: apply)
            }
            report(
                "HTTP/\(http2 ? 2 : 1): \(small) document, \(get) GET, \(same) idle apply, \(changing) apply per second"
            )
        }
    }

    @Test("Memory of 500 clusters with 300 namespaces of 3 objects")
    func memory() async throws {
        let before = residentMegabytes()
        var options = DevCluster.Options()
        options.controllers.publishesRootCA = false
        let fleet = try await DevFleet.start((1...500).map { "dataplane-\($0)" }, options: options)
        let started = residentMegabytes()
        for cluster in fleet.clusters {
            for number in 0..<300 {
                let name = JSON.string("project\(number)-development")
                let labels: JSON = [
                    "app.kubernetes.io/managed-by": "squadron", "multicluster.flyte.org/project": "project",
                    "multicluster.flyte.org/domain": "development",
                ]
                cluster.store.put(
                    .namespaces,
                    ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": name, "labels": labels]])
                for (resource, kind) in [(GroupResource.serviceAccounts, "ServiceAccount"), (.configMaps, "ConfigMap")]
                {
                    cluster.store.put(
                        resource,
                        [
                            "apiVersion": "v1", "kind": .string(kind),
                            "metadata": ["name": "default", "namespace": name, "labels": labels],
                        ])
                }
            }
        }
        report("MB: \(before) before, \(started) with 500 clusters, \(residentMegabytes()) with 450,000 objects")
        await fleet.stop()
    }

    @Test("Memory of 300 applied namespaces with ServiceAccount and quota in 20 clusters")
    func appliedMemory() async throws {
        let (clusters, namespaces) = (20, 300)
        var options = DevCluster.Options()
        options.controllers.publishesRootCA = false
        let fleet = try await DevFleet.start((1...clusters).map { "dataplane-\($0)" }, options: options)
        let started = residentMegabytes()
        let labels: JSON = [
            "app.kubernetes.io/managed-by": "squadron", "multicluster.flyte.org/project": "project",
            "multicluster.flyte.org/domain": "development",
        ]
        func apply(_ cluster: DevCluster, _ path: String, _ kind: String, _ name: String, _ spec: JSON?) async {
            var object: JSON = [
                "apiVersion": "v1", "kind": .string(kind), "metadata": ["name": .string(name), "labels": labels],
            ]
            object["spec"] = spec
            let request = APIRequest(
                method: "PATCH", target: "/api/v1/\(path)/\(name)?fieldManager=squadron&force=true",
                headers: ["content-type": "application/apply-patch+yaml", "user-agent": "squadron/1"],
                body: object.serialized())
            let answer = await cluster.api.respond(to: request, user: .admin)
            #expect(answer.status == 200 || answer.status == 201)
        }
        for cluster in fleet.clusters {
            for number in 0..<namespaces {
                let name = "project\(number)-development"
                await apply(cluster, "namespaces", "Namespace", name, nil)
                await apply(cluster, "namespaces/\(name)/serviceaccounts", "ServiceAccount", "default", nil)
                await apply(
                    cluster, "namespaces/\(name)/resourcequotas", "ResourceQuota", "project-quota",
                    ["hard": ["limits.cpu": "8", "limits.memory": "16Gi"]])
            }
        }
        let grown = residentMegabytes() - started
        report(
            "MB: \(grown) for \(clusters * namespaces * 3) applied objects with managedFields, in \(clusters) clusters")
        await fleet.stop()
    }

    private static func rate(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws -> Int {
        let clock = ContinuousClock()
        let duration = try await clock.measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    if number >= 32 { try await group.next() }
                    group.addTask { try await body(number) }
                }
                try await group.waitForAll()
            }
        }
        return Int(Double(count) / duration.seconds)
    }
}
