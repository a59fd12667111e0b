import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support
import TestAPI
import TestSupport
import Testing

@testable import DataPlaneAgent
@testable import Operator

@Suite("The DataPlane's controller", .timeLimit(.minutes(5)))
struct DataPlaneControllerTests {
    private let key = Work.dataPlane("a")

    /// A bench whose data plane `a` is connected and in its status, with one namespace that is wanted.
    private func withConnected(
        _ body: @escaping @Sendable (ControllerBench, MemoryAPI) async throws -> Void
    ) async throws {
        try await withBench { bench in
            let plane = try await bench.connectWithNamespace()
            try await bench.work(.dataPlane("a"))
            try await body(bench, plane)
        }
    }

    @Test("The status says which cluster it is before anything is written there")
    func recordsFirst() async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            try await bench.assign("p")
            await bench.plan()
            await bench.reconcile(.dataPlane("a"))
            await bench.until { bench.pool["a"]?.facts.authorization == .granted }
            #expect(try await bench.stored(DataPlane.self, "a").status?.clusterUID == nil)
            #expect(plane.writes.isEmpty)

            await bench.reconcile(.dataPlane("a"))
            let kubeSystem = try await plane.client().get(Namespace.self, name: "kube-system")
            let stored = try await bench.stored(DataPlane.self, "a")
            #expect(
                stored.status?.clusterUID == kubeSystem.metadata.uid && stored.status?.endpoint == "https://a.invalid")
            #expect(stored.metadata.annotations?[RecordedCluster.annotation] != nil)
            #expect(stored.status?.identity == MemoryAPI.account && stored.status?.kubernetesVersion != nil)
            await bench.until { bench.pool["a"]?.progressReport.counts.synced == 1 }
            #expect(
                try await plane.client().get(Namespace.self, name: "p-development").metadata.name == "p-development")
        }
    }

    @Test("While the registry's identity is unknown, only statuses are written")
    func noIdentity() async throws {
        try await withBench(identity: nil) { bench in
            try await bench.put("ClusterRegistry", "flyte", ["rollout": ["type": "Progressive"]])
            try await bench.enroll("a")
            await bench.plan()
            try await bench.connect("a")
            await bench.reconcile(.stagedRollout)
            let stored = try await bench.stored(DataPlane.self, "a")
            #expect(stored.status?.clusterUID != nil)
            #expect(stored.metadata.annotations?[RecordedCluster.annotation] == nil)
            #expect(!bench.api.writes.contains { $0.target.contains("controllerrevisions") })
            // It is noted once it is known.
            bench.router.identityFound("uid-of-flyte")
            await bench.plan()
            try await bench.work(.dataPlane("a"))
            await bench.reconcile(.stagedRollout)
            let noted = try await bench.stored(DataPlane.self, "a").metadata.annotations?[RecordedCluster.annotation]
            #expect(noted != nil && bench.api.writes.contains { $0.target.contains("controllerrevisions") })
        }
    }

    @Test("A data plane in sync is Ready, and a second look writes nothing")
    func ready() async throws {
        try await withConnected { bench, _ in
            let reasons = try await bench.reasons(DataPlane.self, "a")
            #expect(reasons["Ready"] == "Ready" && reasons["Synced"] == "InSync" && reasons["Available"] == "Available")
            let writes = bench.api.writes.count
            #expect(await bench.reconcile(key) != .done, "it looks again at what ends by time alone")
            #expect(bench.api.writes.count == writes)
        }
    }

    @Test("Until the informers show its status, the controller uses what it wrote itself")
    func ownWrite() async throws {
        try await withBench { bench in
            try await bench.enroll("a")
            await bench.plan()
            await bench.reconcile(key)
            await bench.until { bench.pool["a"]?.facts.authorization == .granted }
            await bench.reconcile(key)
            let writes = bench.api.writes.count
            await bench.reconcile(key)
            #expect(bench.api.writes.count == writes)
            #expect(bench.pool["a"]?.isWorking == true)
        }
    }

    @Test("An object that the plan does not know yet waits for the next plan")
    func newerThanPlan() async throws {
        try await withBench { bench in
            try await bench.enroll("a")
            let outcome = await bench.reconcile(key)
            #expect(outcome == .done && bench.pool["a"] == nil)
            await bench.plan()
            try await bench.put("DataPlane", "a", ["clusterName": "a", "endpoint": "https://other.invalid"])
            await bench.reconcile(key)
            #expect(bench.pool["a"] == nil && bench.statusWrites.isEmpty)
        }
    }

    @Test("Without its Secret no server is asked, and the conditions say so")
    func withoutSecret() async throws {
        try await withBench { bench in
            try await bench.put("DataPlane", "a", ["clusterName": "a", "endpoint": "https://a.invalid"])
            await bench.until {
                if case .absent = bench.informers.secrets["cluster-credentials"] { true } else { false }
            }
            await bench.plan()
            await bench.reconcile(key)
            let reasons = try await bench.reasons(DataPlane.self, "a")
            #expect(reasons["CredentialsValid"] == "SecretNotFound" && reasons["Reachable"] == "SecretNotFound")
            #expect(bench.pool["a"]?.linkInUse == nil)
            #expect(bench.events.reasons == ["SecretNotFound"])
        }
    }

    @Test(
        "A bad entry of the Secret is named by its key, and no server is asked",
        arguments: [
            ("a_token", "not a token", "TokenMalformed", "a_token"), ("a_token", "", "TokenMissing", "a_token"),
            (
                "a_cacert", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "CACertMalformed",
                "a_cacert"
            ),
            ("a_cacert", "", "CACertMissing", "a_cacert"),
            ("a_cacert", Base64.encode(ControllerBench.certificate.utf8), "CACertMalformed", "base64"),
        ])
    func badEntry(_ entry: (key: String, text: String, reason: String, words: String)) async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            try await bench.put(secret: "cluster-credentials", [entry.key: entry.text])
            await bench.until { bench.informers.isBroken("a", bench.wallClock.now) }
            await bench.plan()
            try await bench.work(key)
            let conditions = try await bench.stored(DataPlane.self, "a").status?.conditions ?? []
            #expect(conditions[.credentialsValid]?.reason == entry.reason)
            #expect(conditions[.credentialsValid]?.message.contains(entry.words) == true)
            #expect(conditions[.ready]?.reason == entry.reason && conditions[.reachable]?.status == .unknown)
            #expect(plane.sent.all.isEmpty)
        }
    }

    @Test("Broken new credentials leave the old connection in use")
    func brokenCredentials() async throws {
        try await withConnected { bench, _ in
            try await bench.put(secret: "cluster-credentials", ["a_cacert": "no certificate"])
            await bench.until { bench.informers.isBroken("a", bench.wallClock.now) }
            try await bench.work(key)
            let status = try await bench.stored(DataPlane.self, "a").status
            let credentials = status?.conditions[.credentialsValid]
            #expect(credentials?.reason == "CACertMalformed")
            #expect(credentials?.message.contains("the old ones stay in use") == true)
            #expect(status?.conditions[.reachable]?.status == .isTrue)
            #expect(bench.pool["a"]?.linkInUse != nil && bench.pool["a"]?.isWorking == true)
        }
    }

    @Test("A refused token is reported, and an accepted one ends that without a restart")
    func refusedToken() async throws {
        try await withConnected { bench, plane in
            plane.accept("another")
            // One refusal may be that of a single server: the next probe tells.
            try await eventually("it is refused") {
                bench.clock.advance(by: .seconds(10))
                return bench.pool["a"]?.facts.tokenRejected != nil
            }
            try await bench.work(key)
            #expect(try await bench.reasons(DataPlane.self, "a")["CredentialsValid"] == "TokenRejected")

            try await bench.put(secret: "cluster-credentials", ["a_token": "another"])
            await bench.until { bench.informers.token("a", is: "another", bench.wallClock.now) }
            #expect(await bench.woken().contains(key))
            try await bench.work(key)
            // Probes keep a distance from each other, so the next one needs time to pass.
            try await eventually("it is accepted") {
                bench.clock.advance(by: .seconds(1))
                return bench.pool["a"]?.facts.tokenRejected == nil
            }
            try await bench.work(key)
            #expect(try await bench.reasons(DataPlane.self, "a")["CredentialsValid"] == "Valid")
        }
    }

    @Test("A disabled data plane is disconnected, and its status keeps the cluster's UID")
    func disabled() async throws {
        try await withConnected { bench, _ in
            let uid = try await bench.stored(DataPlane.self, "a").status?.clusterUID
            try await bench.enroll("a", ["enabled": false])
            await bench.plan()
            try await bench.work(key)
            #expect(bench.pool["a"] == nil)
            let status = try await bench.stored(DataPlane.self, "a").status
            #expect(status?.conditions[.ready]?.reason == "Disabled" && status?.clusterUID == uid && uid != nil)
        }
    }

    @Test("A malformed DataPlane is disconnected, and its status keeps the cluster's UID")
    func malformed() async throws {
        try await withConnected { bench, _ in
            let uid = try await bench.stored(DataPlane.self, "a").status?.clusterUID
            try await bench.showMalformed(.dataPlanes, "a")
            await bench.plan()
            await bench.reconcile(key)
            #expect(bench.pool["a"] == nil)
            let status = try await bench.stored(DataPlane.self, "a").status
            #expect(status?.conditions[.ready]?.reason == "Invalid" && status?.clusterUID == uid)
            #expect(status?.conditions[.ready]?.message.contains("spec.test") == true)
            let (writes, events) = (bench.api.writes.count, bench.events.all.count)
            await bench.reconcile(key)
            #expect(bench.api.writes.count == writes && bench.events.all.count == events)
        }
    }

    @Test("A deleted data plane is disconnected, its namespaces stay, and its labels wake")
    func gone() async throws {
        try await withConnected { bench, plane in
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            await bench.plan()
            let writes = plane.writes.count
            try await bench.delete(.dataPlanes, "a")
            await bench.plan()
            await bench.reconcile(key)
            #expect(bench.pool["a"] == nil && bench.statuses.readiness[dataPlane: "a"] == nil)
            #expect(await bench.woken(within: .milliseconds(200)).contains(.executionLabel("label1")))
            #expect(plane.writes.count == writes)
        }
    }

    @Test("After a restart the status stays until the data plane is known, at most 20 s")
    func restart() async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            plane.fail { _ in .silence }
            let uid = try #require(try await bench.stored(DataPlane.self, "a").metadata.generation)
            try await bench.put(
                status: [
                    "observedGeneration": .int(uid), "clusterUID": "uid-of-a", "endpoint": "https://a.invalid",
                    "conditions": [bench.condition("Ready", "Ready")],
                ], of: .dataPlanes, "a")
            await bench.plan()
            let writes = bench.statusWrites.count
            #expect(await bench.reconcile(key) == .requeue(after: .milliseconds(500)))
            bench.clock.advance(by: .seconds(19))
            #expect(await bench.reconcile(key) == .requeue(after: .milliseconds(500)))
            #expect(bench.statusWrites.count == writes)
            bench.clock.advance(by: .seconds(1))
            await bench.reconcile(key)
            #expect(try await bench.reasons(DataPlane.self, "a")["Reachable"] == "Pending")
        }
    }

    @Test("The older of a cluster's two DataPlanes writes, and the other after its deletion")
    func duplicate() async throws {
        try await withConnected { bench, plane in
            try await bench.enroll("b", at: plane)
            await bench.plan()
            try await bench.work(.dataPlane("b"))
            await bench.until { bench.pool["b"]?.facts.clusterUID != nil }
            try await bench.work(.dataPlane("b"))
            #expect(try await bench.reasons(DataPlane.self, "b")["Ready"] == "DuplicateCluster")
            #expect(bench.pool["b"]?.isWorking == false && bench.pool["a"]?.isWorking == true)
            // It holds nobody up: what it would do is done by the other one.
            #expect(bench.pool.progress(of: "p-development").desired == 1)
            #expect(bench.pool.namespaces.desired == 1)
            #expect(!bench.pool.isSettling, "after a restart, no status waits for it")

            try await bench.delete(.dataPlanes, "a")
            await bench.reconcile(.plan)
            await bench.reconcile(.dataPlane("a"))
            #expect(await bench.woken().contains(.dataPlane("b")))
            try await bench.work(.dataPlane("b"))
            await bench.until { bench.pool["b"]?.facts.clusterUID != nil }
            try await bench.work(.dataPlane("b"))
            #expect(bench.pool["b"]?.isWorking == true)
        }
    }

    @Test("An endpoint that turns out to be another cluster than recorded gets no write")
    func anotherCluster() async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            try await bench.assign("p")
            try await bench.put(
                status: [
                    "observedGeneration": 1, "clusterUID": "uid-of-another", "endpoint": "https://a.invalid",
                    "conditions": [bench.condition("Ready", "Ready")],
                ], of: .dataPlanes, "a")
            await bench.plan()
            await bench.reconcile(key)
            await bench.until { bench.pool["a"]?.facts.changedUID != nil }
            try await bench.work(key)
            let status = try await bench.stored(DataPlane.self, "a").status
            #expect(status?.conditions[.ready]?.reason == "IdentityChanged" && status?.clusterUID == "uid-of-another")
            #expect(bench.pool["a"]?.isWorking == false && plane.writes.isEmpty)
        }
    }

    @Test("In Observe nothing is written there, and the status tells what would be")
    func observe() async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a", ["mode": "Observe"])
            try await bench.assign("p")
            await bench.plan()
            try await bench.connect("a")
            await bench.until { bench.pool["a"]?.progressReport.pending == 0 }
            try await bench.work(key)
            let status = try await bench.stored(DataPlane.self, "a").status
            #expect(status?.conditions[.synced]?.reason == "Observing" && status?.mode == .observe)
            #expect(status?.plan?.summary.contains("create") == true, "\(status?.plan?.summary ?? "-")")
            #expect(plane.writes.allSatisfy { $0.target.contains("dryRun=All") }, "\(plane.writes.map(\.target))")
        }
    }

    @Test(
        "A failed status write is repeated after Retry-After, before any data plane write")
    func statusRefused() async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            try await bench.assign("p")
            await bench.plan()
            await bench.reconcile(key)
            await bench.until { bench.pool["a"]?.facts.authorization == .granted }
            bench.api.fail { $0.target.contains("/status") ? .status(503, retryAfter: 7) : nil }
            guard case .failed(_, retryAfter: .seconds(7)) = await bench.reconcile(key) else {
                return #expect(Bool(false), "it has failed")
            }
            #expect(plane.writes.isEmpty && bench.pool["a"]?.isWorking == false)
            bench.api.heal()
            await bench.reconcile(key)
            #expect(bench.pool["a"]?.isWorking == true)
        }
    }

    @Test("Without the Lease nothing is written, neither here nor there")
    func notLeading() async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            try await bench.assign("p")
            await bench.plan()
            bench.leads.withLock { $0 = false }
            let writes = bench.api.writes.count
            await bench.reconcile(key)
            await bench.until { bench.pool["a"]?.facts.authorization == .granted }
            await bench.reconcile(key)
            #expect(plane.writes.isEmpty && bench.api.writes.count == writes)
        }
    }

    @Test("Without the registry's identity a data plane is connected but not written to")
    func withoutIdentity() async throws {
        try await withBench(identity: nil) { bench in
            let plane = try await bench.enroll("a")
            try await bench.assign("p")
            await bench.plan()
            try await bench.connect("a")
            #expect(plane.writes.isEmpty)
            #expect(try await bench.reasons(DataPlane.self, "a")["Reachable"] == "ProbeSucceeded")
            bench.plans.found(namespaceUID: "uid")
            await bench.plan()
            await bench.reconcile(key)
            await bench.until { bench.pool["a"]?.progressReport.counts.synced == 1 }
            #expect(!plane.writes.isEmpty)
        }
    }
}

extension Informers {
    fileprivate func isBroken(_ name: String, _ now: Instant) -> Bool {
        guard let object = dataPlanes[ObjectKey(namespace: "flyte", name: name)]?.object,
            case .invalid? = credentials(object.credentialsPlace, now: now)
        else { return false }
        return true
    }
    fileprivate func token(_ name: String, is token: String, _ now: Instant) -> Bool {
        guard let object = dataPlanes[ObjectKey(namespace: "flyte", name: name)]?.object,
            case .valid(let found)? = credentials(object.credentialsPlace, now: now)
        else { return false }
        return found.token == Sensitive(token)
    }
}
