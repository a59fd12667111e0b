import HTTP
import JSON
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Kube

@Suite("Credentials")
struct CredentialTests {
    private struct Rotating: Authorization {
        let tokens: Locked<[String]>
        init(_ tokens: String...) { self.tokens = Locked(tokens) }
        func bearerToken() -> Sensitive? { tokens.withLock { $0.first.map { Sensitive($0) } } }
        func rejected() { tokens.withLock { if $0.count > 1 { $0.removeFirst() } } }
    }
    private struct Unreadable: Authorization {
        func bearerToken() throws(CredentialsFailure) -> Sensitive? {
            throw CredentialsFailure("/token: can't be opened")
        }
        func rejected() {}
    }

    private static let version = ScriptedTransport.Reply.json(["gitVersion": "v1.36.2"])
    private static let refusal = ScriptedTransport.Reply.text("Unauthorized", status: 401)

    @Test("After a 401 the request is repeated once, with credentials that changed")
    func rotated() async throws {
        let transport = ScriptedTransport(Self.refusal, Self.version)
        _ = try await client(transport, authorization: Rotating("old", "new")).version()
        #expect(transport.requests.map(\.bearerToken) == [Sensitive("old"), Sensitive("new")])
    }

    @Test("After a 401 with the same credentials as before, nothing is repeated")
    func unchanged() async throws {
        let transport = ScriptedTransport(Self.refusal, Self.version)
        let error = try await failure { try await client(transport, authorization: Rotating("old")).version() }
        #expect(error.isUnauthorized)
        #expect(transport.requests.count == 1)
    }

    @Test("A second 401 is final, and a watch is treated the same")
    func twice() async throws {
        let transport = ScriptedTransport(Self.refusal, Self.refusal, Self.refusal, .stream(pieces: []))
        let client = client(transport, authorization: Rotating("a", "b", "c"))
        #expect(try await failure { try await client.version() }.isUnauthorized)
        #expect(transport.requests.count == 2)
        _ = try await client.listWatch(Namespace.self).watch(from: "1")
        #expect(transport.requests.last?.bearerToken == Sensitive("c"))
    }

    @Test("Credentials that can't be read stop the request before it is sent")
    func unreadable() async throws {
        let transport = ScriptedTransport(Self.version)
        let error = try await failure { try await client(transport, authorization: Unreadable()).version() }
        #expect(error.description == "get /version: /token: can't be opened")
        #expect(transport.requests.isEmpty)
    }

    @Test("A token file is read again after a minute, or at once after a 401")
    func tokenFile() throws {
        let folder = try TemporaryFolder()
        let clock = TestClock()
        try folder.write("token", " one\n")
        let file = TokenFile(path: "\(folder.path)/token", clock: clock)
        #expect(try file.bearerToken() == Sensitive("one"))
        try folder.write("token", "two")
        clock.advance(by: .seconds(59))
        #expect(try file.bearerToken() == Sensitive("one"))
        clock.advance(by: .seconds(1))
        #expect(try file.bearerToken() == Sensitive("two"))
        try folder.write("token", "three")
        file.rejected()
        #expect(try file.bearerToken() == Sensitive("three"))
    }

    @Test("A token file that breaks leaves the last good token in use; one that never was readable is an error")
    func brokenTokenFile() throws {
        let folder = try TemporaryFolder()
        let clock = TestClock()
        let file = TokenFile(path: "\(folder.path)/token", clock: clock)
        let failure = #expect(throws: CredentialsFailure.self) { try file.bearerToken() }
        #expect(failure?.message == "\(folder.path)/token: can't be opened: No such file or directory")
        for bad in ["", " \n", "two words", "line\nbreak", "caf\u{E9}"] {
            try folder.write("token", bad)
            let failure = #expect(throws: CredentialsFailure.self) { try file.bearerToken() }
            #expect(failure?.message.contains("two words") == false)
        }
        try folder.write("token", "good")
        #expect(try file.bearerToken() == Sensitive("good"))
        try folder.write("token", "")
        clock.advance(by: .seconds(61))
        #expect(try file.bearerToken() == Sensitive("good"))
        try folder.write("token", "fresh")
        file.rejected()
        #expect(try file.bearerToken() == Sensitive("fresh"))
    }
}
