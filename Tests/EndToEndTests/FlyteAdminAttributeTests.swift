import DevCluster
import DevFlyteAdmin
import JSON
import Testing

@testable import Operator

extension EndToEnd.Flyte {
    @Suite("Attributes and projects in flyteadmin")
    struct FlyteAdminAttributes {
        private func quota(_ fleet: TestFleet<DevCluster>, _ namespace: String) async throws -> JSON? {
            try await fleet[1].admin.get("ResourceQuota", "project-quota", in: namespace)?[
                path: ["spec", "hard", "limits.cpu"]]
        }
        private func useTemplates(_ fleet: TestFleet<DevCluster>) async throws {
            try await fleet[1].admin.apply(FlyteTemplates.rights)
            try await fleet.admin.apply(FlyteTemplates.configMap(["ab_quota.yaml": FlyteTemplates.quota]))
            let values: JSON = ["projectQuotaCpu": "5", "projectQuotaMemory": "4Gi"]
            try await fleet.admin.merge(
                "ClusterRegistry", "flyte",
                ["spec": ["templatesConfigMap": "clusterresource-template", "values": values]])
        }
        private func id(_ type: Tables.ResourceType, _ domain: String, workflow: String = "") -> Tables.RowID {
            Tables.RowID(project: "team1", domain: domain, workflow: workflow, type: type)
        }

        @Test("CLUSTER_RESOURCE attributes are waited for, followed, and kept while it is dead")
        func clusterResources() async throws {
            try await withFlyteAdmin(interval: 5) { fleet, flyteAdmin in
                try await useTemplates(fleet)
                for project in ["team1", "team2"] {
                    try await fleet.admin.apply(resource("FlyteProject", project, ["domains": ["development"]]))
                }
                func set(_ cpu: JSON, _ domain: String) {
                    flyteAdmin.edit {
                        $0.rows[id(.clusterResource, domain)] = [
                            "cluster_resource_attributes": ["attributes": ["projectQuotaCpu": cpu]]
                        ]
                    }
                }
                set("8", "")
                await flyteAdmin.stop()
                try await fleet.operating { _ in
                    let pending = try await fleet.reports("FlyteProject", "team1", "NamespaceSynced", "Pending")
                    #expect(pending.message.contains("waits for flyteadmin's CLUSTER_RESOURCE attributes"))
                    #expect(try await fleet[1].admin.get("Namespace", "team1-development") == nil)
                    try await flyteAdmin.resume()
                    try await fleet.settles(2)
                    #expect(try await quota(fleet, "team1-development") == "8")
                    #expect(try await quota(fleet, "team2-development") == "5")
                    let other = try await fleet[1].admin.get("Namespace", "team2-development")
                    set("16", "development")
                    try await eventually("the change is followed") {
                        try await quota(fleet, "team1-development") == "16"
                    }
                    #expect(try await fleet[1].admin.get("Namespace", "team2-development") == other)
                }
                await flyteAdmin.stop()
                try await fleet[1].admin.delete("ResourceQuota", "project-quota", in: "team1-development")
                try await fleet.operating { _ in
                    try await eventually("what was last read holds after a restart") {
                        try await quota(fleet, "team1-development") == "16"
                    }
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte",
                        ["spec": ["flyteAdmin": ["clusterResourceAttributes": "Ignore"]]])
                    try await eventually("they don't count any more") {
                        try await quota(fleet, "team1-development") == "5"
                    }
                }
            }
        }

        @Test("A FlyteProject registers its project, and takes only its own rows along")
        func project() async throws {
            try await withFlyteAdmin(interval: 5, change: { $0.projects = ["other"] }) { fleet, flyteAdmin in
                try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["lockedValues": []]])
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.apply(
                    resource(
                        "FlyteProject", "team1",
                        [
                            "domains": ["development"],
                            "register": ["enabled": true, "name": "Team 1", "labels": ["team": "1"]],
                            "attributes": [
                                "*": ["taskResources": ["defaults": ["cpu": "1"], "limits": ["cpu": "2"]]],
                                "development": ["executionConfig": ["maxParallelism": 7, "serviceAccount": "runner"]],
                            ],
                        ]))
                try await fleet.operating { _ in
                    let published = try await fleet.reports("FlyteProject", "team1", "Published", "Published")
                    #expect(published.message.contains("ServiceAccount runner, which the templates don't make"))
                    #expect(flyteAdmin.tables.projects["team1"]?.name == "Team 1")
                    #expect(flyteAdmin.tables.projects["team1"]?.labels == ["team": "1"])
                    let row = flyteAdmin.tables.rows[id(.workflowExecutionConfig, "development")]
                    #expect(row?[path: ["workflow_execution_config", "max_parallelism"]] == 7)
                    // The label was waiting for its project.
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    try await fleet.reports("FlyteProject", "team1", "Ready", "Ready")

                    let byHand: JSON = ["task_resource_attributes": ["defaults": ["cpu": "3"]]]
                    flyteAdmin.edit {
                        $0.rows[id(.taskResource, "development", workflow: "by.hand")] = byHand
                        $0.rows[id(.taskResource, "development")] = ["task_resource_attributes": [:]]
                        $0.projects["team1"]?.name = "Renamed"
                    }
                    try await eventually("what others change is put back") {
                        flyteAdmin.tables.projects["team1"]?.name == "Team 1"
                            && flyteAdmin.tables.rows[id(.taskResource, "development")]?[
                                path: ["task_resource_attributes", "limits", "cpu"]] == "2"
                    }
                    flyteAdmin.edit { $0.projects["team1"]?.state = .archived }
                    let archived = try await fleet.reports(
                        "FlyteProject", "team1", "Published", "FlyteAdminRefused")
                    #expect(archived.message.contains("has archived project team1"))
                    #expect(flyteAdmin.tables.projects["team1"]?.state == .archived)
                    flyteAdmin.edit { $0.projects["team1"]?.state = .active }
                    try await fleet.reports("FlyteProject", "team1", "Published", "Published")

                    try await fleet.admin.delete("FlyteProject", "team1")
                    try await eventually("its rows are gone") {
                        flyteAdmin.tables.rows[id(.taskResource, "development")] == nil
                            && flyteAdmin.tables.rows[id(.workflowExecutionConfig, "development")] == nil
                    }
                    try await eventually("the row of others is back") {
                        flyteAdmin.tables.rows[id(.taskResource, "development", workflow: "by.hand")] != nil
                    }
                    #expect(flyteAdmin.tables.projects["team1"]?.state == .active, "a project is never taken away")
                }
            }
        }

        @Test("Observe writes nothing to flyteadmin, and Enforce leaves a locked account out")
        func observes() async throws {
            try await withFlyteAdmin(interval: 5) { fleet, flyteAdmin in
                try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["mode": "Observe"]])
                try await fleet.admin.apply(
                    resource(
                        "FlyteProject", "team1",
                        [
                            "domains": ["development"], "register": ["enabled": true, "description": "ours"],
                            "attributes": ["*": ["executionConfig": ["maxParallelism": 7, "iamRole": "arn"]]],
                        ]))
                try await fleet.operating { _ in
                    try await fleet.reports("FlyteProject", "team1", "Published", "Observing")
                    try await throughout(.seconds(1), "nothing is written") { flyteAdmin.writes.isEmpty }
                    try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["mode": "Enforce"]])
                    try await fleet.reports("FlyteProject", "team1", "Published", "Published")
                    let row = flyteAdmin.tables.rows[id(.workflowExecutionConfig, "development")]
                    #expect(row == ["workflow_execution_config": ["max_parallelism": 7]])
                    let locked = try await fleet.reports("FlyteProject", "team1", "Ready", "ValueLocked")
                    #expect(locked.message.contains("attributes.*.executionConfig.iamRole"))
                }
            }
        }
    }
}
