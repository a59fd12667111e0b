import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import TestAPI
import TestSupport
import Testing

@testable import Operator

@Suite("The controllers of the plan, of requests and of memory", .timeLimit(.minutes(5)))
struct PlanControllerTests {
    /// A bench whose data plane `a` is connected, with one namespace in sync.
    private func withConnected(
        _ body: @escaping @Sendable (ControllerBench, MemoryAPI) async throws -> Void
    ) async throws {
        try await withBench { bench in
            let plane = try await bench.connectWithNamespace()
            // The note of the cluster is a change of the DataPlane itself.
            await bench.plan()
            _ = await bench.woken(within: .seconds(5))
            try await body(bench, plane)
        }
    }

    @Test("A new namespace goes to the agent at once, and the status follows coalesced")
    func follows() async throws {
        try await withConnected { bench, _ in
            try await bench.assign("q")
            await bench.reconcile(.plan)
            await bench.until { bench.pool["a"]?.progressReport.counts.synced == 2 }
            #expect(await bench.woken(within: Delay.coalescing).contains(.dataPlane("a")))
        }
    }

    @Test("A request brings a namespace back before its backoff is over")
    func request() async throws {
        try await withConnected { bench, plane in
            plane.fail { $0.isWrite && $0.target.contains("q-development") ? .status(422) : nil }
            try await bench.assign("q")
            await bench.reconcile(.plan)
            await bench.until { bench.pool["a"]?.progressReport.counts.failed == 1 }
            plane.heal()
            #expect(bench.pool["a"]?.progressReport.counts.synced == 1)
            await bench.reconcile(.requested(.assignment("q-development")))
            await bench.until { bench.pool["a"]?.progressReport.counts.synced == 2 }
            #expect(await bench.woken().contains(.assignment("q-development")))
        }
    }

    @Test("A registry that was deleted and made again at once gets a status")
    func registryAnew() async throws {
        try await withBench { bench in
            try await bench.put("ClusterRegistry", "flyte", [:])
            await bench.plan()
            _ = await bench.woken(within: .seconds(1))
            // A deleted object counts for a while longer, so that the new one takes its place.
            try await bench.admin.delete(.clusterRegistries, namespace: "flyte", name: "flyte")
            try await bench.put("ClusterRegistry", "flyte", [:])
            await bench.reconcile(.plan)
            #expect(await bench.woken(within: Delay.coalescing).contains(.registry("flyte")))
        }
    }

    @Test("An object that is gone wakes the tidying, which drops what was known of it")
    func tidying() async throws {
        try await withBench { bench in
            try await bench.assign("p")
            await bench.plan()
            try await bench.work(.assignment("p-development"))
            // A first status waits that long for a result.
            bench.clock.advance(by: Delay.patienceForResult)
            try await bench.work(.assignment("p-development"))
            let object = try await bench.stored(ExecutionClusterLabel.self, "p-development")
            var older = object
            older.metadata.resourceVersion = "1"
            older.status = nil
            #expect(bench.statuses.memory.count == 1 && bench.statuses.writer.newest(older).status != nil)
            try await bench.delete(.executionClusterLabels, "p-development")
            await bench.plan()
            #expect(await bench.woken(within: Delay.tidying).contains(.tidying))
            #expect(await bench.reconcile(.tidying) == .done)
            #expect(bench.statuses.memory.count == 0 && bench.statuses.writer.newest(older).status == nil)
        }
    }

    @Test("The note of its cluster is put back on a DataPlane, and written once")
    func recorder() async throws {
        try await withConnected { bench, _ in
            let annotation = RecordedCluster.annotation
            try await bench.work(.dataPlane("a"))
            #expect(try await bench.stored(DataPlane.self, "a").metadata.annotations?[annotation] != nil)
            try await bench.admin.mergePatch(
                ["metadata": ["annotations": [annotation: .null]]], type: .dataPlanes, namespace: "flyte", name: "a")
            try await bench.show(.dataPlanes, "a")
            await bench.plan()
            let writes = bench.api.writes.count
            await bench.reconcile(.dataPlane("a"))
            #expect(try await bench.stored(DataPlane.self, "a").metadata.annotations?[annotation] != nil)
            await bench.reconcile(.dataPlane("a"))
            #expect(bench.api.writes.count == writes + 1, "the informers are behind the second time")
        }
    }
}

@Suite("The controller of ClusterProfiles", .timeLimit(.minutes(5)))
struct ClusterProfileControllerTests {
    @Test("Each data plane has a ClusterProfile while it exists; another manager's stays")
    func profiles() async throws {
        try await withBench { bench in
            try await bench.put(InstalledObjects.clusterProfiles)
            try await bench.put([
                "apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ClusterProfile",
                "metadata": ["name": "b", "namespace": "flyte"], "spec": ["clusterManager": ["name": "another"]],
            ])
            try await bench.put("ClusterRegistry", "flyte", ["clusterProfiles": [["namespace": "flyte"]]])
            for name in ["a", "b"] {
                try await bench.put(
                    "DataPlane", name, ["clusterName": .string(name), "endpoint": "https://\(name).invalid"])
            }
            await bench.plan()
            await bench.reconcile(.clusterProfiles)
            await bench.until { if case .present = bench.informers.profiles["flyte"] { true } else { false } }
            await bench.reconcile(.clusterProfiles)
            await bench.reconcile(.clusterProfiles)
            #expect(bench.events.reasons == ["ClusterProfileNotOurs"], "it is told once")
            await bench.until { bench.profiles == ["a", "b"] }
            // The watch may still be behind the last write.
            try await eventually("a look writes nothing") {
                let writes = bench.api.writes.count
                await bench.reconcile(.clusterProfiles)
                return bench.api.writes.count == writes
            }

            for name in ["a", "b"] { try await bench.delete(.dataPlanes, name) }
            await bench.plan()
            await bench.reconcile(.clusterProfiles)
            await bench.until { bench.profiles == ["b"] }
        }
    }
}

extension ControllerBench {
    /// The names of the ClusterProfiles that the watch shows.
    fileprivate var profiles: [String] {
        if case .present(let found) = informers.profiles["flyte"] { found.keys.sorted() } else { [] }
    }
}

@Suite("The controller of a staged rollout", .timeLimit(.minutes(5)))
struct StagedRolloutControllerTests {
    private static func registry(_ value: String) -> JSON {
        [
            "values": ["cpu": .string(value)],
            "rollout": ["type": "Progressive", "groups": [["b"], ["a"]], "minSuccessSeconds": 0],
        ]
    }

    @Test("A change goes to the first group, wakes the plan, and is told on the registry")
    func stages() async throws {
        try await withBench { bench in
            try await bench.put("ClusterRegistry", "flyte", Self.registry("1"))
            for name in ["a", "b"] { try await bench.enroll(name) }
            await bench.plan()
            for name in ["a", "b"] { try await bench.connect(name) }
            await bench.plan()
            await bench.reconcile(.stagedRollout)
            #expect(bench.controllers.stagedRollout.rollout.report.status?.revision == 1)
            _ = await bench.woken(within: .seconds(5))

            try await bench.put("ClusterRegistry", "flyte", Self.registry("2"))
            await bench.reconcile(.plan)
            #expect(await bench.woken().contains(.stagedRollout))
            await bench.reconcile(.stagedRollout)
            let status = bench.controllers.stagedRollout.rollout.report.status
            #expect(status?.revision == 2 && status?.current == ["b"], "\(String(describing: status))")
            #expect(bench.events.reasons.contains("RolloutProgressing"))
            #expect(await bench.woken().contains(.plan))
            let coalesced = await bench.woken(within: Delay.coalescing)
            #expect(coalesced.isSuperset(of: [.registry("flyte"), .dataPlane("a"), .dataPlane("b")]))
        }
    }

    @Test("A revision that can't be stored is a failure, and the registry is told")
    func failure() async throws {
        try await withBench { bench in
            bench.api.fail { $0.target.contains("controllerrevisions") ? .status(503) : nil }
            try await bench.put("ClusterRegistry", "flyte", Self.registry("1"))
            await bench.plan()
            guard case .failed = await bench.reconcile(.stagedRollout) else {
                return #expect(Bool(false), "it has failed")
            }
            #expect(bench.controllers.stagedRollout.rollout.report.problem?.contains("revisions") == true)
            #expect(await bench.woken(within: Delay.coalescing).contains(.registry("flyte")))
        }
    }
}
