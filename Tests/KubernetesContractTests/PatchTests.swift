import JSON
import TestSupport
import Testing

/// What the operator and kubectl assume of the other patches.
@Suite("Contract: patches", .timeLimit(.minutes(3 * patience)))
struct PatchTests {
    @Test(
        "A merge patch merges maps, replaces lists, removes nulls; a no-op bumps nothing",
        arguments: ServerKind.atHand)
    func merge(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            try await api.post(path, Objects.configMap("c", ["a": "1", "b": "1"])).require(201)
            let merged = try await api.patch(.merge, "\(path)/c", ["data": ["a": nil, "c": "2"]]).require(200)
            #expect(merged["data"] == ["b": "1", "c": "2"])
            let same = try await api.patch(.merge, "\(path)/c", ["data": ["c": "2"]]).require(200)
            #expect(same.resourceVersion == merged.resourceVersion)
            let stale = try await api.patch(
                .merge, "\(path)/c", ["metadata": ["resourceVersion": "1"], "data": ["c": "3"]])
            stale.expect(
                409, "Conflict",
                "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; please apply your changes to the latest version and try again"
            )
            let missing = try await api.patch(.merge, "\(path)/none", ["data": [:]])
            missing.expect(404, "NotFound", "configmaps \"none\" not found")
        }
    }

    @Test(
        "JSON patch operations work in order; a failed test is a 422 and changes nothing", arguments: ServerKind.atHand)
    func operations(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            let made = try await api.post(path, Objects.configMap("c", ["a": "1"])).require(201)
            let failed = try await api.patch(
                .operations, "\(path)/c",
                [
                    ["op": "replace", "path": "/data/a", "value": "2"],
                    ["op": "test", "path": "/data/a", "value": "1"],
                ])
            failed.expect(422, "Invalid", "the server rejected our request due to an error in our request")
            #expect(try await api.get("\(path)/c").resourceVersion == made.resourceVersion)
            let done = try await api.patch(
                .operations, "\(path)/c",
                [
                    ["op": "test", "path": "/metadata/resourceVersion", "value": .string(made.resourceVersion)],
                    ["op": "add", "path": "/metadata/labels", "value": ["x~y": "1"]],
                    ["op": "remove", "path": "/metadata/labels/x~0y"],
                    ["op": "add", "path": "/metadata/labels/z", "value": "1"],
                    ["op": "copy", "from": "/data/a", "path": "/data/b"],
                    ["op": "move", "from": "/data/a", "path": "/data/c"],
                ]
            ).require(200)
            #expect(done["data"] == ["b": "1", "c": "1"] && done.metadata["labels"] == ["z": "1"])
        }
    }

    @Test(
        "A strategic merge patch merges lists by key; custom resources do not have it",
        arguments: ServerKind.atHand)
    func strategic(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "serviceaccounts")
            try await api.post(
                path,
                [
                    "apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "s"],
                    "secrets": [["name": "a"], ["name": "b"]],
                ]
            ).require(201)
            let merged = try await api.patch(.strategic, "\(path)/s", ["secrets": [["name": "c"]]]).require(
                200)
            let names = merged["secrets"]?.array?.compactMap { $0["name"]?.string }
            #expect(names?.sorted() == ["a", "b", "c"])
            let deleted = try await api.patch(
                .strategic, "\(path)/s", ["secrets": [["$patch": "delete", "name": "b"]]]
            ).require(200)
            #expect(deleted["secrets"]?.array?.compactMap { $0["name"]?.string }.sorted() == ["a", "c"])
            let replaced = try await api.patch(
                .strategic, "\(path)/s", ["secrets": [["$patch": "replace"], ["name": "z"]]]
            ).require(200)
            #expect(replaced["secrets"] == [["name": "z"]])

            // A list without a key is replaced as a whole, whatever directives it holds.
            let pulls = { (names: [JSON]) -> JSON in ["imagePullSecrets": .array(names)] }
            try await api.patch(.strategic, "\(path)/s", pulls([["name": "a"], ["name": "b"]])).require(200)
            let whole = try await api.patch(.strategic, "\(path)/s", pulls([["$patch": "delete", "name": "b"]]))
                .require(200)
            #expect(whole["imagePullSecrets"] == [["name": "b"]])

            let custom = Objects.flyte(namespace, "executionlabels")
            try await api.post(
                custom, Objects.custom("ExecutionLabel", "l", spec: ["clusters": [["name": "c", "weight": 1]]])
            ).require(201)
            let refused = try await api.patch(.strategic, "\(custom)/l", ["metadata": ["labels": ["a": "b"]]])
            #expect(refused.status == 415 && refused.reason == "UnsupportedMediaType")
            #expect(
                refused.message
                    == "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
            )
        }
    }

    @Test("A patch can't rename an object nor change its uid", arguments: ServerKind.atHand)
    func identity(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            try await api.post(path, Objects.configMap("c")).require(201)
            let renamed = try await api.patch(.merge, "\(path)/c", ["metadata": ["name": "d"]])
            renamed.expect(
                400, "BadRequest", "the name of the object (d) does not match the name on the URL (c)")
            let foreign = try await api.patch(
                .merge, "\(path)/c", ["metadata": ["uid": "0b8a8a5e-0000-4000-8000-000000000000"]])
            foreign.expect(
                422, "Invalid",
                "ConfigMap \"c\" is invalid: metadata.uid: Invalid value: \"0b8a8a5e-0000-4000-8000-000000000000\": field is immutable"
            )
        }
    }
}
