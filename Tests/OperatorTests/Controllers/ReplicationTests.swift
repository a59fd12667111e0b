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

@Suite("Copies of Secrets, and two faults at once", .timeLimit(.minutes(5)))
struct ReplicationTests {
    private static let value = "a value that nobody else has"

    private static func put(pull value: String, in bench: ControllerBench) async throws {
        try await bench.put([
            "apiVersion": "v1", "kind": "Secret",
            "metadata": [
                "name": "pull", "namespace": "flyte", "labels": ["multicluster.flyte.org/use": "replicate"],
            ], "data": ["password": .string(Base64.encode(value.utf8))],
        ])
    }

    /// Plans until it is known what is copied.
    private static func replicate(_ name: String, _ more: JSON = [:], in bench: ControllerBench) async throws {
        var spec: JSON = ["replicateSecrets": [["name": .string(name)]]]
        for (key, value) in more.object ?? [:] { spec[key] = value }
        try await bench.put("ClusterRegistry", "flyte", spec)
        try await TestSupport.eventually("it is known what is copied") {
            await bench.plan()
            return bench.plans.inForce?.snapshot.replicated.isPending == false
        }
    }

    private static func copy(_ plane: MemoryAPI, _ namespace: String) async throws -> String? {
        do throws(KubeError) {
            let secret = try await plane.client().get(Secret.self, namespace: namespace, name: "pull")
            return secret["password"].map { $0.withBytes { String(decoding: $0, as: UTF8.self) } }
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    /// Lets the time go on until it holds.
    private static func eventually(_ bench: ControllerBench, _ holds: () async throws -> Bool) async throws {
        try await TestSupport.eventually("time has brought it about") {
            if try await holds() { return true }
            bench.clock.advance(by: .seconds(5))
            return false
        }
    }

    private static func isCopy(_ sent: MemoryAPI.Sent) -> Bool { sent.isWrite && sent.target.contains("/secrets/pull") }

    @Test("The rights to Secrets are required where one is copied, and only there")
    func rights() async throws {
        try await withBench { bench in
            try await bench.enroll("a")
            try await Self.put(pull: Self.value, in: bench)
            func asksForSecrets() throws -> Bool {
                let plan = try #require(bench.plans.inForce)
                let wanted = plan.plan(
                    for: try #require(plan.dataPlanes["a"]), kinds: .wellKnown, discovered: [], cache: RenderCache())
                let isWatched = wanted.types.contains(Secret.resourceType)
                let isRequired = wanted.permissions.contains { $0.resource == "secrets" }
                #expect(isWatched == isRequired)
                return isRequired
            }
            try await Self.replicate("pull", in: bench)
            #expect(try !asksForSecrets(), "no namespace is wanted")
            try await bench.assign("p")
            await bench.plan()
            #expect(try asksForSecrets())
            try await Self.replicate("cluster-credentials", in: bench)
            #expect(try !asksForSecrets(), "a Secret that is refused is not copied")
        }
    }

    @Test("A webhook that refuses copies, and a silent server, hold back copies alone")
    func refusedAndSilent() async throws {
        try await withBench { bench in
            let a = try await bench.enroll("a")
            let b = try await bench.enroll("b")
            let c = try await bench.enroll("c")
            try await Self.put(pull: Self.value, in: bench)
            for project in ["p", "q"] { try await bench.assign(project) }
            a.fail { Self.isCopy($0) ? .status(403) : nil }
            b.fail { Self.isCopy($0) ? .silence : nil }
            try await Self.replicate("pull", in: bench)
            for name in ["a", "b", "c"] { try await bench.connect(name) }
            await bench.until {
                bench.pool["a"]?.progressReport.counts.failed == 2 && bench.pool["c"]?.progressReport.counts.synced == 2
            }
            for plane in [a, b] {
                try await Self.eventually(bench) {
                    let spaces = try await plane.client().listAll(
                        PartialObject.self, of: .init(Namespace.resourceType, metadataOnly: true))
                    return ["p-development", "q-development"].allSatisfy { name in
                        spaces.contains { $0.metadata.name == name }
                    }
                }
            }
            #expect(try await Self.copy(c, "q-development") == Self.value)
            try await bench.work(.dataPlane("a"))
            let status = try #require(try await bench.stored(DataPlane.self, "a").status)
            let failures = status.failures ?? []
            #expect(failures.map(\.object) == ["secrets/pull", "secrets/pull"])
            #expect(failures.allSatisfy { $0.reason == "Forbidden" && !$0.message.contains(Self.value) })
            #expect(status.conditions[.available]?.status == .isTrue)
            try await bench.work(.registry("flyte"))
            let counts = try await bench.stored(ClusterRegistry.self, "flyte").status?.replicatedSecrets
            #expect(counts == ReplicationCounts(desired: 6, synced: 2))
            // The webhook is mended. The silent server still keeps nothing else waiting.
            a.heal()
            try await Self.eventually(bench) { bench.pool["a"]?.progressReport.counts.synced == 2 }
            #expect(try await Self.copy(a, "p-development") == Self.value)
        }
    }

    @Test("A deleted copy is put back; one that others changed meanwhile is a Conflict")
    func secondWriter() async throws {
        let kept = Locked<MemoryAPI?>(nil)
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            kept.withLock { $0 = plane }
            try await Self.put(pull: Self.value, in: bench)
            try await bench.assign("p")
            try await Self.replicate("pull", in: bench)
            try await bench.connect("a")
            try await Self.eventually(bench) { try await Self.copy(plane, "p-development") == Self.value }
            try await plane.client().delete(Secret.resourceType, namespace: "p-development", name: "pull")
            try await Self.eventually(bench) { try await Self.copy(plane, "p-development") == Self.value }
        }
        let plane = try #require(kept.withLock { $0 })
        // No operator runs: somebody changes the copy, and the source changes too.
        _ = try await plane.client().mergePatch(
            ["data": ["password": .string(Base64.encode("theirs".utf8)), "more": "eA=="]],
            type: Secret.resourceType, namespace: "p-development", name: "pull", fieldManager: "kubectl")
        try await withBench { bench in
            try await bench.enroll("a", at: plane)
            try await Self.put(pull: "the next value", in: bench)
            try await bench.assign("p")
            try await Self.replicate("pull", in: bench)
            try await bench.connect("a")
            try await Self.eventually(bench) { bench.pool["a"]?.progressReport.counts.failed == 1 }
            let failures = bench.pool["a"]?.report().progress.failures ?? []
            #expect(failures.map(\.reason) == ["Conflict"])
            #expect(failures.allSatisfy { !$0.message.contains("theirs") && !$0.message.contains("next value") })
            #expect(try await Self.copy(plane, "p-development") == "theirs")
            try await Self.replicate("pull", ["conflictPolicy": "Force"], in: bench)
            try await bench.work(.dataPlane("a"))
            try await Self.eventually(bench) { try await Self.copy(plane, "p-development") == "the next value" }
        }
    }
}
