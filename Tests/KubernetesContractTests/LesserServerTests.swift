import JSON
import TestSupport
import Testing

/// What the operator assumes of servers that have forgotten their history, or that have fewer features. Each test has
/// its own server, since every other test would miss the forgotten history.
@Suite("Contract: servers that have forgotten or can less", .timeLimit(.minutes(3 * patience)), .serialized)
struct LesserServerTests {
    @Test(
        "A watch from a forgotten version is a 200 with one event: ERROR, 410 Expired",
        arguments: ServerKind.ours)
    func tooOld(_ kind: ServerKind) async throws {
        let server = try await ContractServer.start(kind)
        defer { server.end() }
        let api = try await ContractClient(server)
        try await api.withNamespace { namespace in
            try await server.forgetHistory()
            let watch = try await api.watch("\(Objects.core(namespace, "configmaps"))?resourceVersion=1")
            #expect(watch.status == 200)
            let events = try await watch.all()
            #expect(events.map(\.type) == ["ERROR"])
            let status = events.first?.object
            #expect(status?["kind"] == "Status" && status?["code"] == 410 && status?["reason"] == "Expired")
            #expect(status?["message"]?.string?.hasPrefix("too old resource version: 1 (") == true)
        }
    }

    @Test(
        "A continue token of a forgotten state is a 410 that offers the present state",
        arguments: ServerKind.ours)
    func expiredPage(_ kind: ServerKind) async throws {
        let server = try await ContractServer.start(kind)
        defer { server.end() }
        let api = try await ContractClient(server)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "secrets")
            for name in ["a", "b", "c"] {
                try await api.post(path, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": .string(name)]])
                    .require(201)
            }
            let first = try await api.get("\(path)?limit=1").require(200)
            let token = try #require(first.metadata["continue"]?.string)
            try await api.post(path, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "b2"]]).require(201)
            try await server.forgetHistory()
            let expired = try await api.get("\(path)?limit=1&continue=\(token)")
            expired.expect(
                410, "Expired",
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list."
            )
            let next = try #require(expired.metadata["continue"]?.string)
            let rest = try await api.get("\(path)?continue=\(next)").require(200)
            let names = rest["items"]?.array?.compactMap { $0[path: ["metadata", "name"]]?.string }
            #expect(names == ["b", "b2", "c"])
        }
    }

    @Test(
        "Without WatchList, sendInitialEvents is a 422; a list and a watch still work",
        arguments: ServerKind.ours)
    func withoutInitialEvents(_ kind: ServerKind) async throws {
        let server = try await ContractServer.start(kind, servesInitialEvents: false)
        defer { server.end() }
        let api = try await ContractClient(server)
        let refused = try await api.get(
            "/api/v1/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1")
        refused.expect(
            422, "Invalid",
            "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        )
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "secrets")
            let list = try await api.get(path).require(200)
            let watch = try await api.watch("\(path)?resourceVersion=\(list.resourceVersion)")
            try await api.post(path, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s"]]).require(201)
            #expect(try await watch.next()?.summary == "ADDED s")
        }
    }
}
