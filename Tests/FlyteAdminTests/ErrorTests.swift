import DevFlyteAdmin
import HTTP
import JSON
import Testing

@testable import FlyteAdmin

@Suite("What goes wrong with flyteadmin, in words")
struct ErrorTests {
    @Test("A refusal has flyteadmin's own words")
    func refusals() async throws {
        try await withServer { server in
            server.edit { $0.projects["old"] = .archived }
            let client = client(server)
            let unknown = await failure { try await client.setLabel("x", project: "nope", domain: "staging") }
            #expect(unknown?.kind == .refused)
            #expect(
                unknown?.message
                    == "failed to validate that project [nope] and domain [staging] are registered, err: [project [nope] not found]"
            )
            let domain = await failure { try await client.setLabel("x", project: "team1", domain: "qa") }
            #expect(domain?.message == "domain [qa] is unrecognized by system")
            let archived = await failure { try await client.deleteLabel(project: "old", domain: "staging") }
            #expect(archived?.message == "project [old] is not active")
            #expect(archived?.description == "delete the label of old/staging: project [old] is not active")
        }
    }

    @Test(
        "An answer that is not flyteadmin's is never read as an empty list",
        arguments: [
            (Fault.html, "a page of HTML"), (.status(502), "answered 502"),
            (.status(404), "answered 404 with a page of HTML"),
            (.status(403), "answered 403 with a page of HTML"), (.redirect, "a redirect (302)"),
            (.otherJSON, "not flyteadmin's"), (.empty, "answered with nothing"),
        ])
    func strangers(fault: Fault, words: String) async throws {
        try await withServer { server in
            server.add(FaultRule(fault))
            for error in [
                await failure { _ = try await client(server).labels() },
                await failure { _ = try await client(server).projects() },
            ] {
                #expect(error?.kind == .unreachable)
                #expect(error?.message.contains(words) == true, "\(String(describing: error))")
            }
        }
    }

    @Test("A proxy's answer to a write is reported by its code", arguments: [400, 403, 404, 429, 500, 502, 503])
    func codes(_ code: Int) async throws {
        try await withServer { server in
            server.add(FaultRule(.status(code)))
            let error = await failure { try await client(server).setLabel("x", project: "team1", domain: "staging") }
            #expect(error?.kind == .unreachable)
            #expect(error?.message.contains("answered \(code)") == true, "\(String(describing: error))")
        }
    }

    @Test("A delete that a proxy answers with its own 404 has not happened")
    func proxysNotFound() async throws {
        try await withServer { server in
            server.add(FaultRule(.status(404)))
            let error = await failure { try await client(server).deleteLabel(project: "team1", domain: "staging") }
            #expect(error?.kind == .unreachable)
        }
    }

    @Test("A server that is silent, or whose answer does not end, is given up")
    func bounds() async throws {
        try await withServer { server in
            server.add(FaultRule(.hang, count: 1))
            let hung = await failure {
                _ = try await client(server) { $0.timeouts = HTTPTimeouts(total: .milliseconds(300)) }.labels()
            }
            #expect(hung?.kind == .unreachable)
            server.add(FaultRule(.endless, count: 1))
            let endless = await failure { _ = try await client(server) { $0.maximumBodySize = 1 << 20 }.labels() }
            #expect(endless?.kind == .unreachable)
        }
    }

    @Test("A server that is not there is unreachable")
    func refusedConnection() async throws {
        let server = try await DevFlyteAdmin.start()
        await server.stop()
        let error = await failure { _ = try await client(server).labels() }
        #expect(error?.kind == .unreachable)
        #expect(error?.message.contains("could not connect") == true)
    }

    @Test("What a server writes is shown in one line of bounded length")
    func cleanText() {
        #expect(ServerText.clean("\n a\u{1b}[31mred\r\nb\u{202e}c ") == "a [31mred  b c")
        #expect(ServerText.clean(String(repeating: "x", count: 5000)).count == ServerText.limit + 1)
    }
}
