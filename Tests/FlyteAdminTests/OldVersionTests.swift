import DevFlyteAdmin
import HTTP
import JSON
import Testing

@testable import FlyteAdmin

@Suite("flyteadmin 1.10")
struct OldVersionTests {
    private func withOldServer(_ body: (DevFlyteAdmin) async throws -> Void) async throws {
        try await withServer({ $0.version = .v1_10 }, body)
    }

    @Test("Labels are set, read and deleted although its answers are in camel case")
    func labels() async throws {
        try await withOldServer { server in
            let client = client(server)
            try await client.setLabel("label1", project: "team1", domain: "staging", workflow: "wf")
            let rows = try await client.labels()
            #expect(rows == [AttributeRow(project: "team1", domain: "staging", workflow: "wf", value: "label1")])
            try await client.deleteLabel(project: "team1", domain: "staging")
            let none = try await client.labels()
            #expect(none.isEmpty)
        }
    }

    @Test("Projects are listed, archived ones by a filter, and one by its name")
    func projects() async throws {
        try await withOldServer { server in
            server.edit { $0.projects["old"] = .archived }
            let client = client(server)
            let active = try await client.projects().active.map(\.id)
            let archived = try await client.archivedProjects()
            #expect(active == ["team1", "team2"] && archived == ["old"])
            let old = try await client.project("old")
            #expect(old?.isArchived == true)
            let nobody = try await client.project("nobody")
            #expect(nobody == nil)
        }
    }

    @Test("The executions of a cluster are counted, and an execution's cluster is found")
    func executions() async throws {
        try await withOldServer { server in
            server.edit {
                $0.executions = [
                    .init("e1", project: "team1", domain: "staging", cluster: "c1"),
                    .init("e2", project: "team1", domain: "staging", cluster: "c2"),
                ]
            }
            let client = client(server)
            let counts = try await client.unfinishedExecutions(on: ["c1", "c2"], project: "team1", domain: "staging")
            #expect(counts == ["c1": 1, "c2": 1])
            let execution = try await client.execution("e2", project: "team1", domain: "staging")
            #expect(execution?.cluster == "c2")
        }
    }

    @Test("It takes unknown fields, and lacks details, one project's GET and the domains")
    func oddities() async throws {
        try await withOldServer { server in
            server.edit { $0.projects["old"] = .archived }
            func send(_ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil) async throws -> (Int, JSON) {
                var request = HTTPRequest(method, server.url + path, headers: ["Accept": "application/json"])
                request.body = body?.serialized()
                let response = try await transport().send(request)
                return (response.status, try JSON(parsing: response.body))
            }
            let project = try await send(.get, "/api/v1/projects/team1")
            #expect(project.0 == 501)
            let domains = try await send(.get, "/api/v1/domains")
            #expect(domains.0 == 404)
            let path = "/api/v1/project_domain_attributes/"
            let label: JSON = [
                "attributes": ["nope": 1, "matching_attributes": ["execution_cluster_label": ["value": "a"]]]
            ]
            let put = try await send(.put, path + "team1/staging", label)
            #expect(put.0 == 200)
            let read = try await send(.get, path + "team1/staging?resource_type=3")
            #expect(read.1[path: ["attributes", "matchingAttributes", "executionClusterLabel", "value"]] == "a")
            let inactive = try await send(.put, path + "old/staging", label)
            #expect(
                inactive.0 == 400 && inactive.1["details"] == []
                    && inactive.1["message"] == "project [old] is not active")
        }
    }
}
