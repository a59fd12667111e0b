import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Operator

@Suite("The controller of what is published", .timeLimit(.minutes(5)))
struct PublishingControllerTests {
    private static let map = Publish.defaultConfigMap
    private static let publish: JSON = ["publish": ["clustersConfigMap": ["name": .string(map)]]]
    private static let restarting: JSON = [
        "publish": [
            "clustersConfigMap": ["name": .string(map)], "restart": [["name": "flyteadmin"]], "minIntervalSeconds": 0,
        ]
    ]

    private static func text(_ bench: ControllerBench) async throws -> String? {
        try await bench.admin.get(ConfigMap.resourceType, namespace: "flyte", name: map)[
            path: ["data", Publish.defaultKey]]?.string
    }
    /// How often the ConfigMap was applied by the operator.
    private static func applies(_ bench: ControllerBench) -> Int {
        bench.api.writes.count { $0.target.contains("/configmaps/") && $0.target.contains("fieldManager=squadron") }
    }
    private static func restarts(_ bench: ControllerBench) -> Int {
        bench.api.writes.count { $0.target.contains("/deployments/") && $0.target.contains("fieldManager=squadron") }
    }

    /// A data plane and a label, with a registry that publishes them. The watches have shown that there is no ConfigMap.
    private func withFleet(
        _ registry: JSON = publish, _ body: @escaping @Sendable (ControllerBench) async throws -> Void
    ) async throws {
        try await withBench { bench in
            try await bench.put("ClusterRegistry", "flyte", registry)
            try await bench.enroll("a")
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            await bench.plan()
            #expect(await bench.reconcile(.publishing) == .requeue(after: Delay.coalescing), "nothing is known yet")
            await bench.until { if case .absent = bench.informers.published[Self.map] { true } else { false } }
            _ = await bench.woken(within: .seconds(1))
            try await body(bench)
        }
    }

    @Test("The data planes are published once, also while the watch has not shown our write")
    func once() async throws {
        try await withFleet { bench in
            #expect(await bench.reconcile(.publishing) != .requeue(after: Delay.coalescing))
            let text = try await Self.text(bench) ?? ""
            #expect(ClustersConfiguration(yaml: text)?.clusters.map(\.name) == ["a"])
            await bench.reconcile(.publishing)
            #expect(Self.applies(bench) == 1)
            #expect(await bench.woken(within: Delay.coalescing).contains(.registry("flyte")))
        }
    }

    @Test("A ConfigMap that somebody deletes is made again")
    func deleted() async throws {
        try await withFleet { bench in
            await bench.reconcile(.publishing)
            await bench.until { if case .present = bench.informers.published[Self.map] { true } else { false } }
            await bench.reconcile(.publishing)
            try await bench.admin.delete(ConfigMap.resourceType, namespace: "flyte", name: Self.map)
            await bench.until { if case .absent = bench.informers.published[Self.map] { true } else { false } }
            await bench.reconcile(.publishing)
            #expect(Self.applies(bench) == 2)
            #expect(try await Self.text(bench)?.isEmpty == false)
        }
    }

    @Test("A key of another manager is taken over with an event, and other keys stay")
    func takesOver() async throws {
        try await withFleet { bench in
            try await bench.put([
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(Self.map), "namespace": "flyte"],
                "data": [Publish.defaultKey: "clusters: {}\n", "other.yaml": "keep: me\n"],
            ])
            await bench.until { if case .present = bench.informers.published[Self.map] { true } else { false } }
            await bench.reconcile(.publishing)
            #expect(try await Self.text(bench)?.contains("label1") == true)
            let map = try await bench.admin.get(ConfigMap.self, namespace: "flyte", name: Self.map)
            #expect(map.data["other.yaml"] == "keep: me\n")
            #expect(bench.events.all.first { $0.reason == "TakenOver" }?.note.contains("from kubectl") == true)
        }
    }

    @Test("A label's last cluster stays for a minute without its token, then it is closed")
    func withoutToken() async throws {
        try await withFleet { bench in
            await bench.reconcile(.publishing)
            let before = try await Self.text(bench)
            try await bench.put(secret: "cluster-credentials", ["a_token": ""])
            await bench.until {
                guard case .present(let content) = bench.informers.secrets["cluster-credentials"] else { return false }
                return content["a_token"]?.isEmpty ?? true
            }
            await bench.reconcile(.publishing)
            #expect(try await Self.text(bench) == before)
            bench.clock.advance(by: .seconds(61))
            await bench.reconcile(.publishing)
            let configuration = try await Self.text(bench).flatMap { ClustersConfiguration(yaml: $0) }
            #expect(configuration?.clusters.first?.isClosed == true)
        }
    }

    @Test("A registry that the plan does not know yet publishes nothing: it may say Observe")
    func unknownRegistry() async throws {
        try await withFleet { bench in
            try await bench.put(
                "ClusterRegistry", "flyte",
                ["mode": "Observe", "publish": ["clustersConfigMap": ["name": .string(Self.map)]]])
            await bench.reconcile(.publishing)
            await bench.plan()
            await bench.reconcile(.publishing)
            #expect(Self.applies(bench) == 0)
        }
    }

    @Test("Credentials that can't be read after a restart change nothing")
    func unreadableCredentials() async throws {
        try await withFleet { bench in
            // No label has it.
            try await bench.enroll("b", ["unschedulable": true])
            await bench.plan()
            await bench.reconcile(.publishing)
            let before = try await Self.text(bench)
            #expect(ClustersConfiguration(yaml: before ?? "")?.clusters.map(\.name) == ["a", "b"])
            // The watch of the Secret begins again, as in a new process.
            bench.informers.secrets.follow([])
            bench.api.fail { $0.target.contains("/secrets") ? .status(500) : nil }
            bench.informers.secrets.follow([PublishedCredentials.secretName])
            await bench.until {
                if case .unreadable = bench.informers.secrets[PublishedCredentials.secretName] { true } else { false }
            }
            await bench.reconcile(.publishing)
            #expect(try await Self.text(bench) == before && Self.applies(bench) == 1)
            guard case .failed(let why)? = bench.reports.publishing.result?.publishing else {
                return #expect(Bool(false), "it says so")
            }
            #expect(why.contains("cluster-credentials can't be read") && why.contains("the last good state stays"))
        }
    }

    @Test("Without a registry that asks for it, and in Observe, nothing is written")
    func notAsked() async throws {
        try await withFleet { bench in
            for spec: JSON in [
                [:], ["mode": "Observe", "publish": ["clustersConfigMap": ["name": .string(Self.map)]]],
            ] {
                try await bench.put("ClusterRegistry", "flyte", spec)
                await bench.plan()
                #expect(await bench.reconcile(.publishing) == .done)
            }
            try await bench.delete(.clusterRegistries, "flyte")
            await bench.plan()
            #expect(await bench.reconcile(.publishing) == .done)
            #expect(Self.applies(bench) == 0)
        }
    }

    @Test("A refused write is reported and tried again after a minute; a lost one fails")
    func refused() async throws {
        try await withFleet { bench in
            bench.api.fail { $0.target.contains("/configmaps/") && $0.isWrite ? .status(403) : nil }
            guard case .requeue(let again) = await bench.reconcile(.publishing) else {
                return #expect(Bool(false), "it looks again")
            }
            #expect(again > .seconds(59) && again < .seconds(62))
            try await bench.work(.registry("flyte"))
            #expect(try await bench.reasons(ClusterRegistry.self, "flyte")["Published"] == "PublishFailed")
            bench.api.heal()
            bench.api.fail { $0.target.contains("/configmaps/") && $0.isWrite ? .status(503) : nil }
            guard case .failed = await bench.reconcile(.publishing) else {
                return #expect(Bool(false), "it has failed")
            }
        }
    }

    @Test("flyteadmin is restarted once for each state, after 3 s without a change")
    func restart() async throws {
        try await withFleet(Self.restarting) { bench in
            try await bench.put([
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": ["name": "flyteadmin", "namespace": "flyte"],
                "spec": [
                    "replicas": 1, "selector": ["matchLabels": ["app": "flyteadmin"]],
                    "template": [
                        "metadata": ["labels": ["app": "flyteadmin"]],
                        "spec": ["containers": [["name": "main", "image": "flyteadmin"]]],
                    ],
                ],
            ])
            // No controller of Deployments runs here.
            try await bench.admin.mergePatch(
                [
                    "status": [
                        "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                        "availableReplicas": 1,
                    ]
                ], type: Deployment.resourceType, namespace: "flyte", name: "flyteadmin", subresource: "status")
            await bench.until {
                guard case .present(let object) = bench.informers.deployments["flyteadmin"] else { return false }
                return object.status.observedGeneration == 1
            }
            // What has read nothing of ours yet is a cluster that does not work: it has to be there first.
            try await bench.connect("a")
            await bench.reconcile(.publishing)
            #expect(Self.restarts(bench) == 0)
            bench.clock.advance(by: .seconds(2))
            await bench.reconcile(.publishing)
            #expect(Self.restarts(bench) == 0)
            bench.clock.advance(by: .seconds(1))
            await bench.reconcile(.publishing)
            #expect(Self.restarts(bench) == 1 && bench.events.reasons.contains("Restarted"))
            // The watch may be behind our own write.
            await bench.reconcile(.publishing)
            #expect(Self.restarts(bench) == 1)
        }
    }
}
