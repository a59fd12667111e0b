import JSON
import TestSupport
import Testing

/// What adoption assumes: how fields get from one manager to another.
@Suite("Contract: fields that change hands", .timeLimit(.minutes(3 * patience)))
struct OwnershipTests {
    @Test(
        "An apply after a patch that empties managedFields meets before-first-apply",
        arguments: ServerKind.atHand)
    func emptied(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            try await api.post(
                Objects.core(namespace, "configmaps") + "?fieldManager=flyteadmin", Objects.configMap("c", ["a": "1"])
            ).require(201)
            let patched = try await api.patch(
                .merge, path + "?fieldManager=flyteadmin",
                ["metadata": ["managedFields": [[:]]], "data": ["b": "1"]]
            ).require(200)
            #expect(patched.metadata["managedFields"] == nil)
            // A later manager gets no entry either.
            let again = try await api.patch(.merge, path + "?fieldManager=flyteadmin", ["data": ["c": "1"]]).require(
                200)
            #expect(again.metadata["managedFields"] == nil)
            let shared = try await api.apply("squadron", path, Objects.configMap("c", ["b": "1"])).require(200)
            #expect(
                shared.metadata["managedFields"]?.array?.map { $0["manager"] } == ["squadron", "before-first-apply"])
            let refused = try await api.apply("squadron", path, Objects.configMap("c", ["b": "2"]))
            refused.expect(
                409, "Conflict", "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.b")
            let forced = try await api.apply("squadron", path, Objects.configMap("c", ["b": "2"]), force: true).require(
                200)
            #expect(forced["data"] == ["a": "1", "b": "2", "c": "1"])
        }
    }

    @Test(
        "An update of managedFields frees a field: it then changes without a conflict",
        arguments: ServerKind.atHand)
    func handedOver(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            let made = Objects.configMap("c", ["a": "1", "b": "1", "theirs": "1"])
            try await api.post(Objects.core(namespace, "configmaps") + "?fieldManager=flyteadmin", made).require(201)
            let shared = try await api.apply("squadron", path, Objects.configMap("c", ["a": "1", "b": "1"])).require(
                200)
            // What is not applied any more stays, since the other manager owns it.
            let kept = try await api.apply("squadron", path, Objects.configMap("c", ["a": "1"])).require(200)
            #expect(kept["data"] == ["a": "1", "b": "1", "theirs": "1"])
            try await api.apply("squadron", path, Objects.configMap("c", ["a": "1", "b": "1"])).require(200)
            let now = try await api.get(path).require(200)
            var managed = try #require(now.metadata["managedFields"]?.array)
            let theirs = try #require(managed.firstIndex { $0["manager"] == "flyteadmin" })
            managed[theirs]["fieldsV1"] = ["f:data": [".": [:], "f:theirs": [:]]]
            func handOver(_ version: String) async throws -> Answer {
                try await api.patch(
                    .merge, path + "?fieldManager=squadron",
                    ["metadata": ["resourceVersion": .string(version), "managedFields": .array(managed)]])
            }
            #expect(try await handOver(shared.resourceVersion).status == 409, "an older version is refused")
            let handed = try await handOver(now.resourceVersion).require(200)
            #expect(handed["data"] == kept["data"] && handed.resourceVersion != now.resourceVersion)
            #expect(handed.metadata["managedFields"]?.array?.map { $0["manager"] } == ["squadron", "flyteadmin"])
            let changed = try await api.apply("squadron", path, Objects.configMap("c", ["a": "2"])).require(200)
            #expect(changed["data"] == ["a": "2", "theirs": "1"])
        }
    }
}
