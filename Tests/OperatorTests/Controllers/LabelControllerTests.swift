import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Operator

@Suite("The ExecutionLabel's controller", .timeLimit(.minutes(5)))
struct ExecutionLabelControllerTests {
    private let key = Work.executionLabel("label1")
    private let clusters: JSON = ["clusters": [["name": "a", "weight": 1]]]

    @Test("It is Ready once its cluster can be worked with")
    func follows() async throws {
        try await withBench { bench in
            try await bench.enroll("a")
            try await bench.put("ExecutionLabel", "label1", clusters)
            await bench.plan()
            try await bench.work(key)
            #expect(try await bench.reasons(ExecutionLabel.self, "label1")["Ready"] == "Pending")
            try await bench.connect("a")
            #expect(await bench.woken(within: .milliseconds(200)).contains(key))
            try await bench.work(key)
            let status = try await bench.stored(ExecutionLabel.self, "label1").status
            #expect(status?.conditions[.ready]?.reason == "Resolved" && status?.clusters.first?.state == .ready)
        }
    }

    @Test("A cordoned cluster leaves the label at once, whatever was reported before")
    func cordoned() async throws {
        try await withBench { bench in
            try await bench.enroll("a")
            try await bench.put("ExecutionLabel", "label1", clusters)
            await bench.plan()
            try await bench.connect("a")
            try await bench.enroll("a", ["unschedulable": true])
            await bench.plan()
            try await bench.work(key)
            #expect(try await bench.reasons(ExecutionLabel.self, "label1")["Ready"] == "NoReadyCluster")
        }
    }

    @Test("After a restart the status stays as it was while data planes are on their way")
    func restart() async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            plane.fail { _ in .silence }
            try await bench.put("ExecutionLabel", "label1", clusters)
            try await bench.put(
                status: ["observedGeneration": 1, "conditions": [bench.condition("Ready", "Resolved")]],
                of: .executionLabels, "label1")
            await bench.plan()
            await bench.reconcile(.dataPlane("a"))
            let writes = bench.statusWrites.count
            #expect(await bench.reconcile(key) == .requeue(after: .milliseconds(200)))
            #expect(bench.statusWrites.count == writes)
            bench.clock.advance(by: .seconds(20))
            #expect(await bench.reconcile(key) == .done)
            #expect(try await bench.reasons(ExecutionLabel.self, "label1")["Ready"] == "Pending")
        }
    }

    @Test("One that the plan does not know yet, or that is gone, gets no status")
    func noStatus() async throws {
        try await withBench { bench in
            try await bench.put("ExecutionLabel", "label1", clusters)
            await bench.plan()
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "b", "weight": 1]]])
            #expect(await bench.reconcile(key) == .done)
            try await bench.delete(.executionLabels, "label1")
            await bench.plan()
            #expect(await bench.reconcile(key) == .done)
            #expect(bench.statusWrites.isEmpty)
        }
    }

    @Test("One that does not fit its type says so, and a second look writes nothing")
    func malformed() async throws {
        try await withBench { bench in
            try await bench.put("ExecutionLabel", "label1", clusters)
            try await bench.showMalformed(.executionLabels, "label1")
            await bench.plan()
            await bench.reconcile(key)
            await bench.reconcile(key)
            #expect(try await bench.reasons(ExecutionLabel.self, "label1")["Ready"] == "Invalid")
            #expect(bench.statusWrites.count == 1 && bench.events.reasons == ["Invalid"])
        }
    }
}

@Suite("The ExecutionClusterLabel's controller", .timeLimit(.minutes(5)))
struct ExecutionClusterLabelControllerTests {
    private let key = Work.assignment("p-development")

    @Test("It is Ready once its namespace is in every data plane, and the registry wakes")
    func follows() async throws {
        try await withBench { bench in
            try await bench.enroll("a")
            try await bench.put("ClusterRegistry", "flyte", [:])
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            try await bench.assign("p")
            await bench.plan()
            try await bench.connect("a")
            await bench.until { bench.pool["a"]?.progressReport.counts.synced == 1 }
            _ = await bench.woken(within: .seconds(1))
            try await bench.work(key)
            let reasons = try await bench.reasons(ExecutionClusterLabel.self, "p-development")
            #expect(reasons["NamespaceSynced"] == "InSync" && reasons["LabelResolved"] == "Resolved")
            #expect(reasons["Ready"] == "Ready" && bench.statuses.readiness.isReady(assignment: "p-development"))
            #expect(await bench.woken(within: .milliseconds(200)).contains(.registry("flyte")))
        }
    }

    @Test("A first status waits two seconds for a result, so that most are written once")
    func firstStatus() async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            plane.fail { _ in .silence }
            try await bench.assign("p")
            await bench.plan()
            await bench.reconcile(.dataPlane("a"))
            let writes = bench.statusWrites.count
            for _ in 0..<4 {
                #expect(await bench.reconcile(key) == .requeue(after: .milliseconds(500)))
                bench.clock.advance(by: .milliseconds(500))
            }
            #expect(bench.statusWrites.count == writes)
            #expect(await bench.reconcile(key) == .done)
            #expect(
                try await bench.reasons(ExecutionClusterLabel.self, "p-development")["NamespaceSynced"] == "Pending")
        }
    }

    @Test("Unknown domains, labels without ExecutionLabel and duplicate rows are reported")
    func problems() async throws {
        try await withBench { bench in
            try await bench.assign("p", domain: "nowhere")
            try await bench.assign("p")
            try await bench.put(
                "ExecutionClusterLabel", "z-second", ["project": "p", "domain": "development", "value": "label1"])
            await bench.plan()
            let names = ["p-nowhere", "p-development", "z-second"]
            for name in names { try await bench.work(.assignment(name)) }
            // A first status waits that long for a result.
            bench.clock.advance(by: .seconds(2))
            for name in names { try await bench.work(.assignment(name)) }
            let unknown = try await bench.reasons(ExecutionClusterLabel.self, "p-nowhere")
            #expect(unknown["NamespaceSynced"] == "UnknownDomain")
            let first = try await bench.reasons(ExecutionClusterLabel.self, "p-development")
            #expect(first["LabelResolved"] == "LabelNotFound")
            let second = try await bench.reasons(ExecutionClusterLabel.self, "z-second")
            #expect(second["Ready"] == "DuplicateAssignment")
        }
    }

    @Test("While the registry is broken from the start, each assignment says so")
    func brokenRegistry() async throws {
        try await withBench { bench in
            try await bench.put("ClusterRegistry", "flyte", [:])
            try await bench.showMalformed(.clusterRegistries, "flyte")
            try await bench.assign("p")
            await bench.plan()
            try await bench.work(key)
            let ready = try await bench.stored(ExecutionClusterLabel.self, "p-development").status?.conditions[.ready]
            #expect(ready?.reason == "Invalid" && ready?.message.contains("ClusterRegistry flyte") == true)
        }
    }

    @Test("One that is gone does not count any more")
    func gone() async throws {
        try await withBench { bench in
            try await bench.assign("p")
            await bench.plan()
            try await bench.work(key)
            bench.clock.advance(by: .seconds(2))
            try await bench.work(key)
            #expect(bench.statuses.readiness.hasSeen(dataPlanes: [], assignments: ["p-development"]))
            try await bench.delete(.executionClusterLabels, "p-development")
            await bench.plan()
            #expect(await bench.reconcile(key) == .done)
            #expect(!bench.statuses.readiness.hasSeen(dataPlanes: [], assignments: ["p-development"]))
        }
    }
}

@Suite("The FlyteProject's controller", .timeLimit(.minutes(5)))
struct FlyteProjectControllerTests {
    @Test("It is Ready once its namespaces are in every data plane")
    func follows() async throws {
        try await withBench { bench in
            try await bench.enroll("a")
            try await bench.put("FlyteProject", "p", ["project": "p", "domains": ["development", "staging"]])
            await bench.plan()
            try await bench.connect("a")
            await bench.until { bench.pool["a"]?.progressReport.counts.synced == 2 }
            try await bench.work(.project("p"))
            let reasons = try await bench.reasons(FlyteProject.self, "p")
            #expect(reasons["NamespaceSynced"] == "InSync" && reasons["Ready"] == "Ready")
        }
    }

    @Test("A domain that Flyte does not have is reported")
    func unknownDomain() async throws {
        try await withBench { bench in
            try await bench.put("FlyteProject", "p", ["project": "p", "domains": ["development", "nowhere"]])
            await bench.plan()
            try await bench.work(.project("p"))
            #expect(try await bench.reasons(FlyteProject.self, "p")["NamespaceSynced"] == "UnknownDomain")
        }
    }
}
