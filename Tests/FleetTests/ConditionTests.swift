import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("Statuses of objects that could not be used")
struct PartialStatusTests {
    @Test("What only conditions were written of is read, so that their times stay")
    func decodes() throws {
        let json: JSON = ["conditions": [], "observedGeneration": 3]
        #expect(try json.decode(FlyteProjectStatus.self).observedGeneration == 3)
        #expect(try json.decode(ExecutionLabelStatus.self).observedGeneration == 3)
        #expect(try json.decode(ExecutionClusterLabelStatus.self).observedGeneration == 3)
        #expect(try json.decode(DataPlaneStatus.self).observedGeneration == 3)
        #expect(try json.decode(ClusterRegistryStatus.self).observedGeneration == 3)
    }
}

@Suite("Conditions of a DataPlane")
struct DataPlaneConditionTests {
    static func healthy() -> DataPlaneFacts {
        var seen = DataPlaneFacts()
        seen.credentials = .valid("from Secret cluster-credentials")
        seen.probe = .succeeded("answered")
        seen.authorization = .granted
        seen.identity = .confirmed(uid: "u")
        seen.sync = .counted(.init(desired: 12, synced: 12, failed: 0))
        seen.kubernetesVersion = "v1.36.0"
        return seen
    }
    static func failure(_ reason: FailureReason, _ namespace: String = "n", since: Double = 0) -> FailureEntry {
        FailureEntry(
            namespace: namespace, object: "", reason: reason, message: "because", since: Timestamp(now + since),
            attempts: 1)
    }

    static let cases: [(String, @Sendable (inout DataPlaneFacts) -> Void, String)] = [
        (
            "healthy", { _ in },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,True Available,True InSync,True Ready"
        ),
        (
            "observed", { $0.plan = PlannedChanges() },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,True Available,Unknown Observing,True Observing"
        ),
        (
            "observed, away",
            {
                $0.plan = PlannedChanges(); $0.probe = .failed(.timeout, "")
            },
            "True Valid,False Timeout,Unknown Timeout,False Timeout,Unknown Timeout,False Timeout"
        ),
        (
            "nothing known", { $0 = DataPlaneFacts() },
            "Unknown Pending,Unknown Pending,Unknown Pending,Unknown Pending,Unknown Pending,Unknown Pending"
        ),
        (
            "bad credentials, never connected",
            {
                $0 = DataPlaneFacts(); $0.credentials = .invalid(.tokenMissing, "")
            },
            "False TokenMissing,Unknown TokenMissing,Unknown TokenMissing,False TokenMissing,Unknown TokenMissing,"
                + "False TokenMissing"
        ),
        (
            "new credentials are bad, the old ones still work", { $0.credentials = .invalid(.tokenRejected, "") },
            "False TokenRejected,True ProbeSucceeded,True PermissionsGranted,False TokenRejected,True InSync,"
                + "False TokenRejected"
        ),
        (
            "unreachable", { $0.probe = .failed(.tlsUntrusted, "") },
            "True Valid,False TLSUntrusted,Unknown TLSUntrusted,False TLSUntrusted,Unknown TLSUntrusted,False TLSUntrusted"
        ),
        (
            "new settings don't work, the old ones still do",
            { $0.probe = .failedWithNewSettings(.tlsNameMismatch, "") },
            "True Valid,False TLSNameMismatch,True PermissionsGranted,False TLSNameMismatch,True InSync,"
                + "False TLSNameMismatch"
        ),
        (
            "permissions missing",
            { $0.authorization = .missing([.init(verb: "patch", group: "", resource: "namespaces")]) },
            "True Valid,True ProbeSucceeded,False PermissionsMissing,False PermissionsMissing,True InSync,"
                + "False PermissionsMissing"
        ),
        (
            "a template's permissions are missing",
            {
                $0.authorization = .missing([.init(verb: "create", group: "", resource: "resourcequotas")])
            },
            "True Valid,True ProbeSucceeded,False PermissionsMissing,True Available,True InSync,"
                + "False PermissionsMissing"
        ),
        (
            "it may not ask for its permissions, and lists what it needs",
            {
                $0.authorization = .unsaid; $0.listsEssentials = true
            },
            "True Valid,True ProbeSucceeded,Unknown Pending,True Available,True InSync,Unknown Pending"
        ),
        (
            "it may not ask for its permissions, and lists nothing yet", { $0.authorization = .unsaid },
            "True Valid,True ProbeSucceeded,Unknown Pending,Unknown Pending,True InSync,Unknown Pending"
        ),
        (
            "which cluster it is isn't known", { $0.identity = .unknown },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,Unknown Pending,True InSync,Unknown Pending"
        ),
        (
            "pending", { $0.sync = .counted(.init(desired: 12, synced: 3, failed: 0)) },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,True Available,False Pending,False Pending"
        ),
        (
            "conflict",
            {
                $0.sync = .counted(.init(desired: 12, synced: 11, failed: 1)); $0.failures = [failure(.conflict)]
            },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,True Available,False Conflict,False Conflict"
        ),
        (
            "another registry's namespace",
            {
                $0.sync = .counted(.init(desired: 2, synced: 1, failed: 1)); $0.failures = [failure(.namespaceNotOurs)]
            },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,True Available,False Conflict,False Conflict"
        ),
        (
            "conflict among others",
            {
                $0.sync = .counted(.init(desired: 12, synced: 10, failed: 2));
                $0.failures = [failure(.conflict), failure(.forbidden)]
            },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,True Available,False SyncFailed,False SyncFailed"
        ),
        (
            "another cluster", { $0.identity = .changed(recorded: "u", found: "v") },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,False IdentityChanged,Unknown IdentityChanged,"
                + "False IdentityChanged"
        ),
        (
            "duplicate", { $0.duplicate = "DataPlane a is older" },
            "True Valid,True ProbeSucceeded,True PermissionsGranted,False DuplicateCluster,Unknown DuplicateCluster,"
                + "False DuplicateCluster"
        ),
    ]
    @Test("Each fact has its condition, and Ready the first false reason", arguments: cases.indices)
    func table(_ index: Int) {
        let (name, change, expected) = Self.cases[index]
        var seen = Self.healthy()
        change(&seen)
        let findings = DataPlaneConditions.conditions(of: dataPlane("a"), seen)
        #expect(findings.map(\.type) == [.credentialsValid, .reachable, .authorized, .available, .synced, .ready])
        #expect(findings.map { "\($0.status.rawValue) \($0.reason)" }.joined(separator: ",") == expected, "\(name)")
        #expect(findings.allSatisfy { !$0.reason.isEmpty })
    }

    @Test("A disabled data plane: Available and Ready are False, the others can't be known")
    func disabled() {
        let findings = DataPlaneConditions.conditions(
            of: dataPlane("a") {
                $0.enabled = false; $0.endpoint = "http://x"
            }, Self.healthy())
        #expect(findings.map(\.status) == [.unknown, .unknown, .unknown, .isFalse, .unknown, .isFalse])
        #expect(Set(findings.map(\.reason)) == ["Disabled"])
    }

    @Test("Available names the missing permissions that Namespaces and ServiceAccounts need")
    func essentials() {
        var seen = Self.healthy()
        seen.authorization = .missing([
            .init(verb: "patch", group: "", resource: "serviceaccounts"),
            .init(verb: "delete", group: "", resource: "serviceaccounts"),
            .init(verb: "patch", group: "rbac.authorization.k8s.io", resource: "roles"),
        ])
        let available = DataPlaneConditions.conditions(of: dataPlane("a"), seen).first { $0.type == .available }
        #expect(available == .no(.available, "PermissionsMissing", "missing: patch serviceaccounts"))
    }

    @Test("A spec that slipped past the CRD is Invalid, and the message names the field")
    func invalid() {
        let ready = DataPlaneConditions.conditions(of: dataPlane("a") { $0.endpoint = "http://a" }, Self.healthy()).last
        #expect(ready?.reason == "Invalid" && ready?.message == "spec.endpoint: must begin with https://")
        let malformed = DataPlaneConditions.conditions(
            malformed: SpecProblem(DecodingFailure(path: "spec.enabled", message: "expected a boolean")))
        #expect(malformed.last == .no(.ready, "Invalid", "spec.enabled: expected a boolean"))
    }

    @Test("lastTransitionTime moves only when the status does; an unchanged status is equal")
    func transitions() {
        var object = dataPlane("a")
        let first = Self.healthy().status(of: object, now: now)
        object.status = first
        #expect(Self.healthy().status(of: object, now: now + 100) == first)
        var seen = Self.healthy()
        seen.sync = .counted(.init(desired: 12, synced: 11, failed: 0))
        let second = seen.status(of: object, now: now + 100)
        #expect(second.conditions[.synced]?.lastTransitionTime == Timestamp(now + 100))
        #expect(second.conditions[.reachable]?.lastTransitionTime == Timestamp(now))
        object.status = second
        seen.sync = .counted(.init(desired: 12, synced: 10, failed: 0))
        let third = seen.status(of: object, now: now + 200)
        #expect(third.conditions[.synced]?.lastTransitionTime == Timestamp(now + 100))
        #expect(third.summary?.synced == "10/12")
        #expect(third.conditions.allSatisfy { $0.observedGeneration == 1 })
    }

    @Test("The cluster's UID is recorded once; what was known of an absent data plane stays")
    func recorded() {
        var object = dataPlane("a")
        object.status = Self.healthy().status(of: object, now: now)
        #expect(object.status?.clusterUID == "u")
        var seen = DataPlaneFacts()
        seen.identity = .changed(recorded: "u", found: "v")
        let next = seen.status(of: object, now: now)
        #expect(next.clusterUID == "u" && next.kubernetesVersion == "v1.36.0")
        #expect(next.namespaces == NamespaceCounts(desired: 12, synced: 12, failed: 0))
    }

    @Test("Failures are the oldest sixteen, in a steady order, with cut messages")
    func failures() {
        var seen = Self.healthy()
        seen.sync = .counted(.init(desired: 50, synced: 10, failed: 40))
        seen.failures = (0..<40).map { Self.failure(.forbidden, "n\($0)", since: Double($0 * 7 % 40)) }.shuffled()
        seen.failures[0].message = String(repeating: "é", count: 10_000)
        let status = seen.status(of: dataPlane("a"), now: now)
        #expect(status.failures?.map(\.since) == (0..<16).map { Timestamp(now + Double($0)) })
        #expect(status.failures?.allSatisfy { $0.message.utf8.count <= 512 } == true)
        #expect(status.conditions.allSatisfy { $0.message.utf8.count <= 2048 })
        #expect(status.failuresTotal == 40)
        seen.failures = Array(seen.failures.prefix(16))
        seen.failuresTotal = 41
        #expect(seen.status(of: dataPlane("a"), now: now).failuresTotal == 41)
        #expect(Self.healthy().status(of: dataPlane("a"), now: now).failuresTotal == nil)
    }

    @Test("A failure says when it is tried again, however long its message is")
    func nextTry() {
        let entry = Self.failure(.serverError)
        #expect(
            ObjectFailure(entry, nextTry: .within(.milliseconds(500))).shown.message
                == entry.message + "; next try within 1 s")
        var long = entry
        long.message = String(repeating: "é", count: 10_000)
        let shown = ObjectFailure(long, nextTry: .whenPlanChanges).shown
        #expect(shown.message.utf8.count <= 512)
        #expect(shown.message.hasSuffix("…; next try when templates or values change"))
    }

    @Test("A failure that repeats keeps its start time; another reason has a new one")
    func repeats() {
        func next(_ previous: FailureEntry?, _ reason: FailureReason, _ later: Double) -> FailureEntry {
            .next(after: previous, namespace: "n", object: "o", reason: reason, message: "m", now: now + later)
        }
        let first = next(nil, .timeout, 0)
        let second = next(first, .timeout, 10)
        #expect(second.since == first.since && second.attempts == 2)
        #expect(next(second, .forbidden, 20).attempts == 1)
        #expect(next(second, .forbidden, 20).since == Timestamp(now + 20))
    }
}

@Suite("Conditions of the ClusterRegistry")
struct RegistryConditionTests {
    let object = ClusterRegistry(metadata: metadata("flyte"), spec: .init())
    func ready(_ change: (inout RegistryFacts) -> Void) -> String {
        var seen = RegistryFacts()
        change(&seen)
        return seen.findings(of: object).last.map { "\($0.status.rawValue) \($0.reason)" } ?? ""
    }

    @Test("What isn't configured does not keep it from being Ready")
    func notConfigured() {
        let findings = RegistryFacts().findings(of: object)
        #expect(
            findings.map { "\($0.status.rawValue) \($0.reason)" } == [
                "True Valid", "False NotConfigured", "False NotConfigured", "True Ready",
            ])
    }

    @Test("Ready names what keeps it from being so")
    func reasons() {
        let failure = TemplateFailure(.templateInvalid, file: "a.yaml", line: 3, "is not an object")
        #expect(
            ready {
                $0.templates = .invalid(failure.description); $0.notReadyDataPlanes = ["a"]
            } == "False TemplateInvalid")
        #expect(ready { $0.templates = .configMapNotFound("ConfigMap t does not exist") } == "False ConfigMapNotFound")
        #expect(
            ready {
                $0.notReadyDataPlanes = ["a"]; $0.notReadyLabels = ["b"]
            } == "False DataPlanesNotReady")
        #expect(ready { $0.notReadyLabels = ["b"] } == "False LabelsNotReady")
        #expect(
            ready {
                $0.notReadyDataPlanes = ["a"]; $0.doubtfulList = "the list lacks 3"
            } == "False SyncFailed")
        #expect(ready { $0.namespaces = .init(desired: 3, synced: 2, failed: 0) } == "False SyncFailed")
        #expect(ready { $0.publishing = .failed("x") } == "False PublishFailed")
        #expect(ready { $0.rollout = .progressing("x") } == "False Progressing")
        #expect(
            ready {
                $0.rollout = .rolledOut("x"); $0.publishing = .published("y")
            } == "True Ready")
    }

    @Test("A registry of another name than flyte is ignored and says so")
    func ignored() {
        let other = ClusterRegistry(metadata: metadata("other"), spec: .init())
        #expect(RegistryFacts().findings(of: other).last?.reason == "Ignored")
        #expect(RegistryFacts().status(of: other, now: now).summary == nil)
    }

    @Test("The columns show ready and total")
    func summary() {
        var seen = RegistryFacts()
        seen.dataPlanes = .init(total: 3, ready: 2)
        seen.namespaces = .init(desired: 12, synced: 12, failed: 0)
        let status = seen.status(of: object, now: now)
        #expect(status.summary == .init(dataPlanes: "2/3", labels: "0/0", assignments: "0/0", namespaces: "12/12"))
    }
}
