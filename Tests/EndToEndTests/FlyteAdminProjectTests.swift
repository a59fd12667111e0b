import DevCluster
import DevFlyteAdmin
import JSON
import TestSupport
import Testing

@testable import Operator

extension EndToEnd.Flyte {
    @Suite("Projects from flyteadmin")
    struct FlyteAdminProjects {
        private func status(_ fleet: TestFleet<DevCluster>, _ path: String...) async throws -> JSON? {
            try await fleet.admin.get("ClusterRegistry", "flyte")?[path: ["status"] + path]
        }

        @Test("Its projects get namespaces, archived ones don't; all stay while it is dead")
        func discovers() async throws {
            try await withFlyteAdmin(
                interval: 5, change: { $0.domains = ["development"] }, more: ["projectDiscovery": true]
            ) { fleet, flyteAdmin in
                flyteAdmin.edit { $0.projects["old"] = .archived }
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    flyteAdmin.edit { $0.projects["team3"] = .active }
                    try await fleet.settles(3)
                    #expect(try await fleet[1].admin.get("Namespace", "team3-development") != nil)
                    #expect(try await fleet[1].admin.get("Namespace", "old-development") == nil)
                    await flyteAdmin.stop()
                    try await throughout(.seconds(7), "they stay wanted") {
                        let dataPlane = try await fleet.admin.get("DataPlane", "dataplane-1")
                        return dataPlane?[path: ["status", "namespaces", "desired"]] == 3
                    }
                }
            }
        }

        @Test("An archived project keeps its namespaces and their content, also with prune")
        func archives() async throws {
            try await withFlyteAdmin(
                interval: 5, change: { $0.domains = ["development"] }, more: ["projectDiscovery": true]
            ) { fleet, flyteAdmin in
                try await fleet[1].admin.apply(FlyteTemplates.allRights)
                try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["prune": true]])
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.apply(
                    resource("FlyteProject", "team2", ["project": "team2", "domains": ["development"]]))
                try await fleet.operating { _ in
                    flyteAdmin.edit { $0.projects["team3"] = .active }
                    try await fleet.settles(3)
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    #expect(try await status(fleet, "archivedProjects") == nil)
                    flyteAdmin.edit { for name in ["team1", "team2", "team3"] { $0.projects[name] = .archived } }
                    flyteAdmin.edit { $0.projects["team4"] = .active }
                    try await eventually("the registry names them") {
                        try await status(fleet, "archivedProjects")
                            == ["total": 3, "names": ["team1", "team2", "team3"]]
                    }
                    // team3 is wanted by nobody any more, the others by their objects.
                    try await fleet.settles(3)
                    let kept = try await fleet[1].admin.get("Namespace", "team3-development")
                    #expect(kept?[path: ["metadata", "deletionTimestamp"]] == nil)
                    #expect(kept?[path: ["metadata", "labels", "multicluster.flyte.org/project"]] == "team3")
                    for (kind, name) in [("ExecutionClusterLabel", "team1-development"), ("FlyteProject", "team2")] {
                        let ready = try await eventually(
                            "\(kind) says so",
                            seen: {
                                try await fleet.conditions(kind, name)["Ready"]
                            }, until: { $0?.message.contains("flyteadmin has archived project") == true })
                        #expect(ready?.reason == "Ready")
                    }
                    flyteAdmin.edit { $0.projects["team3"] = .active }
                    try await fleet.settles(4)
                    try await eventually("one less is archived") {
                        try await status(fleet, "archivedProjects", "total") == 2
                    }
                    // A label that is new to an archived project is refused, in flyteadmin's own words.
                    try await fleet.admin.merge(
                        "ExecutionClusterLabel", "team1-development", ["spec": ["value": "label2"]])
                    let refused = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "FlyteAdminRefused")
                    #expect(refused.message == "project [team1] is not active")
                }
            }
        }

        @Test("A restart without flyteadmin changes no status and still serves new data planes")
        func remembers() async throws {
            try await withFlyteAdmin(
                planes: 2, change: { $0.domains = ["development"] }, more: ["projectDiscovery": true]
            ) { fleet, flyteAdmin in
                flyteAdmin.edit { $0.projects["old"] = .archived }
                try await fleet.admin.delete("DataPlane", "dataplane-2")
                func versions() async throws -> [JSON?] {
                    [
                        try await fleet.admin.get("ClusterRegistry", "flyte")?[path: ["metadata", "resourceVersion"]],
                        try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["metadata", "resourceVersion"]],
                    ]
                }
                try await fleet.operating { _ in
                    try await fleet.settles(1, 2)
                    try await eventually("the registry is settled") {
                        let counts = try await status(fleet, "summary", "namespaces")
                        let archived = try await status(fleet, "archivedProjects", "total")
                        return counts == "2/2" && archived == 1
                    }
                    // What it had not written yet when it ends, the next one would rightly write.
                    try await eventually("nothing more is written") {
                        let seen = try await versions()
                        try await timePasses(.seconds(1))
                        return try await versions() == seen
                    }
                }
                await flyteAdmin.stop()
                let before = try await versions()
                let log = fleet.log.lines.count
                try await fleet.operating { _ in
                    try await eventually("it tried") {
                        fleet.log.lines.dropFirst(log).contains { $0.contains("could not connect") }
                    }
                    try await throughout(.seconds(4), "no status changes") { try await versions() == before }
                    try await fleet.admin.apply(fleet.dataPlane(2))
                    try await fleet.settles(2, 2)
                    #expect(try await fleet[2].admin.get("Namespace", "team2-development") != nil)
                    #expect(try await fleet[2].admin.get("Namespace", "old-development") == nil)
                    try await flyteAdmin.resume()
                    flyteAdmin.edit { $0.projects["team3"] = .active }
                    try await fleet.settles(3)
                }
            }
        }

        @Test("A broken list of projects is an event; without the archived ones it goes on")
        func troubles() async throws {
            try await withFlyteAdmin(
                interval: 5, change: { $0.domains = ["development"] }, more: ["projectDiscovery": true]
            ) { fleet, flyteAdmin in
                flyteAdmin.edit { $0.projects["old"] = .archived }
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await eventually("the archived one is told") {
                        try await status(fleet, "archivedProjects", "total") == 1
                    }
                    flyteAdmin.add(FaultRule(.status(400), pathContains: "/projects", isFiltered: true))
                    flyteAdmin.edit { $0.projects["team3"] = .active }
                    try await fleet.settles(3)
                    #expect(try await status(fleet, "archivedProjects", "total") == 1)
                    flyteAdmin.heal()
                    flyteAdmin.add(FaultRule(.html, pathContains: "/projects"))
                    try await eventually("an event says so") {
                        try await fleet.admin.list("Event").contains { $0["reason"] == "ProjectDiscoveryFailed" }
                    }
                    try await fleet.settles(3)
                    // Labels go on as before.
                    try await fleet.admin.apply(assignment("team1", "development", value: "label2"))
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label2")
                }
            }
        }

        @Test("Notes that may not be written are an event, and the projects count all the same")
        func mayNotNote() async throws {
            try await withFlyteAdmin(
                change: { $0.domains = ["development"] }, more: ["projectDiscovery": true]
            ) { fleet, _ in
                var role = try #require(
                    try Manifests.documents("rbac/operator.yaml").first { $0["kind"] == "Role" })
                role["rules"] = .array(
                    (role["rules"]?.array ?? []).map { rule in
                        var rule = rule
                        let names = rule["resourceNames"]?.array?.filter { $0 != "squadron-discovered-projects" }
                        if let names { rule["resourceNames"] = .array(names) }
                        return rule
                    })
                try await fleet.admin.apply(role)
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    try await eventually("an event says so") {
                        try await fleet.admin.list("Event").contains { $0["reason"] == "ProjectsNotNoted" }
                    }
                }
            }
        }
    }
}
