import JSON
import KubeObjects
import Testing

@Suite("Field ownership")
struct FieldSetTests {
    /// As Kubernetes 1.36 recorded it.
    static let metadata: JSON = [
        "name": "robot",
        "managedFields": [
            [
                "manager": "kubectl", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": ["f:metadata": ["f:annotations": ["f:x": [:], "f:shared": [:]]]],
            ],
            [
                "manager": "squadron", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": ["f:metadata": ["f:annotations": ["f:eks.amazonaws.com/role-arn": [:], "f:shared": [:]]]],
            ],
            [
                "manager": "squadron", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": ["f:metadata": ["f:annotations": [".": [:], "f:y": [:]]]],
            ],
            [
                "manager": "squadron", "operation": "Apply", "apiVersion": "v1", "subresource": "status",
                "fieldsV1": ["f:status": ["f:phase": [:]]],
            ],
        ],
    ]

    /// As Kubernetes 1.36 recorded it of a RoleBinding, a Service, a ServiceAccount and a NetworkPolicy.
    static let kept: [(fields: JSON, value: JSON)] = [
        (
            ["f:roleRef": [:], "f:subjects": [:]],
            ["roleRef": ["kind": "Role", "name": "r"], "subjects": [["kind": "ServiceAccount", "name": "default"]]]
        ),
        (
            ["f:spec": ["f:ports": ["k:{\"port\":80,\"protocol\":\"TCP\"}": [".": [:], "f:port": [:]]]]],
            ["spec": ["ports": [["port": 80]]]]
        ),
        (
            ["f:imagePullSecrets": ["k:{\"name\":\"pull\"}": [:]]],
            ["imagePullSecrets": [["name": "pull"]]]
        ),
        (
            ["f:spec": ["f:podSelector": [:], "f:policyTypes": [:]]],
            ["spec": ["podSelector": [:], "policyTypes": ["Ingress"], "egress": []]]
        ),
        (["f:metadata": ["f:finalizers": [".": [:], "v:\"a/b\"": [:]]]], ["metadata": ["finalizers": ["a/b"]]]),
    ]
    @Test(
        "What was applied is covered by the set that the server keeps of it, and by none that lacks a part",
        arguments: kept)
    func covered(_ entry: (fields: JSON, value: JSON)) throws {
        #expect(try FieldSet(fieldsV1: entry.fields).covers(entry.value))
        #expect(try !FieldSet(fieldsV1: ["f:other": [:]]).covers(entry.value))
        guard case .object(let members) = entry.value else { return }
        for name in members.keys {
            var more = entry.value
            more[path: [name, "added"]] = "x"
            guard entry.value[name]?.object != nil, entry.fields["f:\(name)"] != [:] else { continue }
            #expect(try !FieldSet(fieldsV1: entry.fields).covers(more))
        }
    }

    @Test("A field is applied by whoever's Apply entry has exactly its path")
    func applied() throws {
        let meta = try ObjectMeta(json: Self.metadata)
        let role: [FieldPathElement] = ["metadata", "annotations", "eks.amazonaws.com/role-arn"]
        #expect(meta.isApplied(role, by: "squadron"))
        #expect(!meta.isApplied(role, by: "kubectl"))
        #expect(!meta.isApplied(["metadata", "annotations"], by: "squadron"))
        #expect(!meta.isApplied(["metadata", "annotations", "y"], by: "squadron"), "owned by Update only")
        #expect(!meta.isApplied(["status", "phase"], by: "squadron"))
        #expect(meta.isApplied(["status", "phase"], by: "squadron", subresource: "status"))
    }

    @Test("All owners of a field are found, and who else besides one")
    func owners() throws {
        let meta = try ObjectMeta(json: Self.metadata)
        let shared: [FieldPathElement] = ["metadata", "annotations", "shared"]
        #expect(meta.owners(of: shared).map(\.manager) == ["kubectl", "squadron"])
        #expect(meta.owners(of: shared, except: "squadron").map(\.manager) == ["kubectl"])
        #expect(meta.owners(of: ["metadata", "annotations"]).map(\.operation) == ["Update"])
        #expect(meta.owners(of: []).isEmpty)
    }

    @Test("Keys, values and positions are read; unknown forms are skipped")
    func elements() throws {
        let set = try FieldSet(
            fieldsV1: JSON(
                parsing: #"""
                    {"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}},
                                "f:finalizers": {"v:\"kubernetes\"": {}}, "f:list": {"i:3": {}}, "z:new": {}, "k:{": {}}}
                    """#))
        let port: FieldPathElement = .key(["port": 80, "protocol": "TCP"])
        #expect(set.contains(["spec", "ports", port]))
        #expect(set.contains(["spec", "ports", port, "name"]))
        #expect(set.contains(["spec", "finalizers", .value("kubernetes")]))
        #expect(set.contains(["spec", "list", .index(3)]))
        #expect(
            set.paths.map { $0.map(\.description).joined() } == [
                #".spec.finalizers[="kubernetes"]"#, ".spec.list[3]", #".spec.ports[port=80,protocol="TCP"]"#,
                #".spec.ports[port=80,protocol="TCP"].name"#,
            ])
    }

    @Test("A tree that is none is refused, and owns nothing")
    func broken() throws {
        #expect(throws: DecodingFailure.self) { try FieldSet(fieldsV1: "x") }
        #expect(throws: DecodingFailure.self) { try FieldSet(fieldsV1: ["f:a": 1]) }
        #expect(ManagedFieldsEntry(fieldsV1: ["f:a": 1]).fieldSet == nil)
    }
}
