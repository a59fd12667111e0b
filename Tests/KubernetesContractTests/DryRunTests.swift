import JSON
import TestSupport
import Testing

/// What `squadron diff` assumes of server-side apply with `dryRun=All`.
@Suite("Contract: server-side dry run", .timeLimit(.minutes(3 * patience)))
struct DryRunTests {
    @Test("A dry run into a namespace that isn't there is refused as a real one is", arguments: ServerKind.atHand)
    func missingNamespace(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let path = Objects.core("contract-nowhere", "configmaps", "c") + "?dryRun=All"
        let answer = try await api.apply("squadron", path, Objects.configMap("c", ["k": "1"]))
        answer.expect(404, "NotFound", "namespaces \"contract-nowhere\" not found")
    }

    @Test("A dry run makes a Namespace in its answer alone, with our manager", arguments: ServerKind.atHand)
    func namespace(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let path = "/api/v1/namespaces/contract-dry-run"
        let object: JSON = [
            "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "contract-dry-run", "labels": ["a": "1"]],
        ]
        let answer = try await api.apply("squadron", "\(path)?dryRun=All", object).require(201)
        #expect(answer.metadata["managedFields"]?.array?.map { $0["manager"] } == ["squadron"])
        try await api.get(path).require(404)
    }

    @Test(
        "A dry run names conflicts and their managers, and takes over in its answer alone", arguments: ServerKind.atHand
    )
    func conflict(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            let stored = try await api.apply("terraform", path, Objects.configMap("c", ["k": "1"])).require(201)
            let wanted = Objects.configMap("c", ["k": "2"])
            let refused = try await api.apply("squadron", "\(path)?dryRun=All", wanted)
            refused.expect(
                409, "Conflict", "Apply failed with 1 conflict: conflict with \"terraform\": .data.k")
            #expect(
                refused.causes == [
                    ["reason": "FieldManagerConflict", "message": "conflict with \"terraform\"", "field": ".data.k"]
                ])
            let forced = try await api.apply("squadron", "\(path)?dryRun=All", wanted, force: true).require(200)
            #expect(forced["data"] == ["k": "2"] && forced.resourceVersion == stored.resourceVersion)
            let after = try await api.get(path).require(200)
            #expect(after["data"] == ["k": "1"] && after.resourceVersion == stored.resourceVersion)
        }
    }

    @Test("A dry run takes away what the manager applies no more", arguments: ServerKind.atHand)
    func leaving(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            try await api.apply("squadron", path, Objects.configMap("c", ["a": "1", "b": "1"])).require(201)
            let less = try await api.apply("squadron", "\(path)?dryRun=All", Objects.configMap("c", ["a": "1"]))
                .require(200)
            #expect(less["data"] == ["a": "1"])
            #expect(try await api.get(path).require(200)["data"] == ["a": "1", "b": "1"])
        }
    }

    @Test("A dry run refuses what does not fit the kind", arguments: ServerKind.atHand)
    func unfit(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            var object = Objects.configMap("c")
            object["nope"] = 1
            let answer = try await api.apply(
                "squadron", Objects.core(namespace, "configmaps", "c") + "?dryRun=All", object)
            #expect(answer.status == 500 && answer.message.hasSuffix(".nope: field not declared in schema"))
        }
    }
}
