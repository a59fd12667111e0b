import HTTP
import JSON
import Support
import TestSupport
import Testing

@testable import DevCluster

/// Every fault by script, as a shell would ask for it: what it does is what the Swift API's tests say.
@Suite("Control endpoint", .timeLimit(.minutes(patience)))
struct ControlTests {
    private static let namespaces = "/api/v1/namespaces"
    private static let configMaps = "/api/v1/namespaces/default/configmaps"

    @Test("Status faults come at a rate or for the next requests, by verb and resource")
    func statuses() async throws {
        try await withControl { cluster, control in
            let client = TestClient.admin(cluster)
            for status in [401, 403, 429, 500, 503, 504] {
                try await control.post(
                    "/faults",
                    [
                        "fault": "status", "status": .int(Int64(status)), "retryAfter": 3, "count": 2,
                        "match": ["verbs": ["list"], "resources": ["namespaces"]],
                    ])
                for expected in [status, status, 200] {
                    let answer = try await client.get(Self.namespaces)
                    #expect(answer.status == expected)
                    if expected == 429 { #expect(answer.headers["Retry-After"] == "3") }
                    #expect(try await client.get("\(Self.namespaces)/default").status == 200, "not a list")
                }
            }
            try await control.post("/faults", ["fault": "status", "status": 503, "rate": 0.5])
            var failed = 0
            for _ in 0..<100 { if try await client.get(Self.namespaces).status == 503 { failed += 1 } }
            #expect((20...80).contains(failed))
            _ = try await control.send(.delete, "/faults")
            #expect(try await client.get(Self.namespaces).status == 200)
        }
    }

    @Test("Bodies are cut, sent slowly, lost or falsified")
    func bodies() async throws {
        try await withControl { cluster, control in
            let client = TestClient.admin(cluster)
            func fault(_ name: String, _ more: JSON = [:]) async throws {
                var body: JSON = [
                    "fault": .string(name), "count": 1, "match": ["resources": ["namespaces", "configmaps"]],
                ]
                for (key, value) in more.object ?? [:] { body[key] = value }
                try await control.post("/faults", body)
            }
            try await fault("reset-before-processing")
            #expect(await client.failure(Self.namespaces) == .connectionLost)
            try await fault("reset-in-body")
            #expect(await client.failure(Self.namespaces) == .connectionLost)
            try await fault("truncate-body")
            let cut = try await client.get(Self.namespaces)
            #expect(cut.status == 200 && cut.json == .null && !cut.body.isEmpty)
            try await fault("slow-drip", ["bytes": 400, "intervalMs": 20])
            let start = ContinuousClock.now
            #expect(try await client.get(Self.namespaces).json["items"]?.array?.isEmpty == false)
            #expect(ContinuousClock.now - start > .milliseconds(40))
            try await fault("empty-list")
            #expect(try await client.get(Self.namespaces).json["items"] == [])
            try await fault("empty-object")
            #expect(try await client.get(Self.namespaces).json == [:])
            let all = try #require(try await client.get(Self.namespaces).json["items"]?.array?.count)
            try await fault("truncated-list")
            #expect(try await client.get(Self.namespaces).json["items"]?.array?.count == all / 2)
            // Lost is the answer, not the change.
            try await fault("lose-response")
            let made: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"]]
            await #expect(throws: (any Error).self) { try await client.send(.post, Self.configMaps, made) }
            #expect(try await client.get("\(Self.configMaps)/c").status == 200)
            try await fault("latency", ["latencyMs": 150])
            let later = ContinuousClock.now
            #expect(try await client.get(Self.namespaces).status == 200)
            #expect(ContinuousClock.now - later >= .milliseconds(150))
            try await fault("black-hole")
            var hasty = client
            hasty.timeouts.firstByte = .milliseconds(200)
            #expect(await hasty.failure(Self.namespaces) == .timeout(.firstByte))
            #expect(try await client.get(Self.namespaces).status == 200)
        }
    }

    @Test("The link is slow or dead, the host refuses or is silent; healed, it serves")
    func reachability() async throws {
        try await withControl { cluster, control in
            func client() -> TestClient { TestClient.admin(cluster) }
            /// For a request that is never answered.
            func failure() async -> HTTPError.Kind? {
                var client = client()
                client.timeouts.connect = .milliseconds(300)
                return await client.failure(Self.namespaces)
            }
            try await control.act("latency", ["latencyMs": 60, "jitterMs": 5])
            let start = ContinuousClock.now
            #expect(try await client().get(Self.namespaces).status == 200)
            #expect(ContinuousClock.now - start >= .milliseconds(120), "a handshake and an exchange")
            try await control.act("heal")
            try await control.act("black-hole")
            #expect(await failure() == .timeout(.connect))
            try await control.act("black-hole", ["on": false])
            #expect(try await client().get(Self.namespaces).status == 200)
            try await control.act("refuse")
            #expect(await failure() == .connectFailed)
            try await control.act("unanswer")
            #expect(await failure() == .timeout(.connect))
            try await control.act("serve")
            #expect(try await client().get(Self.namespaces).status == 200)
            let held = client()
            _ = try await held.get(Self.namespaces)
            try await control.act("reset-connections")
            let state = try await control.send(.get, "/clusters").json[0]
            #expect(state?["availability"] == "serving")
        }
    }

    @Test(
        "A running server gets an expired, foreign, misnamed or new certificate"
    )
    func certificates() async throws {
        try await withControl { cluster, control in
            let client = TestClient.admin(cluster)
            #expect(try await client.get(Self.namespaces).status == 200)
            for (fault, kind) in [
                ("expired", HTTPError.Kind.tlsExpired), ("wrong-name", .tlsNameMismatch), ("foreign-ca", .tlsUntrusted),
            ] {
                try await control.act("rotate-certificate", ["fault": .string(fault)])
                #expect(await client.failure(Self.namespaces) == kind)
            }
            try await control.act("rotate-certificate")
            #expect(try await client.get(Self.namespaces).status == 200)
            try await control.act("rotate-certificate", ["newAuthority": true])
            #expect(await client.failure(Self.namespaces) == .tlsUntrusted)
            #expect(try await TestClient.admin(cluster).get(Self.namespaces).status == 200)
            #expect(try await control.send(.post, "/clusters/a/rotate-certificate", ["fault": "odd"]).status == 400)
        }
    }

    @Test("The server restarts with or without data, as another cluster, or clock ahead")
    func identity() async throws {
        try await withControl { cluster, control in
            let client = TestClient.admin(cluster)
            func uid() async throws -> JSON? {
                try await client.get("\(Self.namespaces)/kube-system").json["metadata"]?["uid"]
            }
            let first = try await uid()
            let made: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"]]
            #expect(try await client.send(.post, Self.configMaps, made).status == 201)
            try await control.act("stop")
            #expect(await client.failure(Self.namespaces) == .connectFailed)
            try await control.act("restart")
            #expect(try await uid() == first)
            #expect(try await client.get("\(Self.configMaps)/c").status == 200)
            try await control.act("become-another")
            let second = try await uid()
            #expect(second != first)
            #expect(try await client.get("\(Self.configMaps)/c").status == 200)
            try await control.act("restart", ["keepData": false])
            #expect(try await uid() != second)
            #expect(try await client.get("\(Self.configMaps)/c").status == 404)

            let token = try cluster.makeServiceAccountToken(namespace: "default", name: "bot", lifetime: .seconds(600))
            let bot = TestClient(cluster, token: token)
            #expect(try await bot.get(Self.namespaces).status == 403)
            try await control.act("clock-skew", ["seconds": 3600])
            #expect(try await bot.get(Self.namespaces).status == 401)
            try await control.act("clock-skew", ["seconds": 0])
            #expect(try await bot.get(Self.namespaces).status == 403)
        }
    }

    @Test("Watches end in each way, or stay open and silent; the history is forgotten")
    func watches() async throws {
        try await withControl { cluster, control in
            let client = TestClient.admin(cluster)
            let path = "\(Self.configMaps)?watch=1&resourceVersion="
            func version() async throws -> String {
                try await client.get(Self.configMaps).json["metadata"]?["resourceVersion"]?.string ?? ""
            }
            /// The whole stream. Nil if it breaks off.
            func read(_ stream: HTTPStream) async -> String? {
                var bytes: [UInt8] = []
                do {
                    for try await piece in stream.body { bytes += piece }
                    return String(decoding: bytes, as: UTF8.self)
                } catch {
                    return nil
                }
            }
            // Its controller makes one for each namespace, soon after the start.
            try await eventually("the CA's ConfigMap is there") {
                try await client.get(Self.configMaps).json["items"]?.array?.isEmpty == false
            }
            for how in ["in-order", "gone", "reset"] {
                let stream = try await client.open(path + (try await version()))
                try await control.act("end-watches", ["how": .string(how), "match": ["resources": ["configmaps"]]])
                let text = await read(stream)
                switch how {
                case "in-order": #expect(text == "")
                case "gone": #expect(text?.contains("\"code\":410") == true && text?.hasPrefix("{\"") == true)
                default: #expect(text == nil)
                }
            }
            for (fault, isWatchEnded) in [("watch-gone", true), ("watch-end", true), ("watch-stuck", false)] {
                let from = try await version()
                try await control.post("/faults", ["fault": .string(fault), "match": ["verbs": ["watch"]], "count": 1])
                let stream = try await client.open(path + from + "&timeoutSeconds=\(isWatchEnded ? 20 : 1)")
                let made: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["generateName": "w-"]]
                #expect(try await client.send(.post, Self.configMaps, made).status == 201)
                if fault == "watch-stuck" {
                    try await control.act("end-watches", ["how": "reset"])
                    #expect(await read(stream) == nil, "no event, no end of its own")
                } else {
                    let text = await read(stream)
                    #expect(text?.contains("\"code\":410") == (fault == "watch-gone"))
                    #expect(text?.contains("ADDED") == false)
                }
                _ = try await control.send(.delete, "/faults")
            }
            let old = try await version()
            let made: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "later"]]
            #expect(try await client.send(.post, Self.configMaps, made).status == 201)
            try await control.act("compact")
            #expect(await read(try await client.open(path + old))?.contains("too old resource version") == true)
        }
    }

    @Test("Requests are counted by all their keys, and unknown commands are refused")
    func counts() async throws {
        try await withControl { cluster, control in
            _ = try await control.send(.delete, "/requests")
            let client = TestClient.admin(cluster)
            for _ in 0..<3 { _ = try await client.get(Self.namespaces) }
            _ = try await client.get("\(Self.configMaps)/none")
            func count(_ verb: String, _ resource: String, _ status: Int) async throws -> JSON? {
                let counts = try await control.send(.get, "/requests?cluster=a").json.array ?? []
                let entry = counts.first {
                    $0["verb"] == .string(verb) && $0["resource"] == .string(resource)
                        && $0["status"] == .int(Int64(status)) && $0["userAgent"] == "devcluster-tests/1"
                        && $0["cluster"] == "a"
                }
                return entry?["count"]
            }
            #expect(try await count("list", "namespaces", 200) == 3)
            #expect(try await count("get", "configmaps", 404) == 1)
            for (path, body, status) in [
                ("/faults", ["fault": "nonsense"], 400), ("/clusters/a/nonsense", [:], 404),
                ("/clusters/nobody/stop", [:], 404), ("/nonsense", [:], 404),
                ("/clusters/a/end-watches", ["how": "loudly"], 400),
            ] as [(String, JSON, Int)] {
                #expect(try await control.send(.post, path, body).status == status)
            }
        }
    }
}

/// A script that talks to the control endpoint of the cluster "a".
private struct Script: Sendable {
    let port: Int
    private let http = HTTPClient(HTTPClientConfiguration(allowsPlainHTTP: true))

    init(port: Int) { self.port = port }

    func send(_ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil) async throws -> HTTPResponse {
        try await http.send(HTTPRequest(method, "http://127.0.0.1:\(port)\(path)", body: body?.serialized()))
    }
    func post(_ path: String, _ body: JSON) async throws {
        let answer = try await send(.post, path, body)
        try #require(answer.status == 200, "\(path): \(answer.text)")
    }
    func act(_ action: String, _ body: JSON = [:]) async throws { try await post("/clusters/a/\(action)", body) }
}

private func withControl(_ body: (DevCluster, Script) async throws -> Void) async throws {
    let fleet = try await DevFleet.start(["a"])
    let control = try await ControlServer.start(fleet)
    do {
        try await body(try #require(fleet["a"]), Script(port: control.port))
    } catch {
        await control.stop()
        await fleet.stop()
        throw error
    }
    await control.stop()
    await fleet.stop()
}
