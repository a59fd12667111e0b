import DevCluster
import DevFlyteAdmin
import JSON
import Testing

@testable import Operator

extension EndToEnd.Flyte {
    @Suite("What flyteadmin runs")
    struct ExecutionCounts {
        private func executions(_ fleet: TestFleet<DevCluster>, _ name: String) async throws -> JSON? {
            try await fleet.admin.get("DataPlane", name)?[path: ["status", "executions"]]
        }

        @Test(
            "Executions of a cordoned or disabled data plane are counted until none runs"
        )
        func counts() async throws {
            try await withFlyteAdmin(planes: 2, configure: { $0.executionInterval = .seconds(1) }) {
                fleet, flyteAdmin in
                flyteAdmin.edit { tables in
                    tables.projects["old"] = .archived
                    tables.executions = [
                        .init("e1", project: "team1", domain: "development", cluster: "dataplane_1"),
                        .init("e2", project: "old", domain: "production", cluster: "dataplane_1", phase: .queued),
                        .init("e3", project: "team1", domain: "development", cluster: "dataplane_1", phase: .failed),
                        .init("e4", project: "team1", domain: "development", cluster: "dataplane_2"),
                    ]
                }
                try await fleet.operating { _ in
                    try await fleet.reports("DataPlane", "dataplane-1", "Available", "Available")
                    #expect(!flyteAdmin.requests.contains { $0.path.contains("/executions/") })
                    try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["unschedulable": true]])
                    try await eventually("two are counted") {
                        try await executions(fleet, "dataplane-1")?["running"] == 2
                    }
                    #expect(try await executions(fleet, "dataplane-1")?["asOf"]?.string?.hasSuffix("Z") == true)
                    #expect(try await executions(fleet, "dataplane-2") == nil)
                    // What can't be asked keeps the count.
                    flyteAdmin.add(FaultRule(.status(503), pathContains: "/executions/"))
                    flyteAdmin.edit { $0.setPhase(.aborted, of: "e1") }
                    flyteAdmin.forgetRequests()
                    try await eventually("it was asked again") {
                        flyteAdmin.requests.contains { $0.path.contains("/executions/") && $0.status == 503 }
                    }
                    #expect(try await executions(fleet, "dataplane-1")?["running"] == 2)
                    flyteAdmin.heal()
                    try await eventually("one is left") {
                        try await executions(fleet, "dataplane-1")?["running"] == 1
                    }
                    try await fleet.admin.merge(
                        "DataPlane", "dataplane-1", ["spec": ["unschedulable": false, "enabled": false]])
                    flyteAdmin.edit { $0.setPhase(.succeeded, of: "e2") }
                    try await eventually("none is left, on one that is disabled") {
                        try await executions(fleet, "dataplane-1")?["running"] == 0
                    }
                    try await fleet.admin.merge("DataPlane", "dataplane-1", ["spec": ["enabled": true]])
                    try await eventually("one that takes executions has no count") {
                        try await executions(fleet, "dataplane-1") == nil
                    }
                }
            }
        }
    }
}
