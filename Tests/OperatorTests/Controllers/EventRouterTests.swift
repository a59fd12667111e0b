import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Operator

/// The table in `EventRouter.swift`, row by row.
@Suite("Which change wakes which key", .timeLimit(.minutes(5)))
struct EventRouterTests {
    private static let coalescing = Duration.milliseconds(200)

    /// Two data planes, a label, an assignment, a project and the registry, all of which have been looked at.
    private func withFleet(_ body: @escaping @Sendable (ControllerBench) async throws -> Void) async throws {
        try await withBench { bench in
            try await bench.put("ClusterRegistry", "flyte", [:])
            for name in ["a", "b"] {
                try await bench.put(
                    "DataPlane", name, ["clusterName": .string(name), "endpoint": "https://\(name).invalid"])
            }
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            try await bench.assign("p")
            try await bench.put("FlyteProject", "q", ["project": "q", "domains": ["staging"]])
            await bench.until {
                if case .absent = bench.informers.secrets["cluster-credentials"] { true } else { false }
            }
            await bench.plan()
            _ = await bench.woken(within: .seconds(5))
            try await body(bench)
        }
    }
    private static let statuses: Set<Work> = [
        .publishing, .executionLabel("label1"), .assignment("p-development"), .project("q"), .registry("flyte"),
    ]

    @Test(
        "An object's spec wakes the plan alone, at once",
        arguments: ["DataPlane", "ExecutionLabel", "ExecutionClusterLabel", "FlyteProject", "ClusterRegistry"])
    func spec(_ kind: String) async throws {
        let specs: [String: (name: String, spec: JSON)] = [
            "DataPlane": ("a", ["clusterName": "a", "endpoint": "https://a2.invalid"]),
            "ExecutionLabel": ("label1", ["clusters": [["name": "b", "weight": 1]]]),
            "ExecutionClusterLabel": ("p-development", ["project": "p", "domain": "development", "value": "label2"]),
            "FlyteProject": ("q", ["project": "q", "domains": ["development"]]),
            "ClusterRegistry": ("flyte", ["mode": "Observe"]),
        ]
        let (name, spec) = try #require(specs[kind])
        try await withFleet { bench in
            try await bench.put(kind, name, spec)
            #expect(await bench.woken() == [.plan])
            #expect(await bench.woken(within: .seconds(5)).isEmpty)
        }
    }

    @Test("An object's own status wakes it after the delay")
    func status() async throws {
        try await withFleet { bench in
            let rows: [(ResourceType, String, Work)] = [
                (.dataPlanes, "a", .dataPlane("a")), (.executionLabels, "label1", .executionLabel("label1")),
                (.executionClusterLabels, "p-development", .assignment("p-development")),
                (.flyteProjects, "q", .project("q")), (.clusterRegistries, "flyte", .registry("flyte")),
            ]
            for (type, name, work) in rows {
                try await bench.put(status: ["observedGeneration": 1], of: type, name)
                #expect(await bench.woken().isEmpty, "\(type)")
                #expect(await bench.woken(within: Self.coalescing) == [work])
            }
        }
    }

    @Test("A status that we wrote wakes no DataPlane, unless its cluster is another one")
    func ownStatus() async throws {
        try await withFleet { bench in
            let writer = bench.statuses.writer
            func write(_ generation: Int64, cluster: String = "") async throws -> Set<Work> {
                var status = DataPlaneStatus()
                (status.observedGeneration, status.clusterUID) = (generation, cluster)
                try await writer.write(status, of: bench.stored(DataPlane.self, "a"))
                try await bench.show(.dataPlanes, "a")
                return await bench.woken(within: Self.coalescing)
            }
            #expect(try await write(1) == [.dataPlane("a")], "it had no status")
            #expect(try await write(2) == [.publishing])
            #expect(try await write(3, cluster: "uid") == [.dataPlane("a")])
            #expect(try await write(4, cluster: "uid") == [.publishing])
            // Somebody else's write.
            try await bench.put(status: ["observedGeneration": 5, "clusterUID": "uid"], of: .dataPlanes, "a")
            #expect(await bench.woken(within: Self.coalescing) == [.dataPlane("a")])
        }
    }

    @Test("ClusterProfiles follow each status that the watch shows, our own too")
    func ownStatusForProfiles() async throws {
        try await withFleet { bench in
            try await bench.put("ClusterRegistry", "flyte", ["clusterProfiles": [["namespace": "kueue-system"]]])
            await bench.plan()
            _ = await bench.woken(within: .seconds(5))
            for generation in 1...2 {
                var status = DataPlaneStatus()
                status.observedGeneration = Int64(generation)
                try await bench.statuses.writer.write(status, of: bench.stored(DataPlane.self, "a"))
                try await bench.show(.dataPlanes, "a")
                let woken = await bench.woken(within: .seconds(1))
                if generation == 2 { #expect(woken.contains(.clusterProfiles) && !woken.contains(.dataPlane("a"))) }
            }
        }
    }

    @Test("The plan wakes a changed data plane at once, its dependents later, and no other")
    func changedDataPlane() async throws {
        try await withFleet { bench in
            try await bench.put("DataPlane", "a", ["clusterName": "a", "endpoint": "https://a2.invalid"])
            _ = await bench.woken()
            await bench.reconcile(.plan)
            #expect(await bench.woken() == [.dataPlane("a")])
            #expect(await bench.woken(within: Self.coalescing) == Self.statuses)
        }
    }

    @Test("The plan wakes a changed label, assignments and publishing, but no data plane")
    func changedLabel() async throws {
        try await withFleet { bench in
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "b", "weight": 1]]])
            _ = await bench.woken()
            await bench.reconcile(.plan)
            #expect(await bench.woken().isEmpty)
            #expect(await bench.woken(within: Self.coalescing) == Self.statuses)
        }
    }

    @Test("The plan wakes a new assignment and the registry, and nothing else")
    func newAssignment() async throws {
        try await withFleet { bench in
            try await bench.assign("r")
            _ = await bench.woken()
            await bench.reconcile(.plan)
            #expect(await bench.woken().isEmpty)
            #expect(await bench.woken(within: Self.coalescing) == [.assignment("r-development"), .registry("flyte")])
        }
    }

    @Test("New settings wake every data plane at once and all statuses after the delay")
    func settings() async throws {
        try await withFleet { bench in
            try await bench.put("ClusterRegistry", "flyte", ["values": ["x": "1"]])
            _ = await bench.woken()
            await bench.reconcile(.plan)
            #expect(await bench.woken() == [.dataPlane("a"), .dataPlane("b")])
            #expect(await bench.woken(within: Self.coalescing) == Self.statuses)
        }
    }

    @Test("A credentials Secret wakes its data planes, later publishing and the registry")
    func secret() async throws {
        try await withFleet { bench in
            try await bench.put(
                "DataPlane", "b",
                [
                    "clusterName": "b", "endpoint": "https://b.invalid",
                    "credentials": ["secretName": "other-credentials"],
                ])
            await bench.plan()
            await bench.until { if case .absent = bench.informers.secrets["other-credentials"] { true } else { false } }
            _ = await bench.woken(within: .seconds(5))
            try await bench.put(secret: "cluster-credentials", ["x": "1"])
            await bench.until {
                if case .present = bench.informers.secrets["cluster-credentials"] { true } else { false }
            }
            #expect(await bench.woken() == [.dataPlane("a")])
            #expect(await bench.woken(within: Self.coalescing) == [.publishing, .registry("flyte")])
        }
    }

    @Test("A Secret and a ConfigMap that template values come from wake the plan")
    func values() async throws {
        try await withFleet { bench in
            try await bench.put(
                "ClusterRegistry", "flyte",
                [
                    "valuesFrom": [
                        ["name": "x", "configMapKeyRef": ["name": "values", "key": "x"]],
                        ["name": "y", "secretKeyRef": ["name": "secret-values", "key": "y"]],
                    ]
                ])
            await bench.plan()
            await bench.until {
                guard case .absent = bench.informers.configMaps["values"],
                    case .absent = bench.informers.secrets["secret-values"]
                else { return false }
                return true
            }
            await bench.plan()
            _ = await bench.woken(within: .seconds(5))
            try await bench.put([
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "values", "namespace": "flyte"],
                "data": ["x": "1"],
            ])
            await bench.until { if case .present = bench.informers.configMaps["values"] { true } else { false } }
            #expect(await bench.woken().contains(.plan))
            await bench.plan()
            try await bench.put(secret: "secret-values", ["y": "1"])
            await bench.until { if case .present = bench.informers.secrets["secret-values"] { true } else { false } }
            #expect(await bench.woken().contains(.plan))
        }
    }

    @Test("An agent's facts wake its data plane, and a namespace the objects that report it")
    func agent() async throws {
        try await withFleet { bench in
            bench.router.namespaceChanged("p-development", of: "a", isBusy: false)
            #expect(await bench.woken().isEmpty)
            #expect(
                await bench.woken(within: Self.coalescing)
                    == [.dataPlane("a"), .assignment("p-development"), .registry("flyte")])
            bench.router.namespaceChanged("q-staging", of: "b", isBusy: true)
            #expect(await bench.woken(within: Self.coalescing).isEmpty)
            #expect(
                await bench.woken(within: .milliseconds(800))
                    == [.dataPlane("b"), .project("q"), .registry("flyte")])
            bench.router.namespaceChanged("nobody-knows-it", of: "b", isBusy: false)
            #expect(await bench.woken(within: Self.coalescing) == [.dataPlane("b"), .registry("flyte")])
        }
    }

    @Test("A deleted object is reconciled; doubts and missing kinds wake the registry")
    func others() async throws {
        try await withFleet { bench in
            try await bench.delete(.executionLabels, "label1")
            #expect(await bench.woken() == [.executionLabel("label1"), .plan])
            bench.informers.missingKinds.set("DataPlane", true)
            #expect(await bench.woken() == [.registry("flyte")])
            bench.informers.missingKinds.set("DataPlane", true)
            #expect(await bench.woken().isEmpty)
            let error = KubeError(operation: "list", cause: .unexpectedAnswer("a page of a proxy"))
            bench.informers.doubts.watch(
                of: "dataplanes", isHeld: true, became: .failing(error: error, attempts: 3, retryIn: .seconds(1)))
            #expect(await bench.woken() == [.registry("flyte")])
        }
    }

    @Test("Each new text of reconcile-requested-at counts as a request once")
    func requested() async throws {
        try await withFleet { bench in
            for (text, isNew) in [("1", true), ("1", false), ("2", true)] {
                try await bench.admin.mergePatch(
                    ["metadata": ["annotations": [ObjectMeta.requestAnnotation: .string(text)]]], type: .dataPlanes,
                    namespace: "flyte", name: "a")
                try await bench.show(.dataPlanes, "a")
                let woken = await bench.woken(within: Self.coalescing)
                #expect(woken.contains(.requested(.dataPlane("a"))) == isNew)
            }
            await bench.reconcile(.requested(.dataPlane("a")))
            #expect(await bench.woken() == [.dataPlane("a")])
            await bench.reconcile(.requested(.registry("flyte")))
            #expect(await bench.woken() == [.registry("flyte"), .plan, .publishing])
        }
    }
}
