import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Operator

@Suite("The ClusterRegistry's controller", .timeLimit(.minutes(5)))
struct ClusterRegistryControllerTests {
    private let key = Work.registry("flyte")

    @Test("It counts what is Ready, and names what is not")
    func counts() async throws {
        try await withBench { bench in
            try await bench.put("ClusterRegistry", "flyte", [:])
            try await bench.enroll("a")
            try await bench.put("DataPlane", "b", ["clusterName": "b", "endpoint": "https://b.invalid"])
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            try await bench.assign("p")
            await bench.plan()
            try await bench.connect("a")
            await bench.until { bench.pool["a"]?.progressReport.counts.synced == 1 }
            for work: Work in [
                .dataPlane("a"), .dataPlane("b"), .executionLabel("label1"), .assignment("p-development"),
            ] {
                try await bench.work(work)
            }
            await bench.reconcile(.publishing)
            try await bench.work(key)
            let status = try await bench.stored(ClusterRegistry.self, "flyte").status
            #expect(status?.dataPlanes == .init(total: 2, ready: 1))
            #expect(status?.executionLabels == .init(total: 1, ready: 1))
            #expect(status?.conditions[.ready]?.reason == "DataPlanesNotReady")
            #expect(status?.conditions[.ready]?.message == "not ready: b")
        }
    }

    @Test("Before flyteadmin's Deployments have been read, RolledOut is unknown and not \"not configured\"")
    func rolloutUnknown() async throws {
        try await withBench { bench in
            try await bench.put(
                "ClusterRegistry", "flyte",
                ["publish": ["clustersConfigMap": ["name": "clusters"], "restart": [["name": "flyteadmin"]]]])
            await bench.plan()
            bench.clock.advance(by: Delay.patienceForFleet)
            try await bench.work(key)
            let reasons = try await bench.reasons(ClusterRegistry.self, "flyte")
            #expect(reasons["RolledOut"] == "Pending" && reasons["Published"] == "Pending")
        }
    }

    /// A registry whose status an earlier process wrote, and an assignment.
    private static func readyBefore(_ bench: ControllerBench) async throws {
        try await bench.put("ClusterRegistry", "flyte", [:])
        try await bench.put(
            status: ["observedGeneration": 1, "conditions": [bench.condition("Ready", "Ready")]],
            of: .clusterRegistries, "flyte")
        try await bench.assign("p")
        await bench.plan()
    }

    @Test("After a restart the status stays until everything has been read, at most 15 s")
    func restart() async throws {
        try await withBench { bench in
            try await Self.readyBefore(bench)
            let writes = bench.statusWrites.count
            #expect(await bench.reconcile(key) == .requeue(after: .milliseconds(200)))
            bench.clock.advance(by: .milliseconds(14_900))
            #expect(await bench.reconcile(key) == .requeue(after: .milliseconds(200)))
            #expect(bench.statusWrites.count == writes)
            bench.clock.advance(by: .milliseconds(100))
            #expect(await bench.reconcile(key) == .done)
            #expect(bench.statusWrites.count == writes + 1)
        }
    }

    @Test("After a restart the status is written as soon as everything has been read")
    func settled() async throws {
        try await withBench { bench in
            try await Self.readyBefore(bench)
            try await bench.work(.assignment("p-development"))
            bench.clock.advance(by: .seconds(2))
            try await bench.work(.assignment("p-development"))
            #expect(await bench.reconcile(key) == .requeue(after: .milliseconds(200)), "publishing comes first")
            await bench.reconcile(.publishing)
            #expect(await bench.reconcile(key) == .done)
            #expect(try await bench.reasons(ClusterRegistry.self, "flyte")["Ready"] == "LabelsNotReady")
        }
    }

    @Test("While it is not known which registry it is, it says which right is missing")
    func identity() async throws {
        try await withBench(identity: nil) { bench in
            try await bench.put("ClusterRegistry", "flyte", [:])
            await bench.plan()
            try await bench.work(key)
            let ready = try await bench.stored(ClusterRegistry.self, "flyte").status?.conditions[.ready]
            #expect(ready?.reason == "IdentityUnknown" && ready?.message.contains("namespaces/flyte") == true)
        }
    }

    @Test("A doubted list is in the registry's status; without a registry it is one event")
    func doubt() async throws {
        try await withBench { bench in
            let error = KubeError(operation: "list", cause: .unexpectedAnswer("a page of a proxy"))
            bench.informers.doubts.watch(
                of: "dataplanes", isHeld: true, became: .failing(error: error, attempts: 3, retryIn: .seconds(1)))
            await bench.plan()
            await bench.reconcile(key)
            await bench.reconcile(key)
            #expect(bench.events.all.map(\.reason) == ["SyncFailed"])
            #expect(bench.events.all.first?.note.contains("dataplanes is not believed") == true)

            try await bench.put("ClusterRegistry", "flyte", [:])
            await bench.plan()
            try await bench.work(key)
            #expect(try await bench.reasons(ClusterRegistry.self, "flyte")["Ready"] == "SyncFailed")

            try await bench.delete(.clusterRegistries, "flyte")
            bench.informers.doubts.forget("dataplanes")
            await bench.plan()
            await bench.reconcile(key)
            #expect(bench.events.all.last?.note.contains("believed again") == true)
        }
    }

    @Test("One with another name counts for nothing")
    func otherName() async throws {
        try await withBench { bench in
            // Admission refuses it by now: one of another time.
            var spec = ClusterRegistrySpec()
            spec.mode = .observe
            let object = ClusterRegistry(metadata: ObjectMeta(name: "other", namespace: "flyte"), spec: spec)
            bench.informers.registries.apply(.set(object.metadata.key, .valid(object)))
            await bench.plan()
            #expect(bench.plans.inForce?.spec.mode == .enforce)
        }
    }
}
