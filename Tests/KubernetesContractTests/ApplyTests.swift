import JSON
import TestSupport
import Testing

/// What the operator assumes of server-side apply.
@Suite("Contract: server-side apply", .timeLimit(.minutes(3 * patience)))
struct ApplyTests {
    @Test(
        "Apply creates (201) and owns its fields; the same apply (200) changes no version",
        arguments: ServerKind.atHand)
    func createAndRepeat(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            let object = Objects.configMap("c", ["k": "v"], labels: ["a": "b"])
            let created = try await api.apply("alpha", path, object).require(201)
            let owners = try #require(created.metadata["managedFields"]?.array)
            try #require(owners.count == 1)
            var owner = owners[0]
            #expect(owner["time"]?.string != nil)
            owner["time"] = nil
            #expect(
                owner == [
                    "manager": "alpha", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                    "fieldsV1": ["f:data": ["f:k": [:]], "f:metadata": ["f:labels": ["f:a": [:]]]],
                ])
            let again = try await api.apply("alpha", path, object).require(200)
            #expect(again.resourceVersion == created.resourceVersion)
            #expect(again.metadata["managedFields"] == created.metadata["managedFields"])
        }
    }

    @Test(
        "Another value is a 409 with field and manager; an equal one is shared",
        arguments: ServerKind.atHand)
    func conflicts(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            try await api.apply("alpha", path, Objects.configMap("c", ["k": "1", "own": "1"])).require(201)
            let refused = try await api.apply("beta", path, Objects.configMap("c", ["k": "2"]))
            refused.expect(409, "Conflict", "Apply failed with 1 conflict: conflict with \"alpha\": .data.k")
            #expect(
                refused.causes == [
                    ["reason": "FieldManagerConflict", "message": "conflict with \"alpha\"", "field": ".data.k"]
                ])
            let two = try await api.apply("beta", path, Objects.configMap("c", ["k": "2", "own": "2"]))
            two.expect(
                409, "Conflict", "Apply failed with 2 conflicts: conflicts with \"alpha\":\n- .data.k\n- .data.own")
            // The same value does not conflict: both own it then.
            try await api.apply("beta", path, Objects.configMap("c", ["k": "1"])).require(200)
            let shared = try await api.apply("alpha", path, Objects.configMap("c", ["own": "1"])).require(200)
            #expect(shared["data"] == ["k": "1", "own": "1"])
            // With force, alpha's field becomes beta's alone.
            let forced = try await api.apply("beta", path, Objects.configMap("c", ["own": "2"]), force: true).require(
                200)
            #expect(forced["data"] == ["own": "2"])
            #expect(forced.metadata["managedFields"]?.array?.map { $0["manager"] } == ["beta"])
        }
    }

    @Test(
        "A field that its only manager no longer applies goes; one with more owners stays",
        arguments: ServerKind.atHand)
    func givingUp(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            try await api.apply("alpha", path, Objects.configMap("c", ["a": "1", "b": "1"], labels: ["x": "y"]))
                .require(201)
            try await api.patch(.merge, "\(path)?fieldManager=gamma", ["data": ["c": "1"]]).require(200)
            try await api.apply("beta", path, Objects.configMap("c", ["b": "1"])).require(200)
            let left = try await api.apply("alpha", path, Objects.configMap("c", [:])).require(200)
            #expect(left["data"] == ["b": "1", "c": "1"])
            #expect(left.metadata["labels"] == nil)
        }
    }

    @Test(
        "An update owns its fields: another applied value conflicts and names the version",
        arguments: ServerKind.atHand)
    func updatedByOthers(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            try await api.apply("alpha", path, Objects.configMap("c", ["k": "1"])).require(201)
            let edited = try await api.patch(.merge, "\(path)?fieldManager=kubectl-edit", ["data": ["k": "2"]]).require(
                200)
            let owners = try #require(edited.metadata["managedFields"]?.array)
            #expect(owners.map { $0["manager"] } == ["kubectl-edit"], "alpha lost its only field")
            #expect(owners.map { $0["operation"] } == ["Update"])
            let refused = try await api.apply("alpha", path, Objects.configMap("c", ["k": "1"]))
            refused.expect(
                409, "Conflict", "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using v1: .data.k")
            #expect(refused.causes.first?["message"] == "conflict with \"kubectl-edit\" using v1")
            try await api.apply("alpha", path, Objects.configMap("c", ["k": "1"]), force: true).require(200)
        }
    }

    @Test(
        "An annotation applied to the default ServiceAccount leaves the rest as it is",
        arguments: ServerKind.atHand)
    func sharedObject(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "serviceaccounts", "shared")
            let body: JSON = [
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": ["name": "shared", "labels": ["theirs": "1"]], "imagePullSecrets": [["name": "pull"]],
            ]
            let made = try await api.post(Objects.core(namespace, "serviceaccounts"), body).require(201)
            let annotation = "eks.amazonaws.com/role-arn"
            func intent(_ annotations: JSON) -> JSON {
                [
                    "apiVersion": "v1", "kind": "ServiceAccount",
                    "metadata": ["name": "shared", "annotations": annotations],
                ]
            }
            let joined = try await api.apply("squadron", path, intent([annotation: "arn"])).require(200)
            #expect(joined.uid == made.uid)
            #expect(joined.metadata["labels"] == ["theirs": "1"])
            #expect(joined["imagePullSecrets"] == [["name": "pull"]])
            let left = try await api.apply("squadron", path, intent([:])).require(200)
            #expect(left.metadata["annotations"] == nil)
            #expect(left["imagePullSecrets"] == [["name": "pull"]])
        }
    }

    @Test(
        "Lists by key are owned by element, atomic ones as a whole, sets by value",
        arguments: ServerKind.atHand)
    func lists(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.flyte(namespace, "executionlabels", "l")
            func label(_ name: String, _ weight: JSON) -> JSON {
                Objects.custom("ExecutionLabel", "l", spec: ["clusters": [["name": .string(name), "weight": weight]]])
            }
            try await api.apply("alpha", path, label("c1", 1)).require(201)
            let both = try await api.apply("beta", path, label("c2", 0)).require(200)
            #expect(both["spec", "clusters"] == [["name": "c1", "weight": 1], ["name": "c2", "weight": 0]])
            let refused = try await api.apply("beta", path, label("c1", 0))
            refused.expect(
                409, "Conflict",
                "Apply failed with 1 conflict: conflict with \"alpha\": .spec.clusters[name=\"c1\"].weight")
            // Atomic: a Role's rules.
            let rolePath = Objects.group("rbac.authorization.k8s.io/v1", namespace, "roles", "r")
            func role(_ verb: String) -> JSON {
                [
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": ["name": "r"],
                    "rules": [["apiGroups": [""], "resources": ["pods"], "verbs": [.string(verb)]]],
                ]
            }
            try await api.apply("alpha", rolePath, role("get")).require(201)
            let whole = try await api.apply("beta", rolePath, role("list"))
            whole.expect(409, "Conflict", "Apply failed with 1 conflict: conflict with \"alpha\": .rules")
            let replaced = try await api.apply("beta", rolePath, role("list"), force: true).require(200)
            #expect(replaced["rules"]?.array?.count == 1)
            // Set: finalizers.
            let held = Objects.core(namespace, "configmaps", "held")
            func finalized(_ name: String) -> JSON {
                ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "held", "finalizers": [.string(name)]]]
            }
            try await api.apply("alpha", held, finalized("example.org/a")).require(201)
            let joined = try await api.apply("beta", held, finalized("example.org/b")).require(200)
            #expect(joined.metadata["finalizers"] == ["example.org/a", "example.org/b"])
            try await api.apply("alpha", held, Objects.configMap("held")).require(200)
            let last = try await api.apply("beta", held, Objects.configMap("held")).require(200)
            #expect(last.metadata["finalizers"] == nil)
        }
    }

    @Test(
        "An apply to status owns only status; an apply to the object ignores status",
        arguments: ServerKind.atHand)
    func status(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.flyte(namespace, "executionlabels", "l")
            var object = Objects.custom("ExecutionLabel", "l", spec: ["clusters": [["name": "c", "weight": 1]]])
            let condition: JSON = [
                "type": "Ready", "status": "True", "reason": "Resolved", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            ]
            object["status"] = ["conditions": [condition]]
            let created = try await api.apply("alpha", path, object).require(201)
            #expect(created["status"]?["conditions"] == nil)
            #expect(created.metadata["generation"] == 1)

            object["spec"] = nil
            let written = try await api.apply("squadron", "\(path)/status", object, force: true).require(200)
            #expect(written["status", "conditions"] == [condition])
            #expect(written["spec", "clusters"]?.array?.count == 1)
            #expect(written.metadata["generation"] == 1)
            let owner = written.metadata["managedFields"]?.array?.first { $0["manager"] == "squadron" }
            #expect(owner?["subresource"] == "status" && owner?["operation"] == "Apply")
            #expect(owner?["fieldsV1"]?.object?.keys.sorted() == ["f:status"])
            let again = try await api.apply("squadron", "\(path)/status", object, force: true).require(200)
            #expect(again.resourceVersion == written.resourceVersion)
        }
    }

    @Test("A status can't be applied to an object that isn't there", arguments: ServerKind.atHand)
    func statusOfNothing(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            var object = Objects.custom("ExecutionLabel", "l", spec: nil)
            object["spec"] = nil
            object["status"] = [:]
            let answer = try await api.apply(
                "squadron", Objects.flyte(namespace, "executionlabels", "l") + "/status", object)
            answer.expect(404, "NotFound", "executionlabels.multicluster.flyte.org \"l\" not found")
        }
    }

    @Test("A dry run answers like a real run and stores nothing", arguments: ServerKind.atHand)
    func dryRun(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            let dry = try await api.apply("alpha", "\(path)?dryRun=All", Objects.configMap("c", ["k": "1"])).require(
                201)
            #expect(dry["data"] == ["k": "1"] && !dry.uid.isEmpty && dry.resourceVersion.isEmpty)
            try await api.get(path).require(404)
            let stored = try await api.apply("alpha", path, Objects.configMap("c", ["k": "1"])).require(201)
            let change = try await api.apply("alpha", "\(path)?dryRun=All", Objects.configMap("c", ["k": "2"])).require(
                200)
            #expect(change["data"] == ["k": "2"])
            #expect(try await api.get(path).resourceVersion == stored.resourceVersion)
        }
    }

    @Test(
        "Apply refuses a missing manager, managedFields, wrong version or uid, bad fields",
        arguments: ServerKind.atHand)
    func refusals(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps", "c")
            let nobody = try await api.patch(.apply, path, Objects.configMap("c"))
            nobody.expect(
                422, "Invalid",
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
            try await api.apply("alpha", path, Objects.configMap("c")).require(201)
            var body = Objects.configMap("c")
            body[path: ["metadata", "managedFields"]] = [["manager": "x"]]
            let managed = try await api.apply("alpha", path, body)
            managed.expect(400, "BadRequest", "metadata.managedFields must be nil")
            body = Objects.configMap("c", ["k": "1"])
            body[path: ["metadata", "resourceVersion"]] = "1"
            let stale = try await api.apply("alpha", path, body)
            stale.expect(
                409, "Conflict",
                "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; please apply your changes to the latest version and try again"
            )
            body = Objects.configMap("d")
            body[path: ["metadata", "uid"]] = "0b8a8a5e-0000-4000-8000-000000000000"
            let foreign = try await api.apply("alpha", Objects.core(namespace, "configmaps", "d"), body)
            foreign.expect(
                409, "Conflict",
                "Operation cannot be fulfilled on configmaps \"d\": uid mismatch: the provided object specified uid 0b8a8a5e-0000-4000-8000-000000000000, and no existing object was found"
            )
            body = Objects.configMap("c")
            body["nope"] = 1
            let unknown = try await api.apply("alpha", path, body)
            #expect(unknown.status == 500)
            #expect(
                unknown.message
                    == "failed to create typed patch object (/c; /v1, Kind=ConfigMap): .nope: field not declared in schema"
            )
        }
    }
}
