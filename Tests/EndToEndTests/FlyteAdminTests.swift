import DevCluster
import DevFlyteAdmin
import JSON
import RealCluster
import Testing

@testable import Operator

/// A label for a workflow.
private func workflowLabel(_ project: String, _ domain: String, _ workflow: String, _ value: String) -> JSON {
    resource(
        "ExecutionClusterLabel", "\(project)-\(domain)-workflow",
        [
            "project": .string(project), "domain": .string(domain), "workflow": .string(workflow),
            "value": .string(value),
        ])
}

/// A fleet of one data plane (or more) beside a flyteadmin with projects team1 and team2, and labels label1 and label2.
func withFlyteAdmin(
    planes: Int = 1, interval: Int64 = 3600, change: (inout DevFlyteAdmin.Options) -> Void = { _ in }, more: JSON = [:],
    configure: @escaping @Sendable (inout OperatorConfiguration) -> Void = { _ in },
    _ body: (TestFleet<DevCluster>, DevFlyteAdmin) async throws -> Void
) async throws {
    var options = DevFlyteAdmin.Options()
    options.projects = ["team1", "team2"]
    change(&options)
    let server = try await DevFlyteAdmin.start(options)
    do {
        try await withFleet(of: planes, configure: configure) { fleet in
            var spec: JSON = ["endpoint": .string(server.url), "intervalSeconds": .int(interval)]
            for (key, value) in more.object ?? [:] { spec[key] = value }
            try await fleet.applyBasics(["flyteAdmin": spec])
            try await fleet.admin.apply(
                resource("ExecutionLabel", "label2", ["clusters": [["name": "dataplane_1", "weight": 1]]]))
            try await body(fleet, server)
        }
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

extension EndToEnd.Flyte {
    @Suite("Labels in flyteadmin")
    struct FlyteAdminLabels {
        @Test("A label is published, follows its object and is written only for a change")
        func publishes() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.operating { _ in
                    try await fleet.admin.apply(assignment("team1", "development"))
                    let published = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "Published")
                    #expect(published.status == "True")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label1")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Ready", "Ready")
                    try await fleet.admin.apply(assignment("team1", "development", value: "label2"))
                    try await eventually("the new value is in flyteadmin") {
                        flyteAdmin.tables.label(project: "team1", domain: "development") == "label2"
                    }
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Ready", "Ready")
                }
                #expect(flyteAdmin.writes.count == 2)
                flyteAdmin.forgetRequests()
                let before = try await fleet.admin.get("ExecutionClusterLabel", "team1-development")
                try await fleet.operating { _ in
                    try await eventually("it was read") { !flyteAdmin.requests.isEmpty }
                    try await fleet.settles(1)
                    try await throughout(.milliseconds(500), "nothing is written after a restart") {
                        flyteAdmin.writes.isEmpty
                    }
                }
                let after = try await fleet.admin.get("ExecutionClusterLabel", "team1-development")
                #expect(after?["metadata"]?["resourceVersion"] == before?["metadata"]?["resourceVersion"])
                #expect(flyteAdmin.requests.count == 2, "labels and CLUSTER_RESOURCE attributes, once each")
            }
        }

        @Test("Between polls flyteadmin is asked nothing, whatever else changes")
        func settled() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Ready", "Ready")
                    flyteAdmin.forgetRequests()
                    try await fleet.admin.apply(
                        resource("FlyteProject", "other", ["project": "other", "domains": ["staging"]]))
                    try await fleet.settles(2)
                    try await throughout(.milliseconds(500), "no request") { flyteAdmin.requests.isEmpty }
                }
            }
        }

        @Test("What somebody changes or deletes with flytectl is put back within an interval")
        func putsBack() async throws {
            try await withFlyteAdmin(interval: 5) { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.apply(workflowLabel("team1", "development", "a.b", "label2"))
                try await fleet.operating { _ in
                    try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development-workflow", "Published", "Published")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    flyteAdmin.edit { tables in
                        tables.setLabel("theirs", project: "team1", domain: "development")
                        tables.setLabel(nil, project: "team1", domain: "development", workflow: "a.b")
                        tables.setLabel("theirs", project: "team2", domain: "development")
                    }
                    try await eventually("both are back", within: .seconds(8)) {
                        flyteAdmin.tables.label(project: "team1", domain: "development") == "label1"
                            && flyteAdmin.tables.label(project: "team1", domain: "development", workflow: "a.b")
                                == "label2"
                    }
                    #expect(flyteAdmin.tables.label(project: "team2", domain: "development") == "theirs")
                }
            }
        }

        @Test("A deleted object takes its row; workflows' rows that went with it come back")
        func deletes() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.apply(workflowLabel("team1", "development", "a.b", "label2"))
                flyteAdmin.edit { $0.setLabel("theirs", project: "team1", domain: "development", workflow: "by.hand") }
                try await fleet.operating { _ in
                    try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development-workflow", "Published", "Published")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    try await fleet.admin.delete("ExecutionClusterLabel", "team1-development")
                    try await eventually("its row is gone and the others are back") {
                        let tables = flyteAdmin.tables
                        return tables.label(project: "team1", domain: "development") == nil
                            && tables.label(project: "team1", domain: "development", workflow: "a.b") == "label2"
                            && tables.label(project: "team1", domain: "development", workflow: "by.hand") == "theirs"
                    }
                }
            }
        }

        @Test("Of two replicas only the leader asks flyteadmin; its successor uses the notes")
        func replicas() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.operating { _ in
                        try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                        try await throughout(.milliseconds(500), "two lists, one write") {
                            flyteAdmin.requests.map(\.method) == ["GET", "GET", "PUT"]
                        }
                    }
                    try await fleet.admin.delete("ExecutionClusterLabel", "team1-development")
                    try await eventually("its row is gone") {
                        flyteAdmin.tables.label(project: "team1", domain: "development") == nil
                    }
                }
            }
        }

        @Test("An operator that must end first restores what a delete removed")
        func endsInOrder() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                flyteAdmin.edit { $0.setLabel("theirs", project: "team1", domain: "development", workflow: "by.hand") }
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    flyteAdmin.add(FaultRule(.slow(.milliseconds(700)), method: "DELETE"))
                    try await fleet.admin.delete("ExecutionClusterLabel", "team1-development")
                    try await eventually("the delete is under way") { flyteAdmin.writes.last?.method == "DELETE" }
                }
                #expect(
                    flyteAdmin.tables.label(project: "team1", domain: "development", workflow: "by.hand") == "theirs")
                let notes = try await fleet.admin.get("ConfigMap", "squadron-published-labels")
                #expect(notes?[path: ["data", "published.json"]]?.string?.contains("team1") == false)
            }
        }

        @Test("An object that is deleted while no operator runs loses its row at the next start")
        func deletedMeanwhile() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.apply(assignment("team2", "staging"))
                flyteAdmin.edit { $0.setLabel("theirs", project: "team2", domain: "production") }
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    try await fleet.reports("ExecutionClusterLabel", "team2-staging", "Published", "Published")
                }
                try await fleet.admin.delete("ExecutionClusterLabel", "team1-development")
                try await fleet.operating { _ in
                    try await eventually("its row is gone") {
                        flyteAdmin.tables.label(project: "team1", domain: "development") == nil
                    }
                }
                #expect(flyteAdmin.tables.label(project: "team2", domain: "staging") == "label1")
                #expect(flyteAdmin.tables.label(project: "team2", domain: "production") == "theirs")
            }
        }

        @Test("A put-back that an abrupt end prevented is done at the next start")
        func interrupted() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.admin.apply(assignment("team2", "staging"))
                flyteAdmin.edit { $0.setLabel("theirs", project: "team1", domain: "development", workflow: "by.hand") }
                try await fleet.operating(ending: .abrupt) { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    flyteAdmin.add(FaultRule(.hang, method: "PUT"))
                    try await fleet.admin.delete("ExecutionClusterLabel", "team1-development")
                    try await eventually("the put-back hangs") {
                        flyteAdmin.tables.label(project: "team1", domain: "development") == nil
                            && flyteAdmin.writes.last?.method == "PUT" && flyteAdmin.writes.last?.status == 0
                    }
                }
                #expect(flyteAdmin.tables.label(project: "team1", domain: "development", workflow: "by.hand") == nil)
                flyteAdmin.heal()
                try await fleet.operating { _ in
                    try await eventually("the row by hand is back") {
                        flyteAdmin.tables.label(project: "team1", domain: "development", workflow: "by.hand")
                            == "theirs"
                    }
                }
            }
        }

        @Test(
            "On a real API server the Role suffices for the notes, which outlive an operator",
            .enabled("KUBEBUILDER_ASSETS names etcd, kube-apiserver and kube-controller-manager") {
                KubernetesBinaries.haveControllers
            })
        func realServer() async throws {
            var options = DevFlyteAdmin.Options()
            options.projects = ["team1"]
            let flyteAdmin = try await DevFlyteAdmin.start(options)
            do {
                try await onRealServer(flyteAdmin)
            } catch {
                await flyteAdmin.stop()
                throw error
            }
            await flyteAdmin.stop()
        }

        private func onRealServer(_ flyteAdmin: DevFlyteAdmin) async throws {
            try await withRealFleet(of: 0) { fleet in
                try await fleet.admin.apply(
                    resource("ExecutionLabel", "label1", ["clusters": [["name": "dataplane_1", "weight": 1]]]))
                try await fleet.admin.apply(
                    resource(
                        "ClusterRegistry", "flyte",
                        ["flyteAdmin": ["endpoint": .string(flyteAdmin.url), "intervalSeconds": 3600]]))
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                }
                try await fleet.admin.delete("ExecutionClusterLabel", "team1-development")
                try await fleet.operating { _ in
                    try await eventually("its row is gone") {
                        flyteAdmin.tables.label(project: "team1", domain: "development") == nil
                    }
                }
            }
        }

        @Test("A control plane that suddenly has no labels doesn't empty flyteadmin at once")
        func massDeletion() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                for domain in ["development", "staging", "production"] {
                    try await fleet.admin.apply(assignment("team1", domain))
                }
                try await fleet.operating { _ in
                    for domain in ["development", "staging", "production"] {
                        try await fleet.reports("ExecutionClusterLabel", "team1-\(domain)", "Published", "Published")
                    }
                }
                for domain in ["development", "staging", "production"] {
                    try await fleet.admin.delete("ExecutionClusterLabel", "team1-\(domain)")
                }
                flyteAdmin.forgetRequests()
                try await fleet.operating { _ in
                    try await eventually("it was read") { !flyteAdmin.requests.isEmpty }
                    try await throughout(.seconds(1), "nothing is deleted") { flyteAdmin.writes.isEmpty }
                    try await eventually("an event says so") {
                        try await fleet.admin.list("Event").contains { $0["reason"] == "LabelDeletionsHeld" }
                    }
                }
            }
        }
    }
}
