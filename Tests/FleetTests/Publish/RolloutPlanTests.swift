import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("Restarting what has read another state")
struct RolloutPlanTests {
    private enum State { case complete, progressing, stuck, paused, unavailable }

    private func workload(_ name: String, _ checksum: String?, _ state: State = .complete, restarted: Double? = nil)
        throws -> RolloutPlan.Workload
    {
        var annotations: JSON = [:]
        if let checksum { annotations[RolloutPlan.checksumAnnotation] = .string(checksum) }
        if let restarted {
            annotations[RolloutPlan.timeAnnotation] = .string(Timestamp(now + -restarted).description)
        }
        var json: JSON = [
            "metadata": ["name": .string(name), "namespace": "flyte", "generation": 2],
            "spec": ["replicas": 1, "template": ["metadata": ["annotations": annotations]]],
            "status": ["observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1],
        ]
        switch state {
        case .complete: break
        case .progressing: json[path: ["status", "observedGeneration"]] = 1
        case .unavailable: json[path: ["status", "availableReplicas"]] = 0
        case .paused: json[path: ["spec", "paused"]] = true
        case .stuck:
            json[path: ["status", "conditions"]] = [
                [
                    "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                    "message": "stuck", "lastTransitionTime": "2026-01-01T00:00:00Z",
                ]
            ]
        }
        return .init(name, .present(try Deployment(json: json)))
    }
    private func next(_ workloads: [RolloutPlan.Workload]) -> RolloutPlan.Step {
        RolloutPlan.next(workloads, checksum: "new", minInterval: 300, now: now)
    }
    private func restart(_ name: String) -> RolloutPlan.Step {
        .restart(
            name,
            annotations: [
                RolloutPlan.checksumAnnotation: "new", RolloutPlan.timeAnnotation: "2026-01-02T03:04:05Z",
            ])
    }

    @Test("What has read another state, or none of ours yet, is restarted")
    func restarts() throws {
        #expect(next([try workload("a", "old")]) == restart("a"))
        #expect(next([try workload("a", nil)]) == restart("a"))
        #expect(next([try workload("a", "new")]) == .done("restarted and available: a"))
        #expect(next([]) == .done("restarted and available: "))
    }

    @Test("The next one waits until this one is available")
    func order() throws {
        #expect(next([try workload("a", "old"), try workload("b", "old")]) == restart("a"))
        guard case .wait(let text, nil) = next([try workload("a", "new", .progressing), try workload("b", "old")])
        else { return #expect(Bool(false), "b must wait") }
        #expect(text.contains("Deployment a"))
        #expect(next([try workload("a", "new"), try workload("b", "old")]) == restart("b"))
    }

    @Test("A Deployment is restarted once in an interval")
    func interval() throws {
        guard case .wait(_, let until) = next([try workload("a", "old", restarted: 299)]) else {
            return #expect(Bool(false), "it must wait")
        }
        #expect(until == now + 1)
        #expect(next([try workload("a", "old", restarted: 300)]) == restart("a"))
        #expect(next([try workload("a", "old", restarted: -50)]) == restart("a"), "another clock's time says nothing")
    }

    @Test("A running rollout may end; one stuck on another state restarts, on ours it fails")
    func stuck() throws {
        guard case .wait = next([try workload("a", "old", .progressing)]) else {
            return #expect(Bool(false), "it must wait")
        }
        #expect(next([try workload("a", "old", .stuck)]) == restart("a"))
        #expect(next([try workload("a", "old", .unavailable)]) == restart("a"), "a pod that is away holds nothing up")
        guard case .wait = next([try workload("a", "new", .unavailable), try workload("b", "old")]) else {
            return #expect(Bool(false), "b waits until a is available")
        }
        #expect(next([try workload("a", "new", .stuck), try workload("b", "old")]) == .failed("Deployment a: stuck"))
    }

    @Test("What can't be restarted has failed, and what isn't known yet is left alone")
    func failures() throws {
        #expect(next([.init("a", .absent)]) == .failed("Deployment a does not exist"))
        guard case .failed(let text) = next([try workload("a", "old", .paused)]) else {
            return #expect(Bool(false), "a paused Deployment takes no restart")
        }
        #expect(text.contains("paused"))
        #expect(next([.init("a", .unknown), try workload("b", "old")]) == .unknown)
    }

    /// flyteadmin as Flyte's chart makes it.
    private func charts(_ checksum: String?) throws -> RolloutPlan.Workload {
        guard case .present(var deployment) = try workload("flyteadmin", checksum).reading else {
            return .init("", .absent)
        }
        deployment.initContainers = [
            .init(name: "run-migrations", words: ["flyteadmin", "--config", "/etc/*.yaml", "migrate", "run"]),
            .init(
                name: "sync-cluster-resources",
                words: ["flyteadmin", "--config", "/etc/*.yaml", "clusterresource", "sync"]),
        ]
        return .init("flyteadmin", .present(deployment))
    }

    @Test("flyteadmin is not restarted while a dead cluster would fail its init container")
    func held() throws {
        func next(_ workload: RolloutPlan.Workload, dead: [String]) -> RolloutPlan.Step {
            RolloutPlan.next([workload], checksum: "new", minInterval: 300, dead: dead, now: now)
        }
        guard case .held(let text) = next(try charts("old"), dead: ["dp_2"]) else {
            return #expect(Bool(false), "it is held")
        }
        #expect(text.contains("sync-cluster-resources") && text.contains("dp_2") && text.contains("cordon"))
        #expect(next(try charts("old"), dead: []) == restart("flyteadmin"))
        #expect(next(try workload("a", "old"), dead: ["dp_2"]) == restart("a"), "without that container it starts")
        guard case .done(let said) = next(try charts("new"), dead: ["dp_2"]) else {
            return #expect(Bool(false), "it has read it")
        }
        #expect(said.contains("don't restart flyteadmin now"))
    }

    @Test("Init containers are read from the pod template")
    func initContainers() throws {
        let json: JSON = [
            "metadata": ["name": "a", "namespace": "flyte"],
            "spec": [
                "template": [
                    "spec": ["initContainers": [["name": "i", "command": ["a", "b"], "args": ["c"]], ["name": "j"]]]
                ]
            ],
        ]
        #expect(
            try Deployment(json: json).initContainers == [
                .init(name: "i", words: ["a", "b", "c"]), .init(name: "j", words: []),
            ])
    }

    @Test("The checksum moves with the text and each credential, and reveals no credential")
    func checksum() {
        func sum(_ weight: Double, _ credentials: [String?]) -> String {
            var sum = ClustersChecksum(
                ClustersConfiguration(labels: ["l": [.init(id: "a", weight: weight)]]), published: nil)
            for credential in credentials { sum.add(credential.map { Sensitive($0) }) }
            return sum.text
        }
        let sums = [
            sum(1, ["t", "ca"]), sum(0.5, ["t", "ca"]), sum(1, ["u", "ca"]), sum(1, ["tc", "a"]), sum(1, [nil, "tca"]),
        ]
        #expect(Set(sums).count == sums.count && sums.allSatisfy { $0.count == 64 })
        #expect(sum(1, ["t", "ca"]) == sums[0])
    }
}
