import DevFlyteAdmin
import DevPKI
import HTTP
import JSON
import Testing

@testable import FlyteAdmin

@Suite("Labels and projects over REST")
struct LabelTests {
    @Test("A label that was set is read, listed and deleted again")
    func roundTrip() async throws {
        try await withServer { server in
            let client = client(server)
            #expect(try await client.labels().isEmpty)
            try await client.setLabel("label1", project: "team1", domain: "development")
            try await client.setLabel("label2", project: "team1", domain: "development", workflow: "a.b_c")
            let rows = try await client.labels()
            #expect(
                rows == [
                    AttributeRow(project: "team1", domain: "development", workflow: "a.b_c", value: "label2"),
                    AttributeRow(project: "team1", domain: "development", value: "label1"),
                ])
            try await client.deleteLabel(project: "team1", domain: "development", workflow: "a.b_c")
            #expect(try await client.labels().map(\.value) == ["label1"])
        }
    }

    @Test("Deleting a project-domain's label takes its workflows' labels and no other rows")
    func wideDelete() async throws {
        try await withServer { server in
            server.edit { tables in
                tables.setLabel("label1", project: "team1", domain: "staging")
                tables.setLabel("label2", project: "team1", domain: "staging", workflow: "a.b")
                tables.setLabel("label3", project: "team1", domain: "production", workflow: "a.b")
                tables.rows[.init(project: "team1", domain: "staging", type: .taskResource)] = [:]
            }
            try await client(server).deleteLabel(project: "team1", domain: "staging")
            #expect(try await client(server).labels().map(\.value) == ["label3"])
            #expect(server.tables.rows[.init(project: "team1", domain: "staging", type: .taskResource)] != nil)
        }
    }

    @Test("A project's label is set without a domain; its delete takes all the project's")
    func wholeProject() async throws {
        try await withServer { server in
            let client = client(server)
            try await client.setLabel("label1", project: "team1", domain: "")
            try await client.setLabel("label2", project: "team1", domain: "staging", workflow: "a.b")
            try await client.setLabel("label3", project: "team2", domain: "staging")
            #expect(try await client.labels().contains(AttributeRow(project: "team1", domain: "", value: "label1")))
            #expect(server.tables.label(project: "team1", domain: "") == "label1")
            try await client.deleteLabel(project: "team1", domain: "")
            #expect(try await client.labels().map(\.value) == ["label3"])
            let error = await failure {
                try await client.setLabel("x", project: "team1", domain: "", workflow: "a.b")
            }
            #expect(error?.kind == .refused && error?.status == nil)
        }
    }

    @Test("Deleting a missing row succeeds")
    func deleteNothing() async throws {
        try await withServer { try await client($0).deleteLabel(project: "team1", domain: "staging") }
    }

    @Test("A workflow's name goes into the path percent-encoded")
    func percentEncoding() async throws {
        let name = "a b?c=d&é%41+"
        try await withServer { server in
            try await client(server).setLabel("label1", project: "team1", domain: "staging", workflow: name)
            #expect(server.tables.label(project: "team1", domain: "staging", workflow: name) == "label1")
        }
    }

    @Test("A name that a URL can't hold is refused without a request", arguments: ["", ".", ".."])
    func impossibleNames(name: String) async throws {
        try await withServer { server in
            let error = await failure { try await client(server).setLabel("x", project: name, domain: "staging") }
            #expect(error?.kind == .refused)
            #expect(server.requests.isEmpty)
        }
    }

    @Test("Both spellings of an answer are read")
    func camelCase() throws {
        let row: JSON = [
            "attributes": ["executionClusterLabel": ["value": "label1"]], "project": "p", "domain": "d",
            "launchPlan": "lp",
        ]
        #expect(
            Answers.rows(["configurations": [row]], .executionClusterLabel)
                == [AttributeRow(project: "p", domain: "d", launchPlan: "lp", value: "label1")])
    }

    @Test("Projects come in pages, and archived ones are left out")
    func pages() async throws {
        try await withServer { server in
            server.edit { tables in
                for number in 0..<25 { tables.projects["p\(number)"] = .active }
                tables.projects["p7"] = .archived
                tables.projects["p8"] = .systemArchived
            }
            let client = client(server) { $0.pageSize = 10 }
            let projects = try await client.projects().active
            let wanted = Set((0..<25).filter { $0 != 7 && $0 != 8 }.map { "p\($0)" } + ["team1", "team2"])
            #expect(Set(projects.map(\.id)) == wanted)
            #expect(projects.count == wanted.count)
            #expect(projects.first?.domains == ["development", "staging", "production"])
            #expect(server.requests.count == 3)
            // SYSTEM_ARCHIVED ones are in the ordinary list, and not among those that a user has archived.
            #expect(try await client.projects().archived == ["p8"])
            #expect(try await client.archivedProjects() == ["p7"])
        }
    }

    @Test("A flyteadmin that always lists archived projects, by number, is understood too")
    func archivedInTheList() {
        let page: JSON = ["projects": [["id": "a", "state": 0], ["id": "b", "state": 1], ["id": "c"]], "token": ""]
        let projects = Answers.projects(page)?.projects
        #expect(projects?.active.map(\.id) == ["a", "c"])
        #expect(projects?.archived == ["b"])
    }

    @Test("With a CA of its own, its server is trusted and another's is not")
    func privateCA() async throws {
        let (ours, theirs) = (try CertificateAuthority(commonName: "a"), try CertificateAuthority(commonName: "b"))
        try await withServer({ $0.authority = ours }) { server in
            let rows = try await client(server, ca: ours.certificatePEM).labels()
            #expect(rows.isEmpty)
            let error = await failure { _ = try await client(server, ca: theirs.certificatePEM).labels() }
            #expect(error?.kind == .unreachable)
            #expect(error?.message.contains("not trusted") == true)
        }
    }
}
