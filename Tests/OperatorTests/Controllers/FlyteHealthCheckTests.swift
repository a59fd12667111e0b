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

@Suite("Whether a workflow would run, with two faults at once", .timeLimit(.minutes(5)))
struct FlyteHealthCheckTests {
    private static func install(_ plane: MemoryAPI) async throws {
        let client = plane.client()
        _ = try await client.apply(
            ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "flyte"]], type: Namespace.resourceType,
            name: "flyte", fieldManager: "helm", force: true)
        _ = try await client.apply(
            InstalledObjects.flyteWorkflows, type: InstalledObjects.definitions, name: "flyteworkflows.flyte.lyft.com",
            fieldManager: "helm", force: true)
        _ = try await client.apply(
            InstalledObjects.propeller, type: Deployment.resourceType, namespace: "flyte", name: "flytepropeller",
            fieldManager: "helm",
            force: true)
        try await set(available: true, plane)
    }
    private static func set(available: Bool, _ plane: MemoryAPI) async throws {
        let status: JSON = [
            "observedGeneration": 1, "replicas": 1, "availableReplicas": available ? 1 : 0,
            "conditions": [
                [
                    "type": "Available", "status": available ? "True" : "False", "reason": "r", "message": "m",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                ]
            ],
        ]
        _ = try await plane.client().mergePatch(
            ["status": status], type: Deployment.resourceType, namespace: "flyte", name: "flytepropeller",
            subresource: "status", fieldManager: "kubernetes")
    }

    private static func health(_ bench: ControllerBench) -> FlyteHealth? { bench.pool["a"]?.report().flyte }

    /// A data plane in which a workflow would run.
    private func withFlyte(
        _ body: @escaping @Sendable (ControllerBench, MemoryAPI) async throws -> Void
    ) async throws {
        try await withBench { bench in
            let plane = try await bench.enroll("a")
            try await Self.install(plane)
            try await bench.put("ClusterRegistry", "flyte", ["flyteHealth": ["enabled": true]])
            await bench.plan()
            try await bench.connect("a")
            await bench.until { Self.health(bench)?.isGood == true }
            try await body(bench, plane)
        }
    }

    @Test("A lost question gives Unknown, and an unavailable propeller False")
    func silentAndUnavailable() async throws {
        try await withFlyte { bench, plane in
            plane.fail { $0.target.contains("selfsubjectaccessreviews") ? .lost(.timeout(.firstByte)) : nil }
            // One that is lost may be a moment.
            try await eventually("the account can't be reached") {
                bench.pool["a"]?.tryAgain()
                if case .unreachable(.timeout, _)? = Self.health(bench)?.account { return true }
                return false
            }
            try await bench.work(.dataPlane("a"))
            #expect(try await bench.reasons(DataPlane.self, "a")["FlyteReady"] == "Timeout")
            try await Self.set(available: false, plane)
            await bench.until {
                if case .unavailable? = Self.health(bench)?.propeller { true } else { false }
            }
            try await bench.work(.dataPlane("a"))
            let reasons = try await bench.reasons(DataPlane.self, "a")
            #expect(reasons["FlyteReady"] == "PropellerUnavailable" && reasons["Available"] == "Available")
        }
    }

    @Test("After a restart, a propeller that may not be read is Unknown, not False")
    func restart() async throws {
        let kept = Locked<MemoryAPI?>(nil)
        try await withFlyte { _, plane in kept.withLock { $0 = plane } }
        let plane = try #require(kept.withLock { $0 })
        // While no operator runs, propeller is deleted, and its list is refused from now on.
        try await plane.client().delete(Deployment.resourceType, namespace: "flyte", name: "flytepropeller")
        plane.fail { $0.target.contains("/deployments") ? .status(403) : nil }
        try await withBench { bench in
            try await bench.enroll("a", at: plane)
            try await bench.put("ClusterRegistry", "flyte", ["flyteHealth": ["enabled": true]])
            await bench.plan()
            try await bench.connect("a")
            await bench.until {
                if case .unreadable? = Self.health(bench)?.propeller { true } else { false }
            }
            await bench.until { if case .granted? = Self.health(bench)?.account { true } else { false } }
            try await bench.work(.dataPlane("a"))
            let reasons = try await bench.reasons(DataPlane.self, "a")
            #expect(reasons["FlyteReady"] == "PermissionsMissing" && reasons["Available"] == "Available")
        }
    }
}
