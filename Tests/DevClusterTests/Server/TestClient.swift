import DevCluster
import HTTP
import JSON
import Support

/// Speaks to one cluster over TLS, as one user.
struct TestClient: Sendable {
    let http: HTTPClient
    let url: String
    var token: String?
    var timeouts = HTTPTimeouts(connect: .seconds(20), firstByte: .seconds(20), idle: .seconds(20), total: .seconds(40))

    init(_ cluster: DevCluster, token: String?, prefersHTTP2: Bool = true, tls: TLSConfiguration? = nil) {
        http = HTTPClient(
            HTTPClientConfiguration(
                tls: tls ?? TLSConfiguration(caCertificates: Array(cluster.caPEM.utf8)),
                userAgent: "devcluster-tests/1",
                prefersHTTP2: prefersHTTP2))
        url = cluster.url
        self.token = token
    }

    static func admin(_ cluster: DevCluster, prefersHTTP2: Bool = true) -> TestClient {
        TestClient(cluster, token: cluster.adminToken, prefersHTTP2: prefersHTTP2)
    }

    func request(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil, headers: HTTPHeaders = [:]
    ) -> HTTPRequest {
        var headers = headers
        if body != nil, headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
        return HTTPRequest(
            method, url + path, headers: headers, body: body?.serialized(), bearerToken: token.map { Sensitive($0) },
            timeouts: timeouts)
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil, headers: HTTPHeaders = [:]
    ) async throws -> HTTPResponse {
        try await http.send(request(method, path, body, headers: headers))
    }

    func get(_ path: String) async throws -> HTTPResponse { try await send(.get, path) }

    func open(_ path: String) async throws -> HTTPStream {
        var request = request(.get, path)
        request.timeouts.total = nil
        return try await http.open(request)
    }

    /// The error of the exchange. Nil if it succeeds.
    func failure(_ path: String) async -> HTTPError.Kind? {
        do {
            _ = try await get(path)
            return nil
        } catch {
            return (error as? HTTPError)?.kind
        }
    }
}

extension HTTPResponse {
    var json: JSON { (try? JSON(parsing: body)) ?? .null }
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A cluster for one test, stopped at its end.
func withCluster(
    _ options: DevCluster.Options = DevCluster.Options(), _ body: (DevCluster) async throws -> Void
) async throws {
    let cluster = try await DevCluster.start(name: "test", options: options)
    do {
        try await body(cluster)
    } catch {
        await cluster.stop()
        throw error
    }
    await cluster.stop()
}
