import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import Support
import TestSupport
import TokenSources

extension TestClock {
    var timeline: Timeline { Timeline(self) }
}

/// A server in memory: what it was asked with, and what it answers. A connection is made by `init` alone.
final class ServerDouble: HTTPTransport {
    struct Asked: Sendable {
        var method: HTTPRequest.Method
        var url: String
        var headers: HTTPHeaders
        var body: String
        var bearer: Sensitive?
    }
    private let state = Locked<[Asked]>([])
    private let answer: @Sendable (Asked) -> HTTPResponse

    init(_ answer: @escaping @Sendable (Asked) -> HTTPResponse) { self.answer = answer }

    var asked: [Asked] { state.withLock { $0 } }
    func reply(to asked: Asked) -> HTTPResponse { answer(asked) }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let asked = Asked(
            method: request.method, url: request.url, headers: request.headers,
            body: String(decoding: request.body ?? [], as: UTF8.self), bearer: request.bearerToken)
        state.withLock { $0.append(asked) }
        return answer(asked)
    }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.closed, "no streams here", mayHaveBeenProcessed: false)
    }
    func close() {}

    func client(_ authorization: any Authorization = NoAuthorization()) -> KubeClient {
        KubeClient(
            server: "https://dp", transport: self, authorization: authorization,
            options: KubeClient.Options(userAgent: "squadron-test"))
    }
}

extension HTTPResponse {
    static func json(_ body: JSON, status: Int = 200) -> HTTPResponse {
        var response = HTTPResponse(status: status)
        response.body = body.serialized()
        return response
    }
    static func text(_ body: String, status: Int = 200) -> HTTPResponse {
        var response = HTTPResponse(status: status)
        response.body = Array(body.utf8)
        return response
    }
}

enum TestToken {
    /// A token of a ServiceAccount, as kube-apiserver makes it, with a signature that nobody checks.
    static func account(
        _ name: String = "flyte/squadron", uid: String = "uid-1", from start: Int64, seconds: Int64, number: Int = 0,
        audience: String = "dp"
    ) -> String {
        let parts = name.split(separator: "/").map { JSON.string(String($0)) }
        let claims: JSON = [
            "iat": .int(start), "exp": .int(start + seconds), "aud": [.string(audience)], "jti": .int(Int64(number)),
            "kubernetes.io": ["namespace": parts[0], "serviceaccount": ["name": parts[1], "uid": .string(uid)]],
        ]
        return [["alg": "none"], claims].map { Base64.encode(($0 as JSON).serialized(), .url) }.joined(separator: ".")
            + ".c2ln"
    }
}

/// The reports of a credential.
final class NewsLog: Sendable {
    let all = Observed<[RenewingCredential.News]>([])
    var tell: @Sendable (RenewingCredential.News) -> Void { { news in self.all.update { $0.append(news) } } }
    var renewals: Int { all.value.count { $0 == .renewed } }
}

/// An issuer that counts.
final class CountingIssuer: TokenIssuer {
    private let count = Locked(0)
    private let refusals = Locked(0)
    let life: Duration
    init(life: Duration) { self.life = life }
    var issued: Int { count.withLock { $0 } }
    /// How often it was told that its token was refused.
    var refused: Int { refusals.withLock { $0 } }

    func tokenWasRefused() { refusals.withLock { $0 += 1 } }

    func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken {
        let number = count.withLock { count in
            count += 1
            return count
        }
        return IssuedToken(Sensitive("token-\(number)-of-this-credential"), life: life)
    }
}
