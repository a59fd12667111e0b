import Console
import DevCluster
import DevFlyteAdmin
import Fleet
import JSON
import Support
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("Labels of whole projects")
    struct WholeProjects {
        private func explain(
            _ fleet: TestFleet<DevCluster>, _ server: DevFlyteAdmin, execution: String? = nil
        ) async throws -> Explanation {
            let endpoint = try await TestFleet.operatorEndpoint(fleet.controlPlane, fleet.admin)
            let client = ControlPlaneReader.client(for: endpoint, userAgent: "squadron-tests")
            defer { client.close() }
            var objects = try await FleetReading.live(client, namespace: "flyte")
            let reach = try FlyteAdminReach(FlyteAdmin(endpoint: server.url), secrets: [:], userAgent: "squadron-tests")
            objects.flyteAdmin = await .read(reach, execution: execution.map { ($0, "team1", "staging") })
            return Explanation(
                .init(project: "team1", domain: "staging"), execution: execution, objects: objects,
                now: WallClock.system.now)
        }

        @Test("A project's label is published and drawn; its domains' rows outlive it")
        func wholeProject() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(
                    resource("ExecutionClusterLabel", "team1", ["project": "team1", "value": "label2"]))
                try await fleet.admin.apply(assignment("team1", "development"))
                flyteAdmin.edit { $0.setLabel("theirs", project: "team1", domain: "production", workflow: "by.hand") }
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1", "Published", "Published")
                    try await fleet.reports("ExecutionClusterLabel", "team1", "Ready", "Ready")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "") == "label2")
                    let status = try await fleet.admin.get("ExecutionClusterLabel", "team1")?["status"]
                    let types = status?["conditions"]?.array?.compactMap { $0["type"]?.string } ?? []
                    #expect(Set(types) == ["LabelResolved", "Published", "Ready"] && status?["namespace"] == nil)
                    #expect(try await fleet[1].admin.get("Namespace", "team1-staging") == nil)

                    // With the rule `all-clusters` it would go to the other one.
                    flyteAdmin.edit { tables in
                        tables.clusters = .init(
                            [.init("dataplane_0"), .init("dataplane_1")], labels: ["label2": [.init("dataplane_1")]])
                        _ = tables.launch(.init("exec-1", project: "team1", domain: "staging"))
                    }
                    let explanation = try await explain(fleet, flyteAdmin, execution: "exec-1")
                    #expect(explanation.json["rule"] == "project" && explanation.json["label"] == "label2")
                    #expect(explanation.cluster == "dataplane_1" && explanation.json["ranOn"] == "dataplane_1")
                    #expect(explanation.notes.contains { $0.contains("publishes no clusters") })
                    #expect(!explanation.notes.contains { $0.contains("not read ExecutionClusterLabel") })

                    try await fleet.admin.delete("ExecutionClusterLabel", "team1")
                    try await eventually("its row is gone, and the others are there again") {
                        let tables = flyteAdmin.tables
                        return tables.label(project: "team1", domain: "") == nil
                            && tables.label(project: "team1", domain: "development") == "label1"
                            && tables.label(project: "team1", domain: "production", workflow: "by.hand") == "theirs"
                    }
                    #expect(flyteAdmin.writes.contains { $0.path == "/api/v1/project_attributes/team1" })
                }
            }
        }
    }
}
