import JSON
import TestSupport
import Testing

/// What the operator assumes of custom resources, by our own definitions (manifests/crds).
@Suite("Contract: custom resources", .timeLimit(.minutes(3 * patience)))
struct CustomResourceTests {
    /// The server adds this to an error of the schema, since CEL rules see only valid objects.
    private static let unchecked =
        ", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]"
    private static let labelSpec: JSON = ["clusters": [["name": "dataplane_1", "weight": 1]]]

    @Test(
        "Our CRDs are accepted, established, and served with category and short name",
        arguments: ServerKind.atHand)
    func discovery(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let list = try await api.get("/apis/multicluster.flyte.org/v1alpha1").require(200)
        let resources = list["resources"]?.array ?? []
        let plane = try #require(resources.first { $0["name"] == "dataplanes" })
        #expect(
            plane["shortNames"] == ["dp", "fdp"] && plane["categories"] == ["flyte"] && plane["namespaced"] == true)
        #expect(plane["singularName"] == "dataplane" && plane["kind"] == "DataPlane")
        let status = try #require(resources.first { $0["name"] == "dataplanes/status" })
        #expect(status["verbs"] == ["get", "patch", "update"])
        for plural in OurDefinitions.plurals {
            let definition = try await api.get(
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/\(plural).multicluster.flyte.org"
            ).require(200)
            let conditions = definition["status", "conditions"]?.array ?? []
            for type in ["Established", "NamesAccepted"] {
                #expect(conditions.first { $0["type"] == .string(type) }?["status"] == "True")
            }
            #expect(!conditions.contains { $0["type"] == "NonStructuralSchema" }, "\(plural)")
            #expect(definition["status", "storedVersions"] == ["v1alpha1"])
        }
    }

    @Test(
        "Defaults are filled in, also inside of defaults, and unknown fields are pruned", arguments: ServerKind.atHand)
    func defaultsAndPruning(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.flyte(namespace, "dataplanes")
            let made = try await api.post(
                path,
                Objects.custom(
                    "DataPlane", "d", spec: ["endpoint": "https://dp1:443", "nope": 1, "connection": ["qps": 5]])
            ).require(201)
            #expect(made["spec", "nope"] == nil)
            #expect(made["spec", "enabled"] == true && made["spec", "inCluster"] == false)
            #expect(
                made["spec", "credentials"] == [
                    "provider": "Secret", "caCert": "Secret", "secretName": "cluster-credentials",
                ])
            #expect(made["spec", "connection", "qps"] == 5 && made["spec", "connection", "burst"] == 0)
            let applied = try await api.apply(
                "squadron", "\(path)/e", Objects.custom("DataPlane", "e", spec: ["endpoint": "https://dp1:443"])
            ).require(201)
            let owned = applied.metadata["managedFields"]?.array?.first?[path: ["fieldsV1", "f:spec"]]
            #expect(owned == ["f:endpoint": [:]], "defaults belong to nobody")
            let strict = try await api.post(
                "\(path)?fieldValidation=Strict",
                Objects.custom("DataPlane", "f", spec: ["endpoint": "https://dp1:443", "nope": 1]))
            strict.expect(
                400, "BadRequest",
                "DataPlane in version \"v1alpha1\" cannot be handled as a DataPlane: strict decoding error: unknown field \"spec.nope\""
            )
        }
    }

    @Test("A broken schema rule is a 422 with field and reason", arguments: ServerKind.atHand)
    func schemaRules(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.flyte(namespace, "dataplanes")
            func message(_ spec: JSON) async throws -> String {
                let answer = try await api.post(path, Objects.custom("DataPlane", "d", spec: spec))
                #expect(answer.status == 422 && answer.reason == "Invalid", "\(answer)")
                return answer.message
            }
            let prefix = "DataPlane.multicluster.flyte.org \"d\" is invalid: "
            #expect(
                try await message(["endpoint": "https://dp1:443", "connection": ["qps": -1]])
                    == prefix
                    + "spec.connection.qps: Invalid value: -1: spec.connection.qps in body should be greater than or equal to 0"
            )
            #expect(
                try await message(["endpoint": "https://dp1:443", "clusterName": "-x"])
                    == prefix
                    + "spec.clusterName: Invalid value: \"-x\": spec.clusterName in body should match '^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$'"
            )
            #expect(
                try await message(["endpoint": "https://dp1:443", "workloadIdentity": ["aws": [:]]])
                    == prefix + "[spec.workloadIdentity.aws.roleARN: Required value" + Self.unchecked)
            #expect(
                try await message(["endpoint": 5])
                    == prefix
                    + "[spec.endpoint: Invalid value: \"integer\": spec.endpoint in body must be of type string: \"integer\""
                    + Self.unchecked)
            var missing = Objects.custom("DataPlane", "d", spec: nil)
            missing["spec"] = nil
            let answer = try await api.post(path, missing)
            answer.expect(422, "Invalid", prefix + "[spec: Required value" + Self.unchecked)
            #expect(
                answer.causes.first == ["reason": "FieldValueRequired", "message": "Required value", "field": "spec"])
        }
    }

    @Test(
        "A broken CEL rule is a 422 with our message; no write changes immutable fields",
        arguments: ServerKind.atHand)
    func expressionRules(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let planes = Objects.flyte(namespace, "dataplanes")
            let prefix = "DataPlane.multicluster.flyte.org \"d\" is invalid: "
            let neither = try await api.post(planes, Objects.custom("DataPlane", "d", spec: [:]))
            neither.expect(422, "Invalid", prefix + "spec: Invalid value: set exactly one of endpoint and inCluster")
            let plain = try await api.post(planes, Objects.custom("DataPlane", "d", spec: ["endpoint": "http://dp1"]))
            plain.expect(
                422, "Invalid",
                prefix
                    + "spec.endpoint: Invalid value: \"http://dp1\": must be https://host[:port], without user name, query or fragment"
            )
            try await api.post(
                planes, Objects.custom("DataPlane", "d", spec: ["endpoint": "https://dp1", "clusterName": "a"])
            ).require(201)
            let moved = try await api.patch(.merge, "\(planes)/d", ["spec": ["clusterName": "b"]])
            moved.expect(
                422, "Invalid",
                prefix + "spec.clusterName: Invalid value: clusterName is immutable; create a new object instead")
            let dropped = try await api.patch(.merge, "\(planes)/d", ["spec": ["clusterName": nil]])
            #expect(dropped.status == 422)
            let applied = try await api.apply(
                "squadron", "\(planes)/d",
                Objects.custom("DataPlane", "d", spec: ["endpoint": "https://dp1", "clusterName": "c"]), force: true)
            #expect(applied.status == 422)

            let labels = Objects.flyte(namespace, "executionlabels")
            let sum = try await api.post(
                labels,
                Objects.custom(
                    "ExecutionLabel", "l",
                    spec: ["clusters": [["name": "a", "weight": 0.5], ["name": "b", "weight": 0.4]]]))
            #expect(sum.status == 422 && sum.message.contains("spec.clusters"), "\(sum)")
            let twice = try await api.post(
                labels,
                Objects.custom(
                    "ExecutionLabel", "l",
                    spec: ["clusters": [["name": "a", "weight": 0.5], ["name": "a", "weight": 0.5]]]))
            twice.expect(
                422, "Invalid",
                "ExecutionLabel.multicluster.flyte.org \"l\" is invalid: spec.clusters[1]: Duplicate value: {\"name\":\"a\"}"
            )
            try await api.post(
                labels,
                Objects.custom(
                    "ExecutionLabel", "l",
                    spec: ["clusters": [["name": "a", "weight": 0.3], ["name": "b", "weight": 0.7]]])
            ).require(201)
        }
    }

    @Test(
        "A CRD's default status shows before anybody has written one, and has no owner",
        arguments: ServerKind.atHand)
    func statusDefault(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.flyte(namespace, "executionlabels")
            let nobody: JSON = ["observedGeneration": -1]
            var label = Objects.custom("ExecutionLabel", "l", spec: Self.labelSpec)
            label["status"] = ["observedGeneration": 5]
            let made = try await api.post(path, label).require(201)
            #expect(made["status"] == nobody, "what the user says of it is dropped")
            let read = try await api.get("\(path)/l").require(200)
            #expect(read["status"] == nobody && read.metadata["generation"] == 1)
            let managers = read.metadata["managedFields"]?.array ?? []
            #expect(managers.allSatisfy { $0[path: ["fieldsV1", "f:status"]] == nil })
            let list = try await api.get(path).require(200)
            #expect(list["items"]?[0]?["status"] == nobody)
            let answer = try await api.apply(
                "squadron", "\(path)/l/status",
                [
                    "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "ExecutionLabel",
                    "metadata": ["name": "l"], "status": ["observedGeneration": 1, "label": "l"],
                ], force: true
            ).require(200)
            #expect(answer["status"] == ["observedGeneration": 1, "label": "l"])
        }
    }

    @Test(
        "generation counts only changes of spec; status has its own subresource",
        arguments: ServerKind.atHand)
    func statusSubresource(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.flyte(namespace, "executionlabels")
            var object = try await api.post(path, Objects.custom("ExecutionLabel", "l", spec: Self.labelSpec)).require(
                201
            ).json
            #expect(object[path: ["metadata", "generation"]] == 1)
            let labelled = try await api.patch(.merge, "\(path)/l", ["metadata": ["labels": ["a": "b"]]]).require(200)
            #expect(labelled.metadata["generation"] == 1)
            let ignored = try await api.patch(.merge, "\(path)/l", ["status": ["observedGeneration": 7]]).require(200)
            #expect(ignored["status", "observedGeneration"] == -1)
            #expect(ignored.resourceVersion == labelled.resourceVersion)
            object = ignored.json
            object["status"] = ["observedGeneration": 1]
            object[path: ["spec", "clusters"]] = [["name": "other", "weight": 1]]
            object[path: ["metadata", "labels"]] = ["a": "changed"]
            let written = try await api.put("\(path)/l/status", object).require(200)
            #expect(written["status", "observedGeneration"] == 1)
            #expect(written["spec", "clusters"]?.array?.first?["name"] == "dataplane_1")
            #expect(written.metadata["labels"] == ["a": "b"] && written.metadata["generation"] == 1)
            let changed = try await api.patch(
                .merge, "\(path)/l", ["spec": ["clusters": [["name": "other", "weight": 1]]]]
            ).require(200)
            #expect(changed.metadata["generation"] == 2 && changed["status", "observedGeneration"] == 1)
            let condition: JSON = [
                "type": "Ready", "status": "Maybe", "reason": "R", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            ]
            let wrong = try await api.patch(.merge, "\(path)/l/status", ["status": ["conditions": [condition]]])
            wrong.expect(
                422, "Invalid",
                "ExecutionLabel.multicluster.flyte.org \"l\" is invalid: [status.conditions[0].status: Unsupported value: \"Maybe\": supported values: \"True\", \"False\", \"Unknown\""
                    + Self.unchecked
            )
        }
    }

    @Test("As a table, an object has the columns of its definition", arguments: ServerKind.atHand)
    func columns(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.flyte(namespace, "dataplanes")
            try await api.post(path, Objects.custom("DataPlane", "d", spec: ["endpoint": "https://dp1:443"])).require(
                201)
            let table = try await api.get(path, accept: "application/json;as=Table;v=v1;g=meta.k8s.io").require(200)
            #expect(table["kind"] == "Table")
            let definitions = table["columnDefinitions"]?.array ?? []
            #expect(
                definitions.map { $0["name"]?.string ?? "" }
                    == [
                        "Name", "CLUSTER", "READY", "REASON", "VERSION", "SYNCED", "TOKEN-EXPIRES", "AGE", "ENDPOINT",
                        "ENABLED", "MODE", "MESSAGE",
                    ])
            #expect(definitions.map { $0["priority"]?.int ?? -1 } == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
            let cells = table["rows"]?.array?.first?["cells"]?.array
            #expect(cells?.first == "d" && cells?.count == 12)
            #expect(cells?[8] == "https://dp1:443" && cells?[9] == true && cells?[2] == .null)
            #expect(table["rows"]?.array?.first?[path: ["object", "kind"]] == "PartialObjectMetadata")
        }
    }

    @Test("A definition that is deleted takes its objects and its paths along", arguments: ServerKind.atHand)
    func deletedDefinition(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let group = "\(namespace).example.org"
            let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            let versions: JSON = [
                [
                    "name": "v1", "served": true, "storage": true,
                    "schema": ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
                ]
            ]
            try await api.post(
                definitions,
                [
                    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                    "metadata": ["name": .string("things.\(group)")],
                    "spec": [
                        "group": .string(group), "scope": "Namespaced", "names": ["plural": "things", "kind": "Thing"],
                        "versions": versions,
                    ],
                ]
            ).require(201)
            let path = Objects.group("\(group)/v1", namespace, "things")
            _ = try await api.eventually(path) { $0.status == 200 }
            let thing: JSON = [
                "apiVersion": .string("\(group)/v1"), "kind": "Thing", "metadata": ["name": "t"],
                "any": ["thing": [1, "two"]],
            ]
            // The paths of a new definition come and go for a moment, as each part of the server learns of it.
            let made = try await api.eventually("\(path)") { $0.status == 200 }
            let watch = try await api.watch("\(path)?resourceVersion=\(made.resourceVersion)")
            let stored = try await api.post(path, thing).require(201)
            #expect(stored["any"] == ["thing": [1, "two"]], "unknown fields are kept where the schema says so")
            try await api.delete("\(definitions)/things.\(group)").require(200)
            let events = try await watch.until("DELETED")
            #expect(events.map(\.summary) == ["ADDED t", "DELETED t"])
            // The event is the same as for a deletion by a user, so the operator waits for a list.
            let gone = try await api.eventually(path) { $0.status == 404 }
            #expect(gone.message == "" || gone.message == "the server could not find the requested resource")
            let end = try await watch.next()
            #expect(end == nil, "the watch of a kind that is gone ends in good order")
        }
    }

    @Test("A version that a definition does not serve is not there", arguments: ServerKind.atHand)
    func unservedVersion(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let answer = try await api.get("/apis/multicluster.flyte.org/v1/dataplanes")
        #expect(answer.status == 404)
        let groups = try await api.get("/apis").require(200)["groups"]?.array ?? []
        let ours = groups.first { $0["name"] == "multicluster.flyte.org" }
        #expect(
            ours?["preferredVersion"] == ["groupVersion": "multicluster.flyte.org/v1alpha1", "version": "v1alpha1"])
        let body: JSON = [
            "apiVersion": "multicluster.flyte.org/v1", "kind": "DataPlane", "metadata": ["name": "d"],
            "spec": ["inCluster": true],
        ]
        try await ContractClient(kind).withNamespace { namespace in
            let wrong = try await api.post(Objects.flyte(namespace, "dataplanes"), body)
            wrong.expect(
                400, "BadRequest",
                "the API version in the data (multicluster.flyte.org/v1) does not match the expected API version (multicluster.flyte.org/v1alpha1)"
            )
        }
    }
}
