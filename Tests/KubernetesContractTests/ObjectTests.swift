import JSON
import TestSupport
import Testing

/// What the operator assumes of plain reads and writes.
@Suite("Contract: objects", .timeLimit(.minutes(3 * patience)))
struct ObjectTests {
    @Test(
        "A missing object is a 404 with resource and name; no object is created twice",
        arguments: ServerKind.atHand)
    func absence(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "secrets")
            let missing = try await api.get("\(path)/s")
            missing.expect(404, "NotFound", "secrets \"s\" not found")
            #expect(missing["details"] == ["name": "s", "kind": "secrets"])
            let custom = try await api.get(Objects.flyte(namespace, "dataplanes", "d"))
            custom.expect(404, "NotFound", "dataplanes.multicluster.flyte.org \"d\" not found")
            #expect(custom["details"] == ["name": "d", "group": "multicluster.flyte.org", "kind": "dataplanes"])
            let unserved = try await api.get("/apis/nope.example.org/v1/namespaces/\(namespace)/things")
            #expect(unserved.status == 404 && unserved.json == "404 page not found\n")
            let kindless = try await api.get("/apis/multicluster.flyte.org/v1alpha1/namespaces/\(namespace)/things")
            #expect(kindless.status == 404)
            try await api.post(Objects.core(namespace, "configmaps"), Objects.configMap("c")).require(201)
            let again = try await api.post(Objects.core(namespace, "configmaps"), Objects.configMap("c"))
            again.expect(409, "AlreadyExists", "configmaps \"c\" already exists")
        }
    }

    @Test(
        "A Deployment's generation also counts its annotations, and not its labels", arguments: ServerKind.atHand)
    func generation(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = "/apis/apps/v1/namespaces/\(namespace)/deployments"
            let labels: JSON = ["app": "d"]
            let deployment: JSON = [
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "d"],
                "spec": [
                    "selector": ["matchLabels": labels],
                    "template": [
                        "metadata": ["labels": labels], "spec": ["containers": [["name": "c", "image": "i"]]],
                    ],
                ],
            ]
            try await api.post(path, deployment).require(201)
            func generation(after metadata: JSON) async throws -> JSON? {
                let change: JSON = ["metadata": metadata]
                return try await api.patch(.merge, "\(path)/d", change).require(200).json[path: [
                    "metadata", "generation",
                ]]
            }
            #expect(try await generation(after: ["labels": ["x": "y"]]) == 1)
            #expect(try await generation(after: ["annotations": ["x": "y"]]) == 2)
            #expect(try await generation(after: ["annotations": ["x": "y"]]) == 2)
        }
    }

    @Test(
        "A write with an old version is refused; a write without a version is not",
        arguments: ServerKind.atHand)
    func optimisticLocking(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            var object = try await api.post(path, Objects.configMap("c")).require(201).json
            try await api.patch(.merge, "\(path)/c", ["data": ["k": "1"]]).require(200)
            object["data"] = ["k": "2"]
            let stale = try await api.put("\(path)/c", object)
            stale.expect(
                409, "Conflict",
                "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; please apply your changes to the latest version and try again"
            )
            #expect(stale["details"] == ["name": "c", "kind": "configmaps"])
            object[path: ["metadata", "resourceVersion"]] = nil
            let written = try await api.put("\(path)/c", object).require(200)
            #expect(written["data"] == ["k": "2"])
            // The same write again changes nothing.
            let same = try await api.put("\(path)/c", written.json).require(200)
            #expect(same.resourceVersion == written.resourceVersion)
            // A custom resource has to name one.
            let custom = Objects.flyte(namespace, "executionlabels")
            let label = Objects.custom("ExecutionLabel", "l", spec: ["clusters": [["name": "c", "weight": 1]]])
            try await api.post(custom, label).require(201)
            let unconditional = try await api.put("\(custom)/l", label)
            unconditional.expect(
                422, "Invalid",
                "executionlabels.multicluster.flyte.org \"l\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
            )
        }
    }

    @Test("generateName gets five characters, and the answered names never collide", arguments: ServerKind.atHand)
    func generateName(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            var names: Set<String> = []
            for _ in 0..<5 {
                let made = try await api.post(
                    Objects.core(namespace, "configmaps"),
                    ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["generateName": "event-"]]
                ).require(201)
                let name = try #require(made.metadata["name"]?.string)
                #expect(name.wholeMatch(of: /event-[bcdfghjklmnpqrstvwxz2456789]{5}/) != nil)
                #expect(made.metadata["generateName"] == "event-")
                names.insert(name)
            }
            #expect(names.count == 5)
        }
    }

    @Test("A deletion that names another uid or version is refused", arguments: ServerKind.atHand)
    func preconditions(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            let made = try await api.post(path, Objects.configMap("c")).require(201)
            func options(_ preconditions: JSON) -> JSON {
                ["apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions]
            }
            let other = "0b8a8a5e-0000-4000-8000-000000000000"
            let foreign = try await api.delete("\(path)/c", options(["uid": .string(other)]))
            foreign.expect(
                409, "Conflict",
                "Operation cannot be fulfilled on ConfigMap \"c\": the UID in the precondition (\(other)) does not match the UID in record (\(made.uid)). The object might have been deleted and then recreated"
            )
            let stale = try await api.delete("\(path)/c", options(["resourceVersion": "1"]))
            stale.expect(
                409, "Conflict",
                "Operation cannot be fulfilled on ConfigMap \"c\": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (\(made.resourceVersion)). The object might have been modified"
            )
            let done = try await api.delete("\(path)/c", options(["uid": .string(made.uid)])).require(200)
            #expect(done["kind"] == "Status" && done["status"] == "Success")
            #expect(done["details", "uid"] == .string(made.uid))
        }
    }

    @Test(
        "A finalizer holds a deleted object until its removal; no new one can be added",
        arguments: ServerKind.atHand)
    func finalizers(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            var object = Objects.configMap("c")
            object[path: ["metadata", "finalizers"]] = ["example.org/hold"]
            try await api.post(path, object).require(201)
            let deleting = try await api.delete("\(path)/c").require(200)
            #expect(deleting["kind"] == "ConfigMap")
            #expect(deleting.metadata["deletionTimestamp"]?.string != nil)
            #expect(deleting.metadata["deletionGracePeriodSeconds"] == 0)
            // Deleting again changes nothing.
            let again = try await api.delete("\(path)/c").require(200)
            #expect(again.resourceVersion == deleting.resourceVersion)
            let more = try await api.patch(
                .merge, "\(path)/c", ["metadata": ["finalizers": ["example.org/hold", "example.org/more"]]])
            more.expect(
                422, "Invalid",
                "ConfigMap \"c\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"example.org/more\"}"
            )
            let applied = try await api.apply("alpha", "\(path)/c", Objects.configMap("c", ["k": "v"])).require(200)
            #expect(applied["data"] == ["k": "v"], "it is still an object like any other")
            let last = try await api.patch(.merge, "\(path)/c", ["metadata": ["finalizers": nil]]).require(200)
            #expect(last.metadata["finalizers"] == nil)
            try await api.get("\(path)/c").require(404)
        }
    }

    @Test("A dry run of a create or delete answers like a real run and changes nothing", arguments: ServerKind.atHand)
    func dryRun(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            try await api.post("\(path)?dryRun=All", Objects.configMap("c")).require(201)
            try await api.get("\(path)/c").require(404)
            try await api.post(path, Objects.configMap("c")).require(201)
            try await api.delete("\(path)/c?dryRun=All").require(200)
            try await api.get("\(path)/c").require(200)
            let wrong = try await api.post("\(path)?dryRun=yes", Objects.configMap("d"))
            wrong.expect(
                422, "Invalid",
                "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"yes\"]: supported values: \"All\""
            )
        }
    }

    @Test("deletecollection takes what the selector matches", arguments: ServerKind.atHand)
    func deleteCollection(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "secrets")
            for (name, app) in [("a", "x"), ("b", "y"), ("c", "x")] {
                let secret: JSON = [
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": ["name": .string(name), "labels": ["app": .string(app)]],
                ]
                try await api.post(path, secret).require(201)
            }
            try await api.delete("\(path)?labelSelector=app%20in%20(x,z)").require(200)
            let left = try await api.get("\(path)?labelSelector=app").require(200)["items"]?.array
            #expect(left?.map { $0[path: ["metadata", "name"]] } == ["b"])
        }
    }

    @Test(
        "Unknown fields are dropped with a warning, or refused, as fieldValidation says", arguments: ServerKind.atHand)
    func fieldValidation(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            var object = Objects.configMap("c")
            object["nope"] = 1
            let warned = try await api.post("\(path)?fieldValidation=Warn", object).require(201)
            #expect(warned["nope"] == nil)
            #expect(warned.warnings == ["299 - \"unknown field \\\"nope\\\"\""])
            let strict = try await api.post("\(path)?fieldValidation=Strict", object)
            strict.expect(
                400, "BadRequest",
                "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"nope\""
            )
        }
    }

    @Test("A body that is not JSON, or of another kind or namespace, is refused", arguments: ServerKind.atHand)
    func wrongBodies(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            let text = try await api.post(path, "text")
            #expect(text.status == 400 && text.reason == "BadRequest")
            var other = Objects.configMap("c")
            other["kind"] = "Secret"
            let secret = try await api.post(path, other)
            secret.expect(
                400, "BadRequest",
                "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion"
            )
            var elsewhere = Objects.configMap("c")
            elsewhere[path: ["metadata", "namespace"]] = "elsewhere"
            let foreign = try await api.post(path, elsewhere)
            foreign.expect(
                400, "BadRequest",
                "the namespace of the provided object does not match the namespace sent on the request")
            let media = try await api.send(.post, path, Objects.configMap("c"), type: "text/plain")
            #expect(media.status == 415 && media.reason == "UnsupportedMediaType")
            let accept = try await api.get(path, accept: "text/html")
            #expect(accept.status == 406 && accept.reason == "NotAcceptable")
        }
    }

    @Test(
        "A Secret's type can't change; bad base64, names and object labels are refused",
        arguments: ServerKind.atHand)
    func validation(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let secrets = Objects.core(namespace, "secrets")
            try await api.post(
                secrets,
                [
                    "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s"], "stringData": ["k": "v"],
                ]
            ).require(201)
            let read = try await api.get("\(secrets)/s").require(200)
            #expect(read["type"] == "Opaque" && read["data"] == ["k": "dg=="] && read["stringData"] == nil)
            let retyped = try await api.patch(.merge, "\(secrets)/s", ["type": "example.org/x"])
            retyped.expect(
                422, "Invalid", "Secret \"s\" is invalid: type: Invalid value: \"example.org/x\": field is immutable")
            let notBase64 = try await api.patch(.merge, "\(secrets)/s", ["data": ["k": "*"]])
            #expect(notBase64.status == 422 && notBase64.message.contains("illegal base64 data at input byte 0"))
            let name = try await api.post(
                "/api/v1/namespaces", ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "Team_1"]])
            name.expect(
                422, "Invalid",
                "Namespace \"Team_1\" is invalid: metadata.name: Invalid value: \"Team_1\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            )
            let label = try await api.post(
                Objects.core(namespace, "configmaps"), Objects.configMap("c", labels: ["a": "b c"]))
            #expect(label.status == 422 && label.causes.first?["field"] == "metadata.labels")
        }
    }
}
