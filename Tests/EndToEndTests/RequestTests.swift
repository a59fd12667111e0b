import DevCluster
import DevFlyteAdmin
import JSON
import Testing

extension EndToEnd.Syncing {
    @Suite("reconcile-requested-at")
    struct Requests {
        private static let key = "multicluster.flyte.org/reconcile-requested-at"

        private static func request(_ fleet: TestFleet<DevCluster>, _ kind: String, _ name: String, _ text: String)
            async throws
        {
            try await fleet.admin.merge(kind, name, ["metadata": ["annotations": .object([key: .string(text)])]])
        }

        @Test("Anything new in it has a DataPlane probed and its failures tried again at once")
        func dataPlane() async throws {
            // Neither the next probe nor, most of the time, the next try comes within the test.
            try await withFleet(of: 1, configure: { $0.probeInterval = .seconds(60) }) { fleet in
                try await fleet.applyBasics()
                let server = fleet[1]
                let fault = server.faults.add(
                    .refusal(403, reason: "Forbidden", message: "a policy says no"),
                    match: .init(verbs: ["patch"], resources: ["serviceaccounts"]))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports(1, "Synced", "SyncFailed")
                    server.faults.remove(fault)
                    server.requestLog.reset()
                    try await Self.request(fleet, "DataPlane", "dataplane-1", "now")
                    try await fleet.settles(1, within: .seconds(5))
                    #expect(
                        server.requestLog.count(verb: "patch", resource: "serviceaccounts", userAgent: "squadron") == 1)
                }
            }
        }

        @Test("On an assignment it asks flyteadmin again for what that had refused")
        func refused() async throws {
            // It polls once an hour.
            try await withFlyteAdmin { fleet, flyteAdmin in
                let name = "team3-development"
                try await fleet.admin.apply(assignment("team3", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", name, "Published", "FlyteAdminRefused")
                    flyteAdmin.edit { $0.projects["team3"] = .active }
                    try await Self.request(fleet, "ExecutionClusterLabel", name, "now")
                    try await fleet.reports("ExecutionClusterLabel", name, "Published", "Published")
                    #expect(flyteAdmin.tables.label(project: "team3", domain: "development") == "label1")
                }
            }
        }

        @Test("The same text again requests nothing")
        func same() async throws {
            try await withSettledFleet { fleet, _ in
                try await Self.request(fleet, "DataPlane", "dataplane-1", "once")
                try await eventually("it was asked") {
                    fleet.log.lines.contains { $0.contains("asked to look at once") }
                }
                func asked() -> Int { fleet.log.lines.count { $0.contains("asked to look at once") } }
                #expect(asked() == 1)
                try await Self.request(fleet, "DataPlane", "dataplane-1", "once")
                try await fleet.admin.merge(
                    "DataPlane", "dataplane-1", ["metadata": ["annotations": ["other": "x"]]])
                try await Self.request(fleet, "ExecutionClusterLabel", "project1-development", "x")
                try await eventually("the assignment was asked") { asked() == 2 }
            }
        }
    }
}
