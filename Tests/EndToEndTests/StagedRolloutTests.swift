import DevCluster
import Fleet
import JSON
import KubeObjects
import Testing

extension EndToEnd.Syncing {
    @Suite("A staged rollout")
    struct StagedRollout {
        private static func registry(_ role: String, _ rollout: JSON = [:]) -> JSON {
            var policy: JSON = [
                "type": "Progressive", "groups": [["dataplane-2"], ["dataplane-1"]], "minSuccessSeconds": 0,
            ]
            for (key, value) in rollout.object ?? [:] { policy[key] = value }
            return resource(
                "ClusterRegistry", "flyte",
                ["workloadIdentity": ["aws": ["roleARN": .string("arn:aws:iam::1:role/\(role)")]], "rollout": policy])
        }

        private static func status(_ fleet: TestFleet<DevCluster>) async throws -> RolloutStatus? {
            try await fleet.admin.get("ClusterRegistry", "flyte")?[path: ["status", "rollout"]]?.decode(
                RolloutStatus.self)
        }

        private static func reaches(
            _ fleet: TestFleet<DevCluster>, _ what: String, _ accepts: (RolloutStatus) -> Bool
        ) async throws {
            try await eventually(what) {
                try await status(fleet)
            } until: {
                $0.map(accepts) ?? false
            }
        }

        /// What the `default` account of project1-development says in each data plane.
        private static func roles(_ fleet: TestFleet<DevCluster>) async throws -> [String?] {
            var roles: [String?] = []
            for number in fleet.dataPlanes.indices {
                let annotation = try await fleet.annotation(number + 1, "project1-development")
                roles.append(annotation.flatMap { $0.split(separator: "/").last.map(String.init) })
            }
            return roles
        }

        private static func withStagedFleet(
            _ rollout: JSON = [:], _ body: (TestFleet<DevCluster>) async throws -> Void
        ) async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.admin.apply(Manifests.component("staged-rollout"))
                try await fleet.applyBasics()
                try await fleet.admin.apply(registry("first", rollout))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await body(fleet)
            }
        }

        @Test("A change reaches the groups in order; each keeps its revision until its turn")
        func order() async throws {
            try await Self.withStagedFleet { fleet in
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await Self.reaches(fleet, "the first revision is complete") {
                        $0.phase == .complete && $0.revision == 1 && $0.updated == 2
                    }
                    #expect(try await Self.roles(fleet) == ["first", "first"])
                    // The first group can't be written to, so nobody gets the change.
                    fleet[2].faults.add(.status(503), match: .init(verbs: ["patch"]))
                    try await fleet.admin.apply(Self.registry("second"))
                    try await Self.reaches(fleet, "the first group has its turn") {
                        $0.revision == 2 && $0.current == ["dataplane-2"]
                    }
                    // Drift is put back, and a new project-domain comes, by the revision that the data plane has.
                    try await fleet.admin.apply(assignment("project2", "development"))
                    try await eventually("the new project-domain has the old role") {
                        try await fleet.annotation(1, "project2-development") == "arn:aws:iam::1:role/first"
                    }
                    #expect(try await Self.roles(fleet)[0] == "first")
                    fleet[2].faults.removeAll()
                    try await Self.reaches(fleet, "both have it") { $0.phase == .complete && $0.updated == 2 }
                    #expect(try await Self.roles(fleet) == ["second", "second"])
                    try await eventually("the DataPlanes say so") {
                        let plane = try await fleet.admin.get("DataPlane", "dataplane-1")
                        return plane?[path: ["status", "appliedRevision"]]?.int == 2
                    }
                }
            }
        }

        @Test("A failure in the first group pauses it; a restart keeps that, and undo ends it")
        func pause() async throws {
            try await Self.withStagedFleet { fleet in
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await Self.reaches(fleet, "the first revision is complete") { $0.phase == .complete }
                    fleet[2].faults.add(.status(422), match: .init(verbs: ["patch"], resources: ["serviceaccounts"]))
                    try await fleet.admin.apply(Self.registry("second"))
                    try await Self.reaches(fleet, "it is paused") {
                        $0.phase == .paused && $0.reason == "TooManyFailures"
                            && $0.message?.contains("dataplane-2") == true
                    }
                    fleet[2].faults.removeAll()
                }
                try await fleet.operating { _ in
                    try await throughout(.seconds(1), "after a restart the second group still waits") {
                        try await Self.roles(fleet)[0] == "first"
                    }
                    #expect(try await Self.status(fleet)?.phase == .paused)
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte", ["metadata": ["annotations": [RolloutNames.pinned: "1/2"]]])
                    try await Self.reaches(fleet, "all are back") { $0.pinned == 1 && $0.revision == 1 }
                    try await eventually("both have the first role") {
                        try await Self.roles(fleet) == ["first", "first"]
                    }
                    // The next change ends the pin and begins with the first group.
                    try await fleet.admin.apply(Self.registry("third"))
                    try await Self.reaches(fleet, "the next change is through") {
                        $0.revision == 3 && $0.phase == .complete && $0.pinned == nil
                    }
                    #expect(try await Self.roles(fleet) == ["third", "third"])
                }
            }
        }

        @Test("Groups with an unknown name stop the rollout and nothing else; All ends it")
        func invalid() async throws {
            try await Self.withStagedFleet { fleet in
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    try await Self.reaches(fleet, "the first revision is complete") { $0.phase == .complete }
                    try await fleet.admin.apply(Self.registry("second", ["groups": [["nobody"]]]))
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "RolloutInvalid")
                    try await fleet.admin.apply(assignment("project2", "development"))
                    try await eventually("a new project-domain comes all the same") {
                        try await fleet.annotation(1, "project2-development") == "arn:aws:iam::1:role/first"
                    }
                    #expect(try await Self.roles(fleet) == ["first", "first"])
                    try await fleet.admin.apply(Self.registry("second", ["type": "All"]))
                    try await eventually("the change is everywhere") {
                        try await Self.roles(fleet) == ["second", "second"]
                    }
                    try await eventually("no rollout is told of") { try await Self.status(fleet) == nil }
                }
            }
        }
    }
}
