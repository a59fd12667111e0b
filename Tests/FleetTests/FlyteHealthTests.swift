import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("FlyteReady")
struct FlyteHealthTests {
    private static let good: FlyteHealth = {
        var health = FlyteHealth()
        (health.propeller, health.workflows, health.account) = (.available, .served, .granted("everywhere"))
        return health
    }()

    private static func conditions(
        _ health: FlyteHealth?, _ change: (inout DataPlaneFacts) -> Void = { _ in },
        enabled: Bool = true
    ) -> [String: String] {
        var seen = DataPlaneConditionTests.healthy()
        seen.flyte = health.map { ($0, FlyteHealthSettings()) }
        change(&seen)
        let object = dataPlane("dp") { $0.enabled = enabled }
        return DataPlaneConditions.conditions(of: object, seen).reduce(into: [:]) {
            $0[$1.type.rawValue] = "\($1.status.rawValue) \($1.reason)"
        }
    }

    private static let cases: [(@Sendable (inout FlyteHealth) -> Void, String)] = [
        ({ _ in }, "True FlyteReady"),
        ({ $0.propeller = .absent }, "False PropellerNotFound"),
        ({ $0.propeller = .unavailable("0 of 1") }, "False PropellerUnavailable"),
        ({ $0.workflows = .missing }, "False FlyteCRDMissing"),
        ({ $0.account = .rejected("401") }, "False FlyteAdminTokenRejected"),
        ({ $0.account = .forbidden("may not") }, "False FlyteAdminForbidden"),
        ({ $0.account = .notOurs }, "True FlyteReady"),
        ({ $0.account = .unsaid("403") }, "Unknown Pending"),
        ({ $0.account = .unreachable(.tlsUntrusted, "") }, "Unknown TLSUntrusted"),
        ({ $0.propeller = .unreadable("403") }, "Unknown PermissionsMissing"),
        ({ $0 = FlyteHealth() }, "Unknown Pending"),
        // The first false one in the contract's order, also where something before it is not known.
        (
            { ($0.propeller, $0.workflows, $0.account) = (.unknown, .missing, .rejected("401")) },
            "False FlyteCRDMissing"
        ),
    ]

    @Test("Each finding has its reason; False takes Ready along, and not Available", arguments: cases.indices)
    func reasons(_ index: Int) {
        var health = Self.good
        Self.cases[index].0(&health)
        let found = Self.conditions(health)
        #expect(found["FlyteReady"] == Self.cases[index].1)
        let isFalse = Self.cases[index].1.hasPrefix("False")
        #expect(found["Ready"] == (isFalse ? Self.cases[index].1 : "True Ready"))
        #expect(found["Available"] == "True Available")
    }

    @Test("It is absent unless the registry asks, and Unknown if the data plane can't say")
    func presence() {
        #expect(Self.conditions(nil)["FlyteReady"] == nil)
        #expect(Self.conditions(nil, enabled: false)["FlyteReady"] == nil)
        #expect(Self.conditions(Self.good, enabled: false)["FlyteReady"] == "Unknown Disabled")
        #expect(Self.conditions(Self.good) { $0.probe = .failed(.timeout, "") }["FlyteReady"] == "Unknown Timeout")
        let other = Self.conditions(Self.good) { $0.identity = .changed(recorded: "a", found: "b") }
        #expect(other["FlyteReady"] == "Unknown IdentityChanged")
    }

    private static func deployment(_ replicas: Int64, _ available: Int64, _ condition: String?) throws -> Deployment {
        var json: JSON = [
            "metadata": ["name": "flytepropeller"], "spec": ["replicas": .int(replicas)],
            "status": ["availableReplicas": .int(available)],
        ]
        if let condition {
            json[path: ["status", "conditions"]] = [
                [
                    "type": "Available", "status": .string(condition), "reason": "r", "message": "said by Kubernetes",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                ]
            ]
        }
        return try Deployment(json: json)
    }

    @Test("A Deployment scaled to 0 runs no workflow, though Kubernetes calls it available")
    func propeller() throws {
        #expect(FlyteHealth.Propeller(nil) == .absent)
        #expect(FlyteHealth.Propeller(try Self.deployment(1, 1, "True")) == .available)
        #expect(FlyteHealth.Propeller(try Self.deployment(0, 0, "True")) == .unavailable("is scaled to 0"))
        #expect(
            FlyteHealth.Propeller(try Self.deployment(2, 0, "False"))
                == .unavailable("0 of 2 replicas are available: said by Kubernetes"))
        #expect(FlyteHealth.Propeller(try Self.deployment(1, 0, nil)) == .unavailable("0 of 1 replicas are available"))
    }
}
