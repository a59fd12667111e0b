import KubeObjects
import Testing

@testable import Fleet

@Suite("How a data plane is for labels")
struct ClusterStateTests {
    @Test("What isn't known is undetermined, not away")
    func states() {
        func state(_ available: Condition.Status?, enabled: Bool = true) -> ClusterState {
            Self.state(["Available": available], enabled: enabled)
        }
        #expect(state(.isTrue) == .ready && state(.isFalse) == .notReady)
        #expect(state(.unknown) == .undetermined && state(nil) == .undetermined)
        #expect(state(.isTrue, enabled: false) == .disabled)
    }

    @Test("A cordoned one is Unschedulable, however it is; a disabled one stays Disabled")
    func cordoned() {
        func state(_ change: @escaping (inout DataPlaneSpec) -> Void) -> ClusterState {
            ClusterState(
                dataPlane("a") {
                    $0.unschedulable = true
                    change(&$0)
                }, nil)
        }
        #expect(state { _ in } == .unschedulable)
        #expect(state { $0.enabled = false } == .disabled)
    }

    @Test("A cluster that is Available but not Ready counts as ready for its label")
    func notInSync() {
        #expect(Self.state(["Available": .isTrue, "Ready": .isFalse]) == .ready)
        #expect(Self.state(["Available": .isFalse, "Ready": .isTrue]) == .notReady)
    }

    @Test("For a status without Available, from an older operator, Ready decides")
    func olderStatus() {
        #expect(Self.state(["Ready": .isTrue]) == .ready)
        #expect(Self.state(["Ready": .isFalse]) == .notReady)
    }

    private static func state(_ conditions: [String: Condition.Status?], enabled: Bool = true) -> ClusterState {
        var status = DataPlaneStatus()
        status.conditions = conditions.compactMap { type, known in
            known.map {
                Condition(
                    type: type, status: $0, reason: "R", message: "", observedGeneration: 1,
                    lastTransitionTime: Timestamp(now))
            }
        }
        return ClusterState(dataPlane("a") { $0.enabled = enabled }, status)
    }
}

@Suite("Labels and weights")
struct LabelTests {
    static let weightCases: [([(String, Double)], Bool)] = [
        ([("a", 1)], true), ([("a", 0.5), ("b", 0.5)], true), ([("a", 1), ("b", 0)], true),
        ([("a", 0.333), ("b", 0.333), ("c", 0.333)], true), ([("a", 0.5), ("b", 0.501)], true),
        ([("a", 0.1), ("b", 0.2), ("c", 0.7)], true), ((0..<10).map { ("c\($0)", 0.1) }, true),
        ([("a", 0.5), ("b", 0.502)], false), ([("a", 0.5), ("b", 0.498)], false), ([("a", 0)], false), ([], false),
        ([("a", 2), ("b", -1)], false), ([("a", .nan)], false), ([("a", .infinity)], false),
        ([("a", 0.5), ("a", 0.5)], false),
    ]
    @Test(
        "Weights lie in 0 to 1, name a cluster once and sum to 1 within a thousandth", arguments: weightCases)
    func weights(_ entry: (clusters: [(String, Double)], isGood: Bool)) {
        let clusters = entry.clusters.map { ExecutionLabelSpec.Cluster(name: $0.0, weight: $0.1) }
        #expect((LabelWeights.problem(clusters) == nil) == entry.isGood)
        let resolved = LabelResolution.all([label("l", entry.clusters)], clusters: [:])["l"]
        #expect((resolved?.ready.reason == "WeightsInvalid") == !entry.isGood)
    }

    static let texts: [(Double, String)] = [
        (1, "1"), (0, "0"), (0.5, "0.5"), (0.333, "0.333"), (1.0 / 3, "0.333333"), (1e300, "1e+300"),
    ]
    @Test("Weights are shown short", arguments: texts)
    func text(_ entry: (weight: Double, text: String)) { #expect(LabelWeights.text(entry.weight) == entry.text) }

    static let states: [String: ClusterState] = [
        "ready": .ready, "down": .notReady, "off": .disabled, "new": .undetermined, "cordoned": .unschedulable,
    ]
    static let resolutions: [([(String, Double)], Condition.Status, String)] = [
        ([("ready", 1)], .isTrue, "Resolved"),
        ([("ready", 0.5), ("down", 0.5)], .isTrue, "Resolved"),
        ([("ready", 1), ("off", 0)], .isTrue, "Resolved"),
        ([("nowhere", 1)], .isFalse, "UnknownCluster"),
        ([("ready", 1), ("nowhere", 0)], .isFalse, "UnknownCluster"),
        ([("off", 1)], .isFalse, "ClusterDisabled"),
        ([("ready", 0.5), ("off", 0.5)], .isFalse, "ClusterDisabled"),
        ([("down", 1)], .isFalse, "NoReadyCluster"),
        ([("down", 1), ("ready", 0)], .isFalse, "NoReadyCluster"),
        ([("cordoned", 1)], .isFalse, "NoReadyCluster"),
        ([("cordoned", 0.5), ("down", 0.5)], .isFalse, "NoReadyCluster"),
        ([("cordoned", 0.5), ("new", 0.5)], .unknown, "Pending"),
        ([("cordoned", 0.5), ("ready", 0.5)], .isTrue, "Resolved"),
        ([("new", 1)], .unknown, "Pending"),
        ([("new", 0.5), ("down", 0.5)], .unknown, "Pending"),
        ([("new", 0.5), ("ready", 0.5)], .isTrue, "Resolved"),
    ]
    @Test("A label is Ready when its clusters exist, are enabled, and one of them is ready", arguments: resolutions)
    func resolution(_ entry: (clusters: [(String, Double)], status: Condition.Status, reason: String)) throws {
        let resolved = try #require(LabelResolution.all([label("l", entry.clusters)], clusters: Self.states)["l"])
        #expect(resolved.ready.status == entry.status)
        #expect(resolved.ready.reason == entry.reason)
        #expect(resolved.isInForce)
    }

    @Test("The status shows each cluster's state and the column's text")
    func status() throws {
        let object = label("l", [("ready", 0.7), ("nowhere", 0.3)], label: "Team1")
        let resolved = try #require(LabelResolution.all([object], clusters: Self.states)["l"])
        let status = resolved.status(of: object, now: now)
        #expect(status.clusters.map(\.state) == [.ready, .unknown])
        #expect(status.label == "Team1")
        #expect(status.summary?.clusters == "ready=0.7,nowhere=0.3")
    }

    @Test("The message says that a cluster that is away still gets its share")
    func away() throws {
        let object = label("l", [("ready", 0.5), ("down", 0.4), ("cordoned", 0.1)])
        let resolved = try #require(LabelResolution.all([object], clusters: Self.states)["l"])
        #expect(
            resolved.ready.message
                == "Available: ready; not Available: down, which flyteadmin leaves out only with publish.healthAware; "
                + "cordoned: cordoned")
        // At the operator's start it is not known yet whether that cluster is away.
        let early = LabelResolution.all([label("l", [("ready", 0.5), ("new", 0.5)])], clusters: Self.states)["l"]
        #expect(early?.ready.message == "executions go to ready; not known yet: whether new is Available")
    }

    @Test("A cordoned cluster is shown as Unschedulable and named in the message")
    func cordoned() throws {
        let object = label("l", [("ready", 0.5), ("cordoned", 0.5)])
        let resolved = try #require(LabelResolution.all([object], clusters: Self.states)["l"])
        #expect(resolved.status(of: object, now: now).clusters.map(\.state) == [.ready, .unschedulable])
        #expect(resolved.ready.message == "executions go to ready; cordoned: cordoned")
        let empty = LabelResolution.all([label("l", [("cordoned", 1)])], clusters: Self.states)["l"]
        #expect(empty?.ready.message == "cordoned: cordoned")
    }

    @Test("Of two objects with one label the older wins, then the smaller name")
    func duplicates() {
        let labels = [
            label("young", [("ready", 1)], label: "x", age: 1), label("old", [("down", 1)], label: "x", age: 10),
            label("b", [("ready", 1)], label: "y"), label("a", [("ready", 1)], label: "y"), label("y2", [("ready", 1)]),
        ]
        let resolved = LabelResolution.all(labels, clusters: Self.states)
        #expect(resolved["old"]?.ready.reason == "NoReadyCluster")
        #expect(resolved["young"]?.ready.reason == "DuplicateLabel")
        #expect(resolved["young"]?.ready.message.contains("old") == true)
        #expect(resolved["a"]?.ready.reason == "Resolved")
        #expect(resolved["b"]?.ready.reason == "DuplicateLabel")
        #expect(AssignmentRules.byLabel(resolved)["x"]?.ready.reason == "NoReadyCluster")
        #expect(LabelResolution.all(labels.reversed(), clusters: Self.states) == resolved)
    }
}

@Suite("Assignments")
struct AssignmentTests {
    let good = ResolvedLabel(label: "label1", clusters: [], ready: .yes(.ready, "Resolved", "fine"), isInForce: true)

    func facts(_ change: (inout AssignmentFacts) -> Void = { _ in }) -> AssignmentFacts {
        var facts = AssignmentFacts(
            object: assignment("a", "project1", "development"), duplicateOf: nil, label: good,
            namespace: .name("project1-development"), progress: .init(desired: 2, synced: 2, failed: 0),
            publication: .notConfigured)
        change(&facts)
        return facts
    }
    func summary(_ findings: [ConditionFinding]) -> [String] {
        findings.map { "\($0.type.rawValue)=\($0.status.rawValue) \($0.reason)" }
    }

    @Test("A label held back from flyteadmin is Unknown and repeats what was said before")
    func heldBack() {
        let held = facts { seen in
            seen.label = nil
            seen.publication = .held("LabelNotFound", "why")
        }
        #expect(
            summary(held.findings).suffix(2) == ["Published=Unknown LabelNotFound", "Ready=False LabelNotFound"])
        let before = facts { $0.publication = .asBefore(.isTrue, reason: "Published", message: "m") }
        #expect(summary(before.findings).suffix(2) == ["Published=True Published", "Ready=True Ready"])
    }

    @Test("With flyteadmin not configured an assignment can be Ready")
    func ready() {
        let facts = facts()
        #expect(
            summary(facts.findings) == [
                "LabelResolved=True Resolved", "NamespaceSynced=True InSync", "Published=False FlyteAdminNotConfigured",
                "Ready=True Ready",
            ])
        let status = facts.status(now: now)
        #expect(status.namespace == "project1-development")
        #expect(status.dataPlanes == DataPlaneCounts(desired: 2, synced: 2))
        #expect(status.summary?.synced == "2/2")
    }

    @Test("A whole project's label wants no namespace, and its status has nothing of one")
    func wholeProject() {
        let facts = facts {
            $0.object = assignment("a", "project1", nil)
            ($0.namespace, $0.progress, $0.publication) = (nil, .zero, .published)
        }
        #expect(
            summary(facts.findings) == [
                "LabelResolved=True Resolved", "Published=True Published", "Ready=True Ready",
            ])
        let status = facts.status(now: now)
        #expect(status.namespace == nil && status.dataPlanes == nil && status.summary == nil)
        var invalid = facts
        invalid.object.spec.workflow = "w"
        #expect(
            invalid.findings.last?.message
                == "spec.workflow: needs a domain: flyteadmin has no label for it without one")
        #expect(!invalid.findings.map(\.type).contains(.namespaceSynced))
    }

    @Test("Ready takes the first false reason, and an older assignment comes before all")
    func notReady() {
        func ready(_ change: (inout AssignmentFacts) -> Void) -> String {
            facts(change).findings.last.map { "\($0.status.rawValue) \($0.reason)" } ?? ""
        }
        #expect(ready { $0.label = nil } == "False LabelNotFound")
        #expect(ready { $0.label?.ready = .no(.ready, "NoReadyCluster", "") } == "False LabelNotReady")
        #expect(ready { $0.label?.ready = .unknown(.ready, "Pending", "") } == "Unknown Pending")
        #expect(ready { $0.namespace = .invalid("no") } == "False InvalidName")
        #expect(ready { $0.progress = .init(desired: 2, synced: 1, failed: 1) } == "False Partial")
        #expect(ready { $0.progress = .init(desired: 2, synced: 0, failed: 1) } == "False SyncFailed")
        #expect(ready { $0.progress = .init(desired: 2, synced: 1, failed: 0) } == "False Pending")
        #expect(ready { $0.progress = .init(desired: 0, synced: 0, failed: 0) } == "False Pending")
        #expect(ready { $0.publication = .refused("project [p] is not active") } == "False FlyteAdminRefused")
        #expect(ready { $0.publication = .unreachable("x") } == "False FlyteAdminUnreachable")
        #expect(ready { $0.publication = .pending } == "Unknown Pending")
        #expect(ready { $0.publication = .published } == "True Ready")
        #expect(
            ready {
                $0.duplicateOf = "b"; $0.label = nil
            } == "False DuplicateAssignment")
        #expect(ready { $0.object.spec.project = "" } == "False Invalid")
    }

    @Test("Assignments of one project, domain and workflow: the older one wins")
    func duplicates() {
        let duplicates = AssignmentRules.duplicates([
            assignment("new", "p", "d", age: 1), assignment("old", "p", "d", age: 2),
            assignment("workflow", "p", "d", workflow: "w"), assignment("other", "p", "e"),
        ])
        #expect(duplicates == ["new": "old"])
    }
}
