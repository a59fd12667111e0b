import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import TokenSources

@Suite("A credential that renews itself")
struct RenewingCredentialTests {
    private static func namespaces() -> ServerDouble {
        ServerDouble { _ in
            .json(["kind": "Namespace", "apiVersion": "v1", "metadata": ["name": "kube-system", "uid": "u"]])
        }
    }

    @Test("100 data planes × 50 renewals need one client each, with the newest token")
    func manyRotations() async throws {
        let clock = TestClock()
        let planes = (0..<100).map { _ in
            let news = NewsLog()
            let issuer = CountingIssuer(life: .seconds(3_600))
            let credential = RenewingCredential(
                issuer, policy: .init(), timeline: clock.timeline, jitter: { 0.5 }, tell: news.tell)
            let server = Self.namespaces()
            // The one client, and so the one connection, of the data plane.
            return (
                news: news, issuer: issuer, credential: credential, server: server, client: server.client(credential)
            )
        }
        await withDiscardingTaskGroup { group in
            for plane in planes { group.addTask { await plane.credential.run() } }
            for round in 1...50 {
                for plane in planes { await plane.news.all.wait { $0.count { $0 == .renewed } >= round } }
                for plane in planes {
                    _ = try? await plane.client.get(Namespace.resourceType, name: "kube-system")
                    #expect(plane.server.asked.last?.bearer == Sensitive("token-\(round)-of-this-credential"))
                }
                await clock.sleepers(100)
                if round < 50 { clock.advance(by: .seconds(2_700)) }
            }
            group.cancelAll()
        }
        #expect(planes.allSatisfy { $0.issuer.issued == 50 && $0.server.asked.count == 50 })
        #expect(planes.allSatisfy { $0.credential.report.failure == nil })
    }

    private static let start: Int64 = 1_800_000_000
    private static let wallClock = WallClock { Instant(secondsSince1970: Double(start)) }

    /// A data plane's API server that gives tokens of one hour, with numbers.
    private static func tokenServer(
        uid: String = "uid-1", life: Int64 = 3_600, status: Int = 201
    ) -> ServerDouble {
        let number = Locked(0)
        return ServerDouble { asked in
            guard status < 300 else {
                return .json(
                    [
                        "kind": "Status", "status": "Failure", "message": "no",
                        "reason": status == 404 ? "NotFound" : "Other", "code": .int(Int64(status)),
                    ],
                    status: status)
            }
            let next = number.withLock { number in
                number += 1
                return number
            }
            let token = TestToken.account(uid: uid, from: Self.start, seconds: life, number: next)
            return .json(["kind": "TokenRequest", "status": ["token": .string(token)]], status: status)
        }
    }

    private func issuer(seconds: Int = 3_600) -> TokenRequestIssuer {
        TokenRequestIssuer(
            .init(namespace: "flyte", account: "squadron", expirationSeconds: seconds), wallClock: Self.wallClock)
    }

    @Test("The request names the account and the life; the answer's life counts")
    func request() async throws {
        let server = Self.tokenServer(life: 86_400)
        let token = try await issuer(seconds: 31_536_000).issue(through: server.client())
        #expect(token.life == .seconds(86_400))
        let asked = try #require(server.asked.first)
        #expect(asked.url == "https://dp/api/v1/namespaces/flyte/serviceaccounts/squadron/token")
        let body = try JSON(parsing: Array(asked.body.utf8))
        #expect(body[path: ["spec", "expirationSeconds"]] == 31_536_000 && body["kind"] == "TokenRequest")
    }

    @Test("A token of another account, or of a recreated one, is refused")
    func uid() async throws {
        let issuer = issuer()
        issuer.follow(first: Sensitive(TestToken.account(uid: "uid-1", from: Self.start, seconds: 60)))
        _ = try await issuer.issue(through: Self.tokenServer().client())
        let anew = await failure { () async throws(IssueFailure) in
            _ = try await issuer.issue(through: Self.tokenServer(uid: "uid-2").client())
        }
        #expect(anew?.contains("created again") == true, "\(anew ?? "")")
        let stranger = self.issuer()
        stranger.follow(first: Sensitive(TestToken.account("flyte/flyteadmin", from: Self.start, seconds: 60)))
        let other = await failure { () async throws(IssueFailure) in
            _ = try await stranger.issue(through: Self.tokenServer().client())
        }
        #expect(other?.contains("flyte/flyteadmin") == true, "\(other ?? "")")
    }

    @Test("A failure says what is missing", arguments: [(403, "may not create"), (404, "is gone"), (503, "503")])
    func failures(_ status: Int, _ words: String) async {
        let text = await failure { () async throws(IssueFailure) in
            _ = try await issuer().issue(through: Self.tokenServer(status: status).client())
        }
        #expect(text?.contains(words) == true, "\(text ?? "")")
    }

    private func failure(_ body: () async throws(IssueFailure) -> Void) async -> String? {
        do throws(IssueFailure) {
            try await body()
            return nil
        } catch {
            return error.message
        }
    }

    @Test("An issuer is told of a token that was refused twice in a row")
    func issuerIsTold() async throws {
        let clock = TestClock()
        let news = NewsLog()
        let issuer = CountingIssuer(life: .seconds(900))
        let client = Self.tokenServer().client()
        let credential = RenewingCredential(
            issuer, policy: .init(), timeline: clock.timeline, wallClock: Self.wallClock, jitter: { 0 }, tell: news.tell
        )
        await withDiscardingTaskGroup { group in
            group.addTask { await credential.run() }
            await news.all.wait { $0.contains(.renewed) }
            _ = credential.probed(.refused, by: client)
            _ = credential.probed(.accepted, by: client)
            _ = credential.probed(.refused, by: client)
            #expect(issuer.refused == 0)
            _ = credential.probed(.refused, by: client)
            #expect(issuer.refused == 1)
            group.cancelAll()
        }
    }

    @Test("Two 401 in a row bring the Secret's token back, which is renewed again")
    func revoked() async throws {
        let clock = TestClock()
        let news = NewsLog()
        let server = Self.tokenServer()
        let client = server.client()
        let first = Sensitive(TestToken.account(from: Self.start - 10, seconds: 86_400))
        let credential = RenewingCredential(
            issuer(), policy: .init(asksDataPlane: true), timeline: clock.timeline, wallClock: Self.wallClock,
            jitter: { 0 }, tell: news.tell)
        await withDiscardingTaskGroup { group in
            group.addTask { await credential.run() }
            _ = credential.seed(first, nil)
            #expect((try? credential.bearerToken()) == first && !credential.report.isOwn)
            _ = credential.probed(.accepted, by: client)
            await news.all.wait { $0.contains(.renewed) }
            #expect(credential.report.isOwn && (try? credential.bearerToken()) != first)
            var isAnother = credential.probed(.refused, by: client)
            #expect(!isAnother)
            isAnother = credential.probed(.refused, by: client)
            #expect(isAnother && (try? credential.bearerToken()) == first)
            _ = credential.probed(.accepted, by: client)
            #expect(credential.report.problem == nil)
            await clock.sleeper(for: .seconds(30))
            clock.advance(by: .seconds(30))
            await news.all.wait { $0.count { $0 == .renewed } == 2 }
            // Now both are refused.
            for _ in 0..<2 { _ = credential.probed(.refused, by: client) }
            _ = credential.probed(.refused, by: client)
            #expect(credential.report.problem != nil)
            group.cancelAll()
        }
    }

    @Test("A token to write back waits quietly while the data plane accepts none", arguments: [false, true])
    func waitsToWriteBack(isRefused: Bool) async throws {
        let looks = Locked(0)
        let news = NewsLog()
        let client = Self.tokenServer().client()
        let place = MemoryPlace()
        let credential = RenewingCredential(
            CountingIssuer(life: .seconds(3_600)), policy: .init(asksDataPlane: true),
            writeBack: .init(
                issuer: CountingIssuer(life: .seconds(86_400)), place: place,
                isHeld: {
                    looks.withLock { $0 += 1 }
                    return false
                }),
            timeline: TestClock().timeline, wallClock: Self.wallClock, jitter: { 0 }, tell: news.tell)
        // It ended an hour ago.
        let first = Sensitive(TestToken.account(from: Self.start - 7_200, seconds: 3_600))
        let ended = Lifetime(
            start: Timestamp(Instant(secondsSince1970: Double(Self.start - 7_200))),
            end: Timestamp(Instant(secondsSince1970: Double(Self.start - 3_600))))
        await withDiscardingTaskGroup { group in
            if isRefused {
                _ = credential.probed(.accepted, by: client)
                for _ in 0..<2 { _ = credential.probed(.refused, by: client) }
            }
            _ = credential.seed(first, ended)
            if isRefused { for _ in 0..<2 { _ = credential.probed(.refused, by: client) } }
            group.addTask { await credential.run() }
            for _ in 0..<2_000 { await Task.yield() }
            #expect(looks.withLock { $0 } < 10)
            #expect(place.written.value.isEmpty)
            // It comes at once when the data plane accepts a token again.
            _ = credential.probed(.accepted, by: client)
            await place.written.wait { $0.count == 1 }
            group.cancelAll()
        }
    }
}

/// A Secret's entry that anything may be written to.
private final class MemoryPlace: FirstTokenPlace {
    let written = Observed<[Sensitive]>([])
    func check(_ token: Sensitive) async throws(IssueFailure) {}
    func write(_ token: Sensitive, replacing old: Sensitive) async throws(IssueFailure) {
        written.update { $0.append(token) }
    }
}
