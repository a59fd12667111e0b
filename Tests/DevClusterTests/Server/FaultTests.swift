import HTTP
import JSON
import Support
import TestSupport
import Testing

@testable import DevCluster

@Suite("Faults", .timeLimit(.minutes(patience)))
struct FaultTests {
    private let document = "/openid/v1/jwks"

    @Test("Status faults have the real server's bodies, for as many requests as asked", arguments: [true, false])
    func statuses(http2: Bool) async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster, prefersHTTP2: http2)
            for (status, reason) in [
                (401, "Unauthorized"), (403, "Forbidden"), (500, "InternalError"), (504, "Timeout"),
            ] {
                cluster.faults.add(.status(status), count: 1)
                let response = try await client.get(document)
                #expect(response.status == status)
                #expect(response.json["reason"]?.string == reason)
            }
            cluster.faults.add(.status(429, retryAfter: 7), count: 2)
            for _ in 0..<2 {
                let response = try await client.get(document)
                #expect(response.status == 429)
                #expect(response.headers["Retry-After"] == "7")
                #expect(response.text == "Too many requests, please try again later.\n")
            }
            #expect(try await client.get(document).status == 200)
        }
    }

    @Test("A rule hits only what it matches")
    func matching() {
        let injector = FaultInjector(seed: 1)
        injector.add(.status(500), match: .init(verbs: ["patch"], resources: ["dataplanes/status"], userAgent: "squad"))
        func hits(_ method: String, _ path: String, _ agent: String) -> Bool {
            injector.plan(for: RequestAttributes(APIRequest(method: method, target: path)), userAgent: agent).fault
                != nil
        }
        let path = "/apis/multicluster.flyte.org/v1alpha1/namespaces/flyte/dataplanes/x"
        #expect(hits("PATCH", path + "/status", "squadron/1"))
        #expect(!hits("PATCH", path, "squadron/1"))
        #expect(!hits("PUT", path + "/status", "squadron/1"))
        #expect(!hits("PATCH", path + "/status", "kubectl"))
    }

    @Test("A rate is roughly kept, and the same seed gives the same faults")
    func rates() {
        func draws(seed: UInt64) -> [Bool] {
            let injector = FaultInjector(seed: seed)
            injector.add(.status(500), rate: 0.2)
            let attributes = RequestAttributes(APIRequest(method: "GET", target: "/api/v1/namespaces"))
            return (0..<2_000).map { _ in injector.plan(for: attributes, userAgent: "").fault != nil }
        }
        #expect(draws(seed: 7) == draws(seed: 7))
        #expect(draws(seed: 7) != draws(seed: 8))
        #expect((300...500).contains(draws(seed: 7).count { $0 }))
    }

    @Test("Latencies add up, other faults don't: the first one wins")
    func plans() {
        let injector = FaultInjector(seed: 1)
        injector.add(.latency(.milliseconds(10)))
        injector.add(.status(500), count: 1)
        injector.add(.latency(.milliseconds(5)))
        injector.add(.status(503))
        let attributes = RequestAttributes(APIRequest(method: "GET", target: "/api/v1/namespaces"))
        let first = injector.plan(for: attributes, userAgent: "")
        #expect(first.delay == .milliseconds(15))
        #expect(first.fault == .status(500))
        #expect(injector.plan(for: attributes, userAgent: "").fault == .status(503))
    }

    @Test("A body cut by a reset and a lost response break the connection", arguments: [true, false])
    func resets(http2: Bool) async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster, prefersHTTP2: http2)
            for fault in [Fault.resetInBody, .loseResponse, .resetBeforeProcessing] {
                cluster.faults.add(fault, count: 1)
                let kind = await client.failure(document)
                #expect(kind == .connectionLost, "\(fault)")
            }
            #expect(try await client.get(document).status == 200)
        }
    }

    @Test("A body can end in good order in the middle of a line, or come slowly", arguments: [true, false])
    func bodies(http2: Bool) async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster, prefersHTTP2: http2)
            let whole = try await client.get(document).body
            cluster.faults.add(.truncateBody, count: 1)
            #expect(try await client.get(document).body == Array(whole.prefix(whole.count / 2)))
            cluster.faults.add(.slowDrip(bytes: 50, every: .milliseconds(2)), count: 1)
            #expect(try await client.get(document).body == whole)
        }
    }

    @Test("An endless body is sent as fast as it is read, and ends when its reader leaves")
    func floods() async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster)
            cluster.faults.add(.endlessLine(bytes: 2 << 30), count: 1)
            do {
                let stream = try await client.open(document)
                var received = 0
                for try await piece in stream.body {
                    received += piece.count
                    if received > 8 << 20 { break }
                }
                #expect(received > 8 << 20)
            }
            #expect(try await client.get(document).status == 200)
        }
    }

    @Test("A black hole answers nothing until it ends; then requests on their way arrive")
    func blackHole() async throws {
        try await withCluster { cluster async throws in
            var client = TestClient.admin(cluster)
            client.timeouts.total = nil
            #expect(try await client.get(document).status == 200)
            client.timeouts.firstByte = .milliseconds(100)
            cluster.link.isBlackHole = true
            #expect(await client.failure(document) == .timeout(.firstByte))
            client.timeouts.firstByte = .seconds(10)
            async let held = client.get(document)
            // The request is on its way once its connection exists. The test is about what happens then.
            while cluster.connections.open == 0 { await Task.yield() }
            cluster.link.isBlackHole = false
            #expect(try await held.status == 200)
        }
    }

    @Test("Every exchange takes the link's round trip, and requests on a connection overlap")
    func latency() async throws {
        var options = DevCluster.Options()
        options.link = LinkConditions(roundTrip: .milliseconds(100))
        try await withCluster(options) { cluster async throws in
            let client = TestClient.admin(cluster)
            _ = try await client.get(document)
            let clock = ContinuousClock()
            let one = try await clock.measure { _ = try await client.get(document) }
            #expect(one >= .milliseconds(100))
            let many = try await clock.measure {
                try await withThrowingTaskGroup { group in
                    for _ in 0..<80 { group.addTask { _ = try await client.get(document) } }
                    try await group.waitForAll()
                }
            }
            // One after the other they would take eight seconds.
            #expect(many >= .milliseconds(100) && many < .milliseconds(7_000))
        }
    }

    @Test("Connecting to a silent host times out; a refusing host fails at once")
    func availability() async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster)
            #expect(try await client.get(document).status == 200)
            try await cluster.setAvailability(.unanswering)
            var impatient = client
            impatient.timeouts.connect = .milliseconds(300)
            #expect(await impatient.failure(document) == .timeout(.connect))
            try await cluster.setAvailability(.refusing)
            #expect(await client.failure(document) == .connectFailed)
            try await cluster.setAvailability(.serving)
            #expect(try await client.get(document).status == 200)
        }
    }

    @Test("Lists can be emptied, halved or answered with {}; other answers stay as they are")
    func lists() throws {
        let list: JSON = [
            "kind": "SecretList", "metadata": ["continue": "x", "remainingItemCount": 3, "resourceVersion": "9"],
            "items": [["a": 1], ["b": 2], ["c": 3]],
        ]
        func rewritten(_ fault: Fault) throws -> JSON { try JSON(parsing: fault.rewritten(list.serialized())) }
        #expect(try rewritten(.emptyObject) == [:])
        #expect(
            try rewritten(.emptyList) == ["kind": "SecretList", "metadata": ["resourceVersion": "9"], "items": []])
        #expect(try rewritten(.truncatedList)["items"] == [["a": 1]])
        let other = Array(#"{"kind":"Secret"}"#.utf8)
        #expect(Fault.truncatedList.rewritten(other) == other)
    }
}
