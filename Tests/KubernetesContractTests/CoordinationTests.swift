import JSON
import TestSupport
import Testing

/// What the operator assumes of Leases and Events.
@Suite("Contract: leases and events", .timeLimit(.minutes(3 * patience)))
struct CoordinationTests {
    @Test("Of many that take a Lease at the same version exactly one gets it", arguments: ServerKind.atHand)
    func contention(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.group("coordination.k8s.io/v1", namespace, "leases")
            func lease(_ holder: String, _ version: String?) -> JSON {
                var object: JSON = [
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": ["name": "squadron"],
                    "spec": [
                        "holderIdentity": .string(holder), "leaseDurationSeconds": 15,
                        "renewTime": "2026-01-01T00:00:00.000001Z", "leaseTransitions": 1,
                    ],
                ]
                if let version { object[path: ["metadata", "resourceVersion"]] = .string(version) }
                return object
            }
            // The first time, by creating it.
            let created = try await withThrowingTaskGroup(of: Answer.self) { group in
                for number in 0..<8 { group.addTask { try await api.post(path, lease("c\(number)", nil)) } }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            #expect(created.count { $0.status == 201 } == 1)
            #expect(created.count { $0.status == 409 && $0.reason == "AlreadyExists" } == 7)
            let current = try await api.get("\(path)/squadron").require(200)
            let taken = try await withThrowingTaskGroup(of: Answer.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await api.put("\(path)/squadron", lease("u\(number)", current.resourceVersion))
                    }
                }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            #expect(taken.count { $0.status == 200 } == 1)
            #expect(taken.count { $0.status == 409 && $0.reason == "Conflict" } == 7)
            let holder = try await api.get("\(path)/squadron")["spec", "holderIdentity"]
            #expect(holder == taken.first { $0.status == 200 }?["spec", "holderIdentity"])
        }
    }

    @Test(
        "A Lease has times with six digits, positive durations, and writes with a version",
        arguments: ServerKind.atHand)
    func leaseFields(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.group("coordination.k8s.io/v1", namespace, "leases")
            func lease(_ spec: JSON) -> JSON {
                ["apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": ["name": "l"], "spec": spec]
            }
            let made = try await api.post(path, lease(["renewTime": "2026-01-01T02:00:00.000001+02:00"])).require(201)
            #expect(made["spec", "renewTime"] == "2026-01-01T00:00:00.000001Z")
            let coarse = try await api.post(path, lease(["acquireTime": "2026-01-01T00:00:00Z"]))
            coarse.expect(
                400, "BadRequest",
                "Lease in version \"v1\" cannot be handled as a Lease: parsing time \"2026-01-01T00:00:00Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as \".000000\""
            )
            let unconditional = try await api.put("\(path)/l", lease([:]))
            unconditional.expect(
                422, "Invalid",
                "leases.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
            )
            let wrong = try await api.patch(.merge, "\(path)/l", ["spec": ["leaseDurationSeconds": 0]])
            wrong.expect(
                422, "Invalid",
                "Lease.coordination.k8s.io \"l\" is invalid: spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
            )
        }
    }

    @Test("An event of events.k8s.io is a core event too, and its series counts by patch", arguments: ServerKind.atHand)
    func events(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.group("events.k8s.io/v1", namespace, "events")
            let event: JSON = [
                "apiVersion": "events.k8s.io/v1", "kind": "Event",
                "metadata": ["name": "dp.1", "namespace": .string(namespace)],
                "eventTime": "2026-01-01T00:00:00.000001Z", "action": "Probe", "reason": "TokenRejected",
                "type": "Warning", "note": "the token was refused", "reportingController": "squadron",
                "reportingInstance": "squadron-0",
                "regarding": [
                    "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "DataPlane", "name": "dp",
                    "namespace": .string(namespace),
                ],
            ]
            let made = try await api.post(path, event).require(201)
            #expect(made["note"] == "the token was refused" && made["series"] == nil)
            let core = try await api.get(Objects.core(namespace, "events", "dp.1")).require(200)
            #expect(core["message"] == "the token was refused" && core["involvedObject", "name"] == "dp")
            #expect(core["reportingComponent"] == "squadron")
            let series: JSON = ["series": ["count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"]]
            let patched = try await api.patch(.merge, "\(path)/dp.1", series).require(200)
            #expect(patched["series"] == series["series"])
            let list = try await api.get(Objects.core(namespace, "events") + "?fieldSelector=involvedObject.name%3Ddp")
                .require(200)
            #expect(list["items"]?.array?.count == 1)

            var incomplete = event
            incomplete[path: ["metadata", "name"]] = "dp.2"
            incomplete["action"] = nil
            incomplete["reportingController"] = nil
            let refused = try await api.post(path, incomplete)
            #expect(refused.status == 422)
            #expect(Set(refused.causes.map { $0["field"]?.string ?? "" }) == ["action", "reportingController"])
            let changed = try await api.patch(.merge, "\(path)/dp.1", ["note": "other"])
            #expect(changed.status == 422, "nothing but the series can change")
        }
    }
}
