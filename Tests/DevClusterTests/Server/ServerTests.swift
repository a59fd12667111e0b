import HTTP
import JSON
import Support
import TestSupport
import Testing

@testable import DevCluster

@Suite("Server", .timeLimit(.minutes(patience)))
struct ServerTests {
    /// Served without the API, so that these tests are about the server only.
    private let document = "/openid/v1/jwks"

    @Test("It answers many requests on one connection, over HTTP/2 and HTTP/1.1", arguments: [true, false])
    func serves(http2: Bool) async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster, prefersHTTP2: http2)
            for _ in 0..<20 {
                let response = try await client.get(document)
                #expect(response.status == 200)
                #expect(response.json["keys"]?[0]?["alg"] == "ES256")
                #expect(response.headers["Audit-Id"]?.utf8.count == 36)
            }
            #expect(cluster.connections.accepted == 1)
            #expect(cluster.requestLog.count(resource: document, userAgent: "devcluster-tests", status: 200) == 20)
        }
    }

    @Test("A body of more than 3 MiB is refused with 413", arguments: [true, false])
    func tooLarge(http2: Bool) async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster, prefersHTTP2: http2)
            let body: JSON = ["data": .string(String(repeating: "x", count: 4 << 20))]
            let response = try await client.send(.post, "/api/v1/namespaces/default/configmaps", body)
            #expect(response.status == 413)
            #expect(response.json["message"] == "Request entity too large: limit is 3145728")
            #expect(try await client.get(document).status == 200)
        }
    }

    @Test("A stopped server refuses, and comes back on its port with its data and users")
    func restarts() async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster)
            #expect(try await client.get(document).status == 200)
            let uid = cluster.uid
            await cluster.stop()
            #expect(await client.failure(document) == .connectFailed)
            try await cluster.restart()
            #expect(try await client.get(document).status == 200)
            #expect(cluster.uid == uid)
        }
    }

    @Test("A restart without data gives another cluster, which refuses earlier tokens")
    func restartsEmpty() async throws {
        try await withCluster { cluster async throws in
            let token = try cluster.makeServiceAccountToken(namespace: "flyte", name: "squadron")
            let client = TestClient(cluster, token: token)
            #expect(try await client.get(document).status == 200)
            let uid = cluster.uid
            try await cluster.restart(keepingData: false)
            #expect(cluster.uid != uid)
            #expect(try await client.get(document).status == 401)
        }
    }

    @Test("Another cluster on the endpoint has another kube-system UID")
    func becomesAnother() async throws {
        try await withCluster { cluster async throws in
            let uid = cluster.uid
            #expect(uid.utf8.count == 36)
            cluster.becomeAnotherCluster()
            #expect(cluster.uid != uid)
            #expect(cluster.uid.utf8.count == 36)
        }
    }

    @Test("Clients see whether a certificate is expired, misnamed or foreign")
    func certificates() async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster)
            for (fault, kind) in [
                (CertificateFault.expired, HTTPError.Kind.tlsExpired), (.wrongName, .tlsNameMismatch),
                (.foreignCA, .tlsUntrusted),
            ] {
                try await cluster.rotateCertificate(fault: fault)
                #expect(await client.failure(document) == kind)
            }
            try await cluster.rotateCertificate()
            #expect(try await client.get(document).status == 200)
            try await cluster.rotateCertificate(newAuthority: true)
            #expect(await client.failure(document) == .tlsUntrusted)
            #expect(try await TestClient.admin(cluster).get(document).status == 200)
        }
    }

    @Test("The control endpoint adds faults, shows counts and stops and restarts servers")
    func control() async throws {
        let fleet = try await DevFleet.start(["a", "b"])
        let control = try await ControlServer.start(fleet)
        let http = HTTPClient(HTTPClientConfiguration(allowsPlainHTTP: true))
        func ask(_ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil) async throws -> HTTPResponse {
            try await http.send(
                HTTPRequest(method, "http://127.0.0.1:\(control.port)\(path)", body: body?.serialized()))
        }
        let a = TestClient.admin(try #require(fleet["a"]))
        let b = TestClient.admin(try #require(fleet["b"]))

        let added = try await ask(
            .post, "/faults",
            ["cluster": "a", "fault": "status", "status": 503, "match": ["verbs": ["get"]], "count": 1])
        #expect(added.status == 200)
        #expect(try await a.get(document).status == 503)
        #expect(try await a.get(document).status == 200)
        #expect(try await b.get(document).status == 200)
        #expect(try await ask(.post, "/faults", ["fault": "nonsense"]).status == 400)
        #expect(try await ask(.post, "/clusters/nobody/stop").status == 404)

        let counts = try await ask(.get, "/requests?cluster=a").json.array ?? []
        #expect(counts.count == 2)
        #expect(counts.first { $0["status"] == 503 }?["count"] == 1)

        #expect(try await ask(.post, "/clusters/b/stop").status == 200)
        #expect(await b.failure(document) == .connectFailed)
        #expect(try await ask(.post, "/clusters/*/heal").status == 200)
        #expect(try await b.get(document).status == 200)
        await control.stop()
        await fleet.stop()
    }
}
