import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("Reconciling and Stalled")
struct ProgressTests {
    private func added(_ seen: DataPlaneFacts, _ change: (inout DataPlaneSpec) -> Void = { _ in }) -> String {
        let object = dataPlane("a", change)
        let findings = DataPlaneConditions.conditions(of: object, seen).withProgress()
        guard let last = findings.last, last.type != .ready else { return "" }
        #expect(last.status == .isTrue)
        return "\(last.type.rawValue) \(last.reason)"
    }
    private func added(_ change: (inout DataPlaneFacts) -> Void) -> String {
        var seen = DataPlaneConditionTests.healthy()
        change(&seen)
        return added(seen)
    }
    private func failing(_ reasons: FailureReason..., pending: Int = 0) -> String {
        added { seen in
            seen.sync = .counted(
                .init(desired: 9 + reasons.count + pending, synced: 9, failed: reasons.count))
            seen.failures = reasons.map { DataPlaneConditionTests.failure($0) }
        }
    }

    @Test("Neither is there while the object is Ready, nor while it is disabled")
    func ready() {
        #expect(added { _ in } == "")
        #expect(added(DataPlaneConditionTests.healthy()) { $0.enabled = false } == "")
    }

    @Test("A server that is away is waited for: Reconciling")
    func away() {
        for reason: ReachableReason in [.connectFailed, .dnsFailed, .timeout, .serverError, .tooManyRequests] {
            #expect(added { $0.probe = .failed(reason, "") } == "Reconciling \(reason.rawValue)")
        }
        #expect(added { $0.credentials = .invalid(.renewalFailed, "") } == "Reconciling RenewalFailed")
        #expect(added(DataPlaneFacts()) == "Reconciling Pending")
    }

    @Test("Where only a person can help it is Stalled")
    func person() {
        #expect(added { $0.credentials = .invalid(.tokenMalformed, "") } == "Stalled TokenMalformed")
        #expect(added { $0.probe = .failed(.tlsUntrusted, "") } == "Stalled TLSUntrusted")
        #expect(added { $0.identity = .changed(recorded: "u", found: "v") } == "Stalled IdentityChanged")
        #expect(added { $0.duplicate = "DataPlane b is older" } == "Stalled DuplicateCluster")
        #expect(added(DataPlaneConditionTests.healthy()) { $0.endpoint = "http://a" } == "Stalled Invalid")
    }

    @Test("What fails in namespaces stalls it only where each failure needs a person")
    func failures() {
        #expect(failing(.conflict) == "Stalled Conflict")
        #expect(failing(.forbidden, .placeholderUnresolved) == "Stalled SyncFailed")
        #expect(failing(.forbidden, .serverError) == "Reconciling SyncFailed")
        #expect(failing(.forbidden, pending: 1) == "Reconciling SyncFailed", "others are on their way")
    }

    @Test("Labels, assignments and the registry have it too; NoReadyCluster reconciles")
    func otherKinds() {
        func last(_ conditions: [Condition]) -> String {
            conditions.last.map { "\($0.type) \($0.reason)" } ?? ""
        }
        let labels = [label("gone", [("x", 1)]), label("down", [("down", 1)])]
        let findings = LabelResolution.all(labels, clusters: ["down": .notReady])
        #expect(last(findings["gone"]?.status(of: labels[0], now: now).conditions ?? []) == "Stalled UnknownCluster")
        #expect(
            last(findings["down"]?.status(of: labels[1], now: now).conditions ?? []) == "Reconciling NoReadyCluster")
        let unlabelled = AssignmentFacts(
            object: assignment("a", "p", "d"), duplicateOf: nil, label: nil, namespace: .name("p-d"),
            progress: .init(desired: 1, synced: 1, failed: 0), publication: .notConfigured)
        #expect(last(unlabelled.status(now: now).conditions) == "Stalled LabelNotFound")
        var seen = RegistryFacts()
        seen.notReadyDataPlanes = ["a"]
        let registry = ClusterRegistry(metadata: metadata("flyte"), spec: .init())
        #expect(last(seen.status(of: registry, now: now).conditions) == "Reconciling DataPlanesNotReady")
    }

    @Test("They leave the status once it is Ready, and keep their time while they stay")
    func comeAndGo() {
        var object = dataPlane("a")
        var seen = DataPlaneConditionTests.healthy()
        seen.probe = .failed(.timeout, "first")
        object.status = seen.status(of: object, now: now)
        seen.probe = .failed(.connectFailed, "second")
        object.status = seen.status(of: object, now: now + 10.0)
        #expect(object.status?.conditions[.reconciling]?.lastTransitionTime == Timestamp(now))
        #expect(object.status?.conditions[.reconciling]?.message == "second")
        object.status = DataPlaneConditionTests.healthy().status(of: object, now: now + 20.0)
        #expect(object.status?.conditions[.reconciling] == nil && object.status?.conditions[.stalled] == nil)
    }

    @Test("A status with only the CRD's default says that nobody has looked at the object")
    func defaulted() throws {
        let json: JSON = [
            "metadata": ["name": "flyte"], "spec": [:], "status": ["observedGeneration": -1],
        ]
        #expect(try ClusterRegistry(json: json).status == nil)
        var label = json
        label["spec"] = ["clusters": [["name": "a", "weight": 1]]]
        #expect(try ExecutionLabel(json: label).status == nil)
        label["status"] = ["observedGeneration": 1]
        #expect(try ExecutionLabel(json: label).status != nil)
    }

    @Test("Every CRD defaults status.observedGeneration to -1", arguments: Kind.all)
    func defaults(_ kind: Kind) throws {
        #expect(try kind.schema()[path: ["properties", "status", "default"]] == ["observedGeneration": -1])
    }
}
