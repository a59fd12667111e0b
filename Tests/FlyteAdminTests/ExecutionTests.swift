import DevFlyteAdmin
import HTTP
import JSON
import Testing

@testable import FlyteAdmin

/// Sends one request as flytectl does, and gives the answer's status and content.
private func call(
    _ server: DevFlyteAdmin, _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil
) async throws -> (status: Int, json: JSON) {
    var request = HTTPRequest(method, server.url + path, headers: ["Accept": "application/json"])
    request.body = body?.serialized()
    let response = try await transport().send(request)
    return (response.status, (try? JSON(parsing: response.body)) ?? .null)
}

private func launch(_ server: DevFlyteAdmin, _ name: String, label: String? = nil) async throws -> JSON? {
    var spec: JSON = [
        "launch_plan": [
            "resource_type": "LAUNCH_PLAN", "project": "team1", "domain": "development", "name": "wf", "version": "v1",
        ]
    ]
    if let label { spec["execution_cluster_label"] = ["value": .string(label)] }
    let request: JSON = ["project": "team1", "domain": "development", "name": .string(name), "spec": spec]
    let made = try await call(server, .post, "/api/v1/executions", request)
    guard made.status == 200 else { return made.json }
    return try await call(server, .get, "/api/v1/executions/team1/development/\(name)").json
}

private func ranOn(_ server: DevFlyteAdmin, _ name: String, label: String? = nil) async throws -> String? {
    cluster(try await launch(server, name, label: label))
}

private func cluster(_ execution: JSON?) -> String? {
    execution?[path: ["spec", "metadata", "system_metadata", "execution_cluster"]]?.string
}

@Suite("devflyteadmin's executions")
struct DevExecutionTests {
    private static let three = Tables.Clusters(
        [.init("c1"), .init("c2"), .init("c3"), .init("off", isEnabled: false)],
        labels: ["two": [.init("c2"), .init("off"), .init("unknown")], "gone": [.init("off")]])

    @Test("An execution's name draws among the known and enabled clusters of its label")
    func placement() async throws {
        try await withServer { server in
            server.edit { $0.clusters = Self.three }
            var clusters: [String?] = []
            // The vectors of a real flyteadmin with three clusters of equal weight.
            clusters.append(try await ranOn(server, "e1"))
            clusters.append(try await ranOn(server, "exec-1"))
            clusters.append(try await ranOn(server, "e2", label: "two"))
            server.edit { $0.setLabel("two", project: "team1", domain: "development") }
            clusters.append(try await ranOn(server, "e3"))
            server.edit { $0.setLabel("gone", project: "team1", domain: "development", workflow: "wf") }
            server.edit { $0.clusters.defaultLabel = "two" }
            clusters.append(try await ranOn(server, "e4"))
            #expect(clusters == ["c3", "c1", "c2", "c2", "c2"])
        }
    }

    @Test("Its clusters come from a clusters.yaml, with labels in lower case")
    func clustersFile() throws {
        let clusters = try Tables.Clusters(
            yaml: """
                clusters:
                  labelClusterMap:
                    Team1: [{id: c1, weight: 1}]
                  defaultExecutionLabel: Team1
                  clusterConfigs:
                  - {name: c1, enabled: true}
                  - {name: c2}
                """)
        #expect(clusters.labels == ["team1": [.init("c1", 1)]])
        #expect(clusters.clusters.map(\.isEnabled) == [true, false] && clusters.defaultLabel == "Team1")
    }

    @Test("A cluster that takes no FlyteWorkflow makes it FAILED, without a cluster")
    func failsToStart() async throws {
        try await withServer { server in
            server.edit { $0.clusters = .init([.init("c1", problem: "Unauthorized")]) }
            let execution = try await launch(server, "e1")
            #expect(cluster(execution) == "")
            #expect(execution?[path: ["closure", "phase"]] == "FAILED")
            let message = execution?[path: ["closure", "error", "message"]]?.string ?? ""
            #expect(message.hasPrefix("failed to create workflow in propeller") && message.hasSuffix("Unauthorized"))
        }
    }

    @Test("Lists have filters and pages, and a raw semicolon is refused")
    func lists() async throws {
        try await withServer { server in
            server.edit { tables in
                for number in 1...5 {
                    let cluster = number == 5 ? "c2" : "c1"
                    tables.executions.append(
                        .init("e\(number)", project: "team1", domain: "development", cluster: cluster))
                }
                tables.setPhase(.succeeded, of: "e1")
            }
            let path = "/api/v1/executions/team1/development?limit=2&filters=eq(cluster,c1)%2Bvalue_in(phase,"
            let first = try await call(server, .get, path + "QUEUED%3BRUNNING)")
            func names(_ page: JSON) -> [String] {
                page["executions"]?.array?.compactMap { $0[path: ["id", "name"]]?.string } ?? []
            }
            #expect(names(first.json) == ["e2", "e3"] && first.json["token"] == "2")
            let second = try await call(server, .get, path + "QUEUED%3BRUNNING)&token=2")
            #expect(names(second.json) == ["e4"] && second.json["token"] == "")
            let raw = try await call(server, .get, path + "QUEUED;RUNNING)")
            #expect(raw.status == 400 && raw.json["message"] == "invalid semicolon separator in query")
            let named = try await call(
                server, .get, "/api/v1/executions/team1/development?limit=2&filters=eq(execution_name,e5)")
            #expect(names(named.json) == ["e5"])
        }
    }

    @Test("An abort ends an execution, unless its cluster is not configured any more")
    func aborts() async throws {
        try await withServer { server in
            server.edit { tables in
                tables.clusters = Self.three
                tables.executions = [
                    .init("e1", project: "team1", domain: "development", cluster: "off"),
                    .init("e2", project: "team1", domain: "development", cluster: "left"),
                ]
            }
            let path = "/api/v1/executions/team1/development/"
            let first = try await call(server, .delete, path + "e1", ["cause": "no more"])
            #expect(first.status == 200 && server.tables.executions[0].phase == .aborted)
            let again = try await call(server, .delete, path + "e1", ["cause": "no more"])
            #expect(again.status == 400)
            let second = try await call(server, .delete, path + "e2", ["cause": "no more"])
            #expect(second.status == 500 && second.json["message"] == "invalid cluster target left")
            #expect(server.tables.executions[1].phase == .aborting)
        }
    }
}

@Suite("What runs on a cluster")
struct UnfinishedExecutionTests {
    @Test("What has not ended is counted by cluster, over all pages and archived projects")
    func counts() async throws {
        try await withServer { server in
            server.edit { tables in
                tables.projects["old"] = .archived
                for number in 0..<25 {
                    tables.executions.append(
                        .init("a\(number)", project: "team1", domain: "staging", cluster: number < 20 ? "c1" : "c2"))
                }
                for phase in Tables.Execution.Phase.allCases {
                    tables.executions.append(
                        .init("b", project: "old", domain: "staging", cluster: "c1", phase: phase))
                }
            }
            let client = client(server) { $0.pageSize = 7 }
            let team = try await client.unfinishedExecutions(
                on: ["c1", "c2", "c3"], project: "team1", domain: "staging")
            #expect(team == ["c1": 20, "c2": 5])
            let old = try await client.unfinishedExecutions(on: ["c1"], project: "old", domain: "staging")
            #expect(old == ["c1": 6])
            let places = try await client.everyProjectDomain()
            #expect(places.count == 9 && places.contains { $0 == ("old", "production") })
        }
    }

    @Test("Clusters are asked about 40 at a time, and at most 10,000 executions are read")
    func bounds() async throws {
        try await withServer { server in
            server.edit { tables in
                for number in 0..<10_500 {
                    tables.executions.append(
                        .init("a", project: "team1", domain: "staging", cluster: "c\(number % 2)"))
                }
            }
            let client = client(server) { $0.pageSize = 1000 }
            let names = (0..<90).map { "c\($0)" }
            let counts = try await client.unfinishedExecutions(on: names, project: "team1", domain: "staging")
            #expect(counts == ["c0": 5000, "c1": 5000])
            // Ten pages and two lists, and one question for each of the 38 clusters that the first ten pages did not have.
            #expect(server.requests.count == 12 + 38)
        }
    }

    @Test("A cluster that a count of many did not reach is asked about alone")
    func crowded() async throws {
        try await withServer { server in
            server.edit { tables in
                for _ in 0..<10_500 {
                    tables.executions.append(.init("a", project: "team1", domain: "staging", cluster: "busy"))
                }
                tables.executions.append(.init("b", project: "team1", domain: "staging", cluster: "late"))
            }
            let client = client(server) { $0.pageSize = 1000 }
            let counts = try await client.unfinishedExecutions(
                on: ["busy", "idle", "late"], project: "team1", domain: "staging")
            #expect(counts == ["busy": 10_000, "late": 1])
            #expect(server.requests.count == 12, "ten pages, and two clusters alone")
        }
    }

    @Test("An answer that does not list executions is an error, never an empty list")
    func otherAnswer() async throws {
        try await withServer { server in
            for fault in [Fault.otherJSON, .empty, .html, .status(503)] {
                server.heal()
                server.add(FaultRule(fault, pathContains: "/executions/"))
                let error = await failure {
                    _ = try await client(server).unfinishedExecutions(on: ["c1"], project: "team1", domain: "staging")
                }
                #expect(error?.kind == .unreachable)
            }
        }
    }
}
