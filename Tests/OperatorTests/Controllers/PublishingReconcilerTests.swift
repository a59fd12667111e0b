import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Operator

@Suite("The publishing controller", .timeLimit(.minutes(1)))
struct PublishingReconcilerTests {
    private static let map = "flyte-clusters"
    private static let publish: JSON = ["clustersConfigMap": ["name": .string(map), "key": "clusters.yaml"]]

    /// A bench with the data plane `a` and its label, and a registry that publishes; its ConfigMap has been looked for.
    private func withPublishing(
        _ more: JSON = [:], existing data: JSON? = nil,
        _ body: @escaping @Sendable (ControllerBench) async throws -> Void
    ) async throws {
        var publish = Self.publish
        for (key, value) in more.object ?? [:] { publish[key] = value }
        let registry: JSON = ["publish": publish]
        try await withBench { bench in
            try await bench.enroll("a")
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            try await bench.put("ClusterRegistry", "flyte", registry)
            if let data {
                try await bench.put([
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": ["name": .string(Self.map), "namespace": "flyte"],
                    "data": data,
                ])
            }
            await bench.plan()
            #expect(await bench.reconcile(.publishing) == .requeue(after: .milliseconds(200)), "it is not read yet")
            await bench.until { if case .unknown = bench.caches.published[Self.map] { false } else { true } }
            try await body(bench)
        }
    }

    private func text(_ bench: ControllerBench, _ key: String = "clusters.yaml") async throws -> String? {
        try await bench.admin.get(ConfigMap.self, namespace: "flyte", name: Self.map).data[key]
    }
    private func writes(_ bench: ControllerBench, _ resource: String) -> Int {
        bench.api.writes.count { $0.target.contains("/\(resource)/") }
    }

    @Test("The clusters are published once, also while the watch does not show that yet")
    func publishes() async throws {
        try await withPublishing { bench in
            await bench.reconcile(.publishing)
            let configuration = try await text(bench).flatMap { ClustersConfiguration(yaml: $0) }
            #expect(configuration?.clusters.map(\.name) == ["a"])
            #expect(configuration?.labels == ["label1": [.init(id: "a", weight: 1)]])
            guard case .published? = bench.reconcilers.publishingBoard.result?.publishing else {
                return #expect(Bool(false), "it is published")
            }
            #expect(await bench.woken(within: .milliseconds(200)).contains(.registry("flyte")))
            await bench.reconcile(.publishing)
            #expect(writes(bench, "configmaps") == 1)
        }
    }

    @Test("A key of another manager is taken over with an event, and other keys stay")
    func takesOver() async throws {
        let data: JSON = ["clusters.yaml": "clusters: {}\n", "other.yaml": "keep: me\n"]
        try await withPublishing(existing: data) { bench in
            await bench.reconcile(.publishing)
            #expect(try await text(bench)?.contains("label1") == true)
            #expect(try await text(bench, "other.yaml") == "keep: me\n")
            let event = bench.events.all.first { $0.reason == "TakenOver" }
            #expect(event?.note.contains("taken over from kubectl") == true)
        }
    }

    @Test("Without a token a data plane is left out, and the last good state is closed")
    func withoutToken() async throws {
        try await withPublishing { bench in
            await bench.reconcile(.publishing)
            let before = try await text(bench)
            try await bench.put(secret: "cluster-credentials", ["a_token": ""])
            await bench.until {
                guard case .present(let content) = bench.caches.secrets["cluster-credentials"] else { return false }
                return content["a_token"]?.isEmpty ?? true
            }
            await bench.reconcile(.publishing)
            #expect(try await text(bench) == before, "a rotation may take a moment")
            bench.clock.advance(by: .seconds(61))
            await bench.reconcile(.publishing)
            let configuration = try await text(bench).flatMap { ClustersConfiguration(yaml: $0) }
            #expect(configuration?.clusters.first?.isClosed == true)
            guard case .labelWouldBeEmpty? = bench.reconcilers.publishingBoard.result?.publishing else {
                return #expect(Bool(false), "it says so")
            }
        }
    }

    @Test("A server that fails keeps the result, and the write is repeated")
    func failing() async throws {
        try await withPublishing { bench in
            bench.api.fail { $0.target.contains("/configmaps/") && $0.isWrite ? .status(503) : nil }
            guard case .failed = await bench.reconcile(.publishing) else {
                return #expect(Bool(false), "it has failed")
            }
            bench.api.heal()
            await bench.reconcile(.publishing)
            #expect(try await text(bench)?.contains("label1") == true)
        }
    }

    @Test("In Observe and without the Lease nothing is published")
    func silent() async throws {
        try await withPublishing { bench in
            bench.leads.withLock { $0 = false }
            await bench.reconcile(.publishing)
            #expect(writes(bench, "configmaps") == 0)
            bench.leads.withLock { $0 = true }
            try await bench.put("ClusterRegistry", "flyte", ["mode": "Observe", "publish": Self.publish])
            await bench.plan()
            await bench.reconcile(.publishing)
            #expect(writes(bench, "configmaps") == 0)
            #expect(bench.reconcilers.publishingBoard.result?.publishing == .observing)
        }
    }

    @Test("flyteadmin restarts once, three seconds after the last change")
    func restarts() async throws {
        try await withPublishing(["restart": [["name": "flyteadmin"]]]) { bench in
            try await bench.putDeployment("flyteadmin")
            await bench.reconcile(.publishing)
            await bench.until { if case .present = bench.caches.deployments["flyteadmin"] { true } else { false } }
            let patches = writes(bench, "deployments")
            guard case .requeue(let wait) = await bench.reconcile(.publishing) else {
                return #expect(Bool(false), "it comes again")
            }
            #expect(wait <= .milliseconds(3_100) && writes(bench, "deployments") == patches)
            bench.clock.advance(by: .seconds(3))
            await bench.reconcile(.publishing)
            #expect(writes(bench, "deployments") == patches + 1 && bench.events.reasons.contains("Restarted"))
            await bench.reconcile(.publishing)
            #expect(writes(bench, "deployments") == patches + 1, "it has not come up yet")
            try await bench.putDeployment("flyteadmin")
            await bench.until {
                guard case .present(let object) = bench.caches.deployments["flyteadmin"] else { return false }
                let generation = object.metadata.generation ?? 0
                return generation > 1 && object.status.observedGeneration == generation
            }
            await bench.reconcile(.publishing)
            guard case .rolledOut? = bench.reconcilers.publishingBoard.result?.rollout else {
                return #expect(
                    Bool(false), "it is rolled out: \(String(describing: bench.reconcilers.publishingBoard.result))")
            }
        }
    }
}

extension ControllerBench {
    /// A Deployment whose newest state is available, as its controller would report.
    fileprivate func putDeployment(_ name: String) async throws {
        let stored = try await put([
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(name), "namespace": "flyte"],
            "spec": [
                "replicas": 1, "selector": ["matchLabels": ["app": .string(name)]],
                "template": [
                    "metadata": ["labels": ["app": .string(name)]],
                    "spec": ["containers": [["name": "main", "image": "flyteadmin"]]],
                ],
            ],
        ])
        try await admin.mergePatch(
            [
                "status": [
                    "observedGeneration": stored[path: ["metadata", "generation"]] ?? 1, "replicas": 1,
                    "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
                ]
            ], type: Deployment.resourceType, namespace: "flyte", name: name, subresource: "status")
    }
}
