import Fleet
import JSON
import KubeObjects
import Support
import Testing

@testable import Console

/// A control plane and a data plane as `squadron leave` sees them, and what becomes of them.
private struct World {
    var isThere = true
    var isCordoned = false
    var isLeaving = false
    var clusterUID = "u1"
    /// Whether it is enabled in the published text. Nil: it is not in it.
    var published: Bool? = true
    var hasRolledOut = true
    var hasFlyteAdmin = true
    /// The count, and when it was asked.
    var executions: (running: Int, asOf: String)? = (0, "2026-06-01T12:00:00Z")
    var keys: Set = ["dataplane_1_token", "dataplane_1_cacert", "dataplane_2_token", "dataplane_2_cacert"]
    var annotations: Set = ["multicluster.flyte.org/hosts.dataplane_1", "multicluster.flyte.org/hosts.dataplane_2"]
    var owner: String?
    var accounts = ["ServiceAccount squadron", "Secret squadron-token", "ClusterRole squadron"]
    var label: String?
    /// Another ConfigMap that names the cluster.
    var hasHelmsFile = false
    var isObserving = false

    static let rolledOut = "2026-06-01T11:00:00Z"

    private func configuration(_ enabled: Bool) -> ClustersConfiguration {
        let other = ClustersConfiguration.Cluster(
            name: "dataplane_2", enabled: true,
            access: .remote(endpoint: "https://b", tokenPath: "/c/dataplane_2_token", certPath: "/c/dataplane_2_cacert")
        )
        let own = ClustersConfiguration.Cluster(
            name: "dataplane_1", enabled: enabled,
            access: .remote(endpoint: "https://a", tokenPath: "/c/dataplane_1_token", certPath: "/c/dataplane_1_cacert")
        )
        return ClustersConfiguration(clusters: [own, other])
    }

    func facts() throws -> LeaveFacts {
        var text = """
            ---
            apiVersion: multicluster.flyte.org/v1alpha1
            kind: DataPlane
            metadata: {name: dataplane-2, namespace: flyte}
            spec: {clusterName: dataplane_2, endpoint: "https://b"}

            """
        if isThere {
            let count = executions.map { "executions: {running: \($0.running), asOf: \"\($0.asOf)\"}" } ?? ""
            text += """
                ---
                apiVersion: multicluster.flyte.org/v1alpha1
                kind: DataPlane
                metadata: {name: dataplane-1, namespace: flyte, annotations: {multicluster.flyte.org/leaving: "\(isLeaving)"}}
                spec: {clusterName: dataplane_1, endpoint: "https://a", unschedulable: \(isCordoned)}
                status: {clusterUID: u1, conditions: [], \(count)}

                """
        }
        if let label {
            text += """
                ---
                apiVersion: multicluster.flyte.org/v1alpha1
                kind: ExecutionLabel
                metadata: {name: \(label), namespace: flyte}
                spec: {clusters: [{name: dataplane_1, weight: 0}, {name: dataplane_2, weight: 1}]}

                """
        }
        var facts = LeaveFacts(objects: try objects(text))
        var flyte = FlyteAdminFacts()
        var spec: JSON = [
            "mode": isObserving ? "Observe" : "Enforce",
            "publish": ["clustersConfigMap": [:], "restart": [["kind": "Deployment", "name": "a"]]],
        ]
        if hasFlyteAdmin { spec["flyteAdmin"] = ["endpoint": "https://flyteadmin.flyte.svc"] }
        let object: JSON = ["metadata": ["name": "flyte", "namespace": "flyte"], "spec": spec]
        let registry = try ClusterRegistry(json: object).spec
        flyte.registry = registry
        flyte.conditions = [
            Condition(
                type: "RolledOut", status: hasRolledOut ? .isTrue : .isFalse,
                reason: hasRolledOut ? "RolledOut" : "Progressing",
                message: "", observedGeneration: nil, lastTransitionTime: Timestamp(Self.rolledOut)!)
        ]
        var ours = configuration(published ?? true)
        if published == nil { ours.clusters.removeAll { $0.name == "dataplane_1" } }
        let target = try #require(flyte.target)
        flyte.files = [.init(map: target.name, key: target.key, configuration: ours)]
        if hasHelmsFile {
            flyte.files.append(.init(map: target.name, key: "clusters.yaml", configuration: configuration(true)))
        }
        flyte.published = PublishedClusters(text: ours.yaml, checksum: "sum")
        let template: JSON = [
            "metadata": ["annotations": [RolloutPlan.checksumAnnotation: hasRolledOut ? "sum" : "old"]]
        ]
        let status: JSON = ["observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1]
        flyte.deployments = [
            try Deployment(
                json: [
                    "metadata": ["name": "a", "generation": 1], "spec": ["replicas": 1, "template": template],
                    "status": status,
                ])
        ]
        facts.flyteAdmin = flyte
        facts.secrets = [
            SecretKeys(name: "cluster-credentials", keys: keys, annotations: annotations, owner: owner, version: "1")
        ]
        facts.clusterUID = clusterUID
        facts.accounts = accounts.map { text in
            let words = text.split(separator: " ").map(String.init)
            return JoinedObject(JoinRun.types[words[0]]!, words[1])
        }
        return facts
    }

    mutating func take(_ step: LeavePlan.Step) {
        switch step {
        case .cordon: isCordoned = true
        case .unpublish: isLeaving = true
        case .removeKeys(_, let gone, let notes):
            keys.subtract(gone)
            annotations.subtract(notes)
        case .removeAccount(let object): accounts.removeAll { $0 == object.description }
        case .removeDataPlane: isThere = false
        case .wait:
            // The operator and flyteadmin get on.
            published = isLeaving ? nil : isCordoned ? false : true
            hasRolledOut = true
            if isCordoned { executions = (0, "2026-06-01T12:00:00Z") }
        case .refuse, .removeOther, .done: break
        }
    }

    /// What flyteadmin reads has its files, and the DataPlane says what is its own until that is gone.
    var isSafe: Bool {
        let hasFiles = keys.isSuperset(of: ["dataplane_1_token", "dataplane_1_cacert"])
        return (hasFiles || (published == nil && !hasHelmsFile)) && (isThere || !hasFiles || hasHelmsFile)
            && keys.isSuperset(of: ["dataplane_2_token", "dataplane_2_cacert"])
    }
}

@Suite("squadron leave")
struct LeaveTests {
    private static func request(_ change: (inout LeaveRequest) -> Void = { _ in }) -> LeaveRequest {
        var request = LeaveRequest(name: "dataplane-1", namespace: "flyte")
        change(&request)
        return request
    }
    private func plan(
        _ request: LeaveRequest = request(), _ change: (inout World) -> Void = { _ in }
    ) throws -> LeavePlan {
        var world = World()
        change(&world)
        return LeavePlan(request, try world.facts())
    }
    private func refusal(_ plan: LeavePlan) -> String {
        if case .refuse(let text) = plan.step { text } else { "none: \(plan.step)" }
    }

    /// Runs until it is done, or refuses. Reports each step.
    private func run(
        _ world: inout World, _ request: LeaveRequest = request(), steps limit: Int = 50
    ) throws -> [LeavePlan.Step] {
        var steps: [LeavePlan.Step] = []
        while steps.count < limit {
            let plan = LeavePlan(request, try world.facts())
            steps.append(plan.step)
            if case .refuse = plan.step { break }
            if plan.step == .done { break }
            world.take(plan.step)
            #expect(world.isSafe, "\(plan.step)")
        }
        return steps
    }

    @Test("Interrupted after each step and run again, it ends with all of it gone")
    func interrupted() throws {
        var whole = World()
        whole.executions = nil
        let count = try run(&whole).count
        #expect(count > 8)
        for stop in 1...count {
            var world = World()
            world.executions = nil
            _ = try run(&world, steps: stop)
            // Another run, for which flyteadmin's rollouts have begun again meanwhile.
            world.hasRolledOut = false
            let end = try run(&world).last
            #expect(end == .done)
            #expect(!world.isThere && world.accounts.isEmpty, "stopped after \(stop)")
            #expect(world.keys == ["dataplane_2_token", "dataplane_2_cacert"])
            #expect(world.annotations == ["multicluster.flyte.org/hosts.dataplane_2"])
        }
        #expect(try plan { $0.isThere = false }.step == .done)
    }

    @Test("While an ExecutionLabel names the cluster, with any weight, nothing is done")
    func labels() throws {
        let plan = try plan { $0.label = "label1" }
        #expect(refusal(plan).contains("ExecutionLabel label1"), "\(plan.step)")
    }

    @Test("Executions keep it, and a count from before the rollout says nothing")
    func executions() throws {
        let cordoned: (inout World) -> Void = { ($0.isCordoned, $0.published) = (true, false) }
        let running = try plan {
            cordoned(&$0)
            $0.executions = (3, "2026-06-01T12:00:00Z")
        }
        #expect(refusal(running).contains("runs 3 executions"), "\(running.step)")
        for time in ["2026-06-01T10:59:57Z", "2026-06-01T10:00:00Z"] {
            let old = try plan {
                cordoned(&$0)
                $0.executions = (0, time)
            }
            guard case .wait(let text) = old.step else { throw Unexpected(step: old.step) }
            #expect(text.contains("ask flyteadmin what runs"))
        }
        let unknown = try plan {
            cordoned(&$0)
            $0.hasFlyteAdmin = false
        }
        #expect(refusal(unknown).contains("--abandon-executions"), "\(unknown.step)")
        let abandoned = try plan(Self.request { $0.abandonsExecutions = true }) {
            cordoned(&$0)
            $0.executions = (3, "2026-06-01T12:00:00Z")
        }
        #expect(abandoned.step == .unpublish)
    }

    private struct Unexpected: Error { var step: LeavePlan.Step }

    @Test("Keys that another file of flyteadmin's names stay, with the accounts")
    func named() throws {
        var world = World()
        world.hasHelmsFile = true
        let end = try run(&world).last
        #expect(end == .done)
        #expect(!world.isThere && world.keys.count == 4 && world.accounts.count == 3)
        let plan = try plan {
            ($0.isCordoned, $0.isLeaving, $0.published, $0.hasHelmsFile) = (true, true, nil, true)
        }
        #expect(plan.step == .removeDataPlane)
        #expect(plan.notes.contains { $0.contains("key clusters.yaml names it") }, "\(plan.notes)")
    }

    @Test("A Secret that another controller keeps is left, and so is what others wrote too")
    func others() throws {
        let plan = try plan {
            ($0.isCordoned, $0.isLeaving, $0.published, $0.owner) = (true, true, nil, "ExternalSecret clusters")
            $0.accounts = []
        }
        #expect(plan.step == .removeDataPlane && plan.notes.contains { $0.contains("ExternalSecret clusters") })
        var world = World()
        (world.isCordoned, world.isLeaving, world.published) = (true, true, nil)
        world.keys = ["dataplane_2_token", "dataplane_2_cacert"]
        world.annotations = []
        var facts = try world.facts()
        facts.accounts?[0].others = ["kubectl"]
        let left = LeavePlan(Self.request(), facts)
        #expect(left.notes.contains { $0.contains("kubectl wrote it too") }, "\(left.notes)")
        #expect(LeavePlan(Self.request { $0.keepsAccount = true }, facts).step == .removeDataPlane)
        facts.accounts = nil
        #expect(LeavePlan(Self.request(), facts).notes.contains { $0.contains("--cluster-context") })
    }

    @Test("Another cluster behind the context, and a registry in Observe, are refused")
    func refused() throws {
        #expect(refusal(try plan { $0.clusterUID = "u2" }).contains("another cluster"))
        #expect(refusal(try plan { $0.isObserving = true }).contains("Observe"))
    }

    @Test("What join made says for which DataPlane, and is found by that alone")
    func joined() throws {
        let request = JoinRequest(name: "dataplane-1", endpoint: "https://a", namespace: "flyte")
        for document in request.documents(rules: []) where document["kind"] != "Namespace" {
            let metadata = try DynamicObject(json: document).metadata
            guard let type = JoinRun.types[document["kind"]?.string ?? ""], type.group != FleetGroup.name else {
                continue
            }
            #expect(metadata.labels?["app.kubernetes.io/name"] == "squadron")
            #expect(JoinedObject(type, metadata, of: "dataplane-1")?.others == [])
            #expect(JoinedObject(type, metadata, of: "dataplane-2") == nil)
        }
    }
}
