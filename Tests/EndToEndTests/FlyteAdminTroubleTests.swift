import DevCluster
import DevFlyteAdmin
import JSON
import Testing

@testable import Operator

extension EndToEnd.Flyte {
    @Suite("A flyteadmin that doesn't work")
    struct FlyteAdminTroubles {
        @Test("Its refusal is shown in its own words, and the others are published")
        func refused() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team3", "development"))
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { squadron in
                    let refusal = try await fleet.reports(
                        "ExecutionClusterLabel", "team3-development", "Published", "FlyteAdminRefused")
                    #expect(
                        refusal.message
                            == "failed to validate that project [team3] and domain [development] are registered, err: [project [team3] not found]"
                    )
                    try await fleet.reports("ExecutionClusterLabel", "team3-development", "Ready", "FlyteAdminRefused")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    #expect(squadron.metricsText.contains(#"squadron_assignments{state="refused"} 1"#))
                    #expect(squadron.metricsText.contains(#"squadron_assignments{state="published"} 1"#))
                }
            }
        }

        @Test(
            "HTML, or no answer, is FlyteAdminUnreachable; namespaces are made all the same"
        )
        func unreachable() async throws {
            // Otherwise the namespaces would wait for flyteadmin's attributes.
            try await withFlyteAdmin(more: ["clusterResourceAttributes": "Ignore"]) { fleet, flyteAdmin in
                flyteAdmin.add(FaultRule(.html))
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    let html = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "FlyteAdminUnreachable")
                    #expect(html.message.contains("a page of HTML"))
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "NamespaceSynced", "InSync")
                    flyteAdmin.heal()
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    await flyteAdmin.stop()
                    try await fleet.admin.apply(assignment("team2", "development"))
                    let dead = try await fleet.reports(
                        "ExecutionClusterLabel", "team2-development", "Published", "FlyteAdminUnreachable")
                    #expect(dead.message.contains("could not connect"))
                    try await fleet.reports("ExecutionClusterLabel", "team2-development", "NamespaceSynced", "InSync")
                    try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "FlyteAdminUnreachable")
                    try await flyteAdmin.resume()
                    try await fleet.reports("ExecutionClusterLabel", "team2-development", "Ready", "Ready")
                    #expect(flyteAdmin.tables.label(project: "team2", domain: "development") == "label1")
                }
            }
        }

        @Test(
            "4xx and 5xx are reported as they are; published rows stay, and then it heals",
            arguments: [403, 503])
        func status(_ code: Int) async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    flyteAdmin.add(FaultRule(.status(code)))
                    try await fleet.admin.apply(assignment("team1", "development", value: "label2"))
                    let told = try await eventually(
                        "it is told",
                        seen: {
                            try await fleet.conditions("ExecutionClusterLabel", "team1-development")["Published"]
                        }, until: { $0?.status == "False" })
                    #expect(["FlyteAdminUnreachable", "FlyteAdminRefused"].contains(told?.reason ?? ""))
                    #expect(told?.message.contains("\(code)") == true, "\(told?.message ?? "")")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label1")
                    flyteAdmin.heal()
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label2")
                }
            }
        }

        @Test("One that hangs keeps no namespace waiting")
        func hangs() async throws {
            try await withFlyteAdmin(more: ["clusterResourceAttributes": "Ignore"]) { fleet, flyteAdmin in
                flyteAdmin.add(FaultRule(.hang))
                try await fleet.operating { _ in
                    try await eventually("it was asked") { !flyteAdmin.requests.isEmpty }
                    try await fleet.admin.apply(assignment("team1", "development"))
                    try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "NamespaceSynced", "InSync", within: .seconds(5))
                    let silent = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "FlyteAdminUnreachable")
                    #expect(silent.message.hasPrefix("list the execution cluster labels: "))
                }
            }
        }

        @Test("A label that no ExecutionLabel has leaves flyteadmin as it is")
        func unknownLabel() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    try await fleet.admin.apply(assignment("team1", "development", value: "typo"))
                    let held = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "LabelNotFound")
                    #expect(held.status == "Unknown")
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Ready", "LabelNotFound")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label1")
                }
            }
        }

        @Test("With OAuth2 the client's secret comes from a Secret, and what lacks is said")
        func oauth2() async throws {
            let client: JSON = [
                "tokenURL": "http://127.0.0.1:1", "clientID": "squadron",
                "clientSecretRef": ["name": "flyteadmin-client", "key": "secret"],
            ]
            try await withFlyteAdmin(
                change: { $0.oauth2 = .init(clientID: "squadron", clientSecret: "s3cret") },
                more: ["auth": ["oauth2": client]]
            ) { fleet, flyteAdmin in
                try await fleet.applySecret("flyteadmin-client", use: "flyteadmin", hosts: "127.0.0.1")
                try await fleet.admin.merge(
                    "ClusterRegistry", "flyte",
                    ["spec": ["flyteAdmin": ["auth": ["oauth2": ["tokenURL": .string(flyteAdmin.tokenURL)]]]]])
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    let missing = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "FlyteAdminUnreachable")
                    #expect(missing.message == "Secret flyteadmin-client has nothing in its key secret")
                    try await fleet.admin.merge("Secret", "flyteadmin-client", ["stringData": ["secret": "wr0ng"]])
                    let refused = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "FlyteAdminRefused")
                    #expect(refused.message.hasPrefix("the token endpoint: invalid_client"))
                    try await fleet.admin.merge("Secret", "flyteadmin-client", ["stringData": ["secret": "s3cret\n"]])
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                }
                #expect(!fleet.log.lines.contains { $0.contains("s3cret") || $0.contains("wr0ng") })
                #expect(flyteAdmin.tokensIssued == 1)
            }
        }

        @Test("A token that was made for another host is explained, until both hosts are one")
        func audience() async throws {
            try await withFlyteAdmin(change: {
                $0.oauth2 = .init(clientID: "squadron", clientSecret: "s3cret")
                $0.oauth2?.authorizedHosts = ["127.0.0.1", "localhost"]
            }) { fleet, flyteAdmin in
                try await fleet.applySecret(
                    "flyteadmin-client", use: "flyteadmin", hosts: "127.0.0.1,localhost", ["secret": "s3cret"])
                func asks(_ tokenURL: String) async throws {
                    let client: JSON = [
                        "tokenURL": .string(tokenURL), "clientID": "squadron",
                        "clientSecretRef": ["name": "flyteadmin-client", "key": "secret"],
                    ]
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte", ["spec": ["flyteAdmin": ["auth": ["oauth2": client]]]])
                }
                try await asks(flyteAdmin.tokenURL.replacing("127.0.0.1", with: "localhost"))
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    let refused = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "FlyteAdminRefused")
                    #expect(refused.message.contains("invalid audience"))
                    #expect(refused.message.contains("the token was made for another host"), "\(refused.message)")
                    try await asks(flyteAdmin.tokenURL)
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                }
            }
        }

        @Test("Rows stay ours when the same flyteadmin is reached at another URL")
        func otherURL() async throws {
            try await withFlyteAdmin { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                }
                let url = flyteAdmin.url.replacing("127.0.0.1", with: "localhost")
                try await fleet.admin.merge(
                    "ClusterRegistry", "flyte", ["spec": ["flyteAdmin": ["endpoint": .string(url)]]])
                try await fleet.admin.delete("ExecutionClusterLabel", "team1-development")
                try await fleet.operating { _ in
                    try await eventually("its row goes") {
                        flyteAdmin.tables.label(project: "team1", domain: "development") == nil
                    }
                }
            }
        }

        @Test("An archived project's refusal is shown, and the change is made once it is active")
        func archivedMeanwhile() async throws {
            try await withFlyteAdmin(interval: 5) { fleet, flyteAdmin in
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Published", "Published")
                    flyteAdmin.edit { $0.projects["team1"] = .archived }
                    try await fleet.admin.apply(assignment("team1", "development", value: "label2"))
                    let refused = try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "FlyteAdminRefused")
                    #expect(refused.message == "project [team1] is not active")
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label1")
                    flyteAdmin.edit { $0.projects["team1"] = .active }
                    try await fleet.reports(
                        "ExecutionClusterLabel", "team1-development", "Published", "Published", within: .seconds(20))
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label2")
                }
            }
        }

        @Test("flyteadmin 1.10 is published to, and its projects are found")
        func oldVersion() async throws {
            try await withFlyteAdmin(
                change: {
                    $0.version = .v1_10
                    $0.domains = ["development"]
                }, more: ["projectDiscovery": true]
            ) { fleet, flyteAdmin in
                flyteAdmin.edit { $0.projects["old"] = .archived }
                try await fleet.admin.apply(assignment("team1", "development"))
                try await fleet.operating { _ in
                    try await fleet.reports("ExecutionClusterLabel", "team1-development", "Ready", "Ready")
                    try await fleet.settles(2)
                    #expect(flyteAdmin.tables.label(project: "team1", domain: "development") == "label1")
                }
                flyteAdmin.edit { $0.setLabel("theirs", project: "team1", domain: "development", workflow: "a.b") }
                try await fleet.admin.delete("ExecutionClusterLabel", "team1-development")
                try await fleet.operating { _ in
                    try await eventually("its row is gone, and the workflow's, which went along, is back") {
                        let tables = flyteAdmin.tables
                        return tables.label(project: "team1", domain: "development") == nil
                            && tables.label(project: "team1", domain: "development", workflow: "a.b") == "theirs"
                    }
                }
            }
        }
    }
}
