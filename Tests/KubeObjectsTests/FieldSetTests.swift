import JSON
import KubeObjects
import Support
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
        "An applied object is covered by the server's field set, and by no smaller one",
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

    @Test("An empty object leaves the set when another manager fills or removes it")
    func emptyObjects() throws {
        let policy: JSON = ["spec": ["podSelector": [:], "policyTypes": ["Ingress"]]]
        #expect(try FieldSet(fieldsV1: ["f:spec": ["f:podSelector": [:], "f:policyTypes": [:]]]).covers(policy))
        #expect(try !FieldSet(fieldsV1: ["f:spec": ["f:policyTypes": [:]]]).covers(policy))
        let pod: JSON = ["spec": ["volumes": [["name": "a", "emptyDir": [:]]]]]
        func volume(_ fields: JSON) -> JSON { ["f:spec": ["f:volumes": ["k:{\"name\":\"a\"}": fields]]] }
        #expect(try FieldSet(fieldsV1: volume([".": [:], "f:emptyDir": [:], "f:name": [:]])).covers(pod))
        #expect(try FieldSet(fieldsV1: volume(["f:emptyDir": ["f:medium": [:]], "f:name": [:]])).covers(pod))
        #expect(try !FieldSet(fieldsV1: volume([".": [:], "f:name": [:]])).covers(pod))
        // As Kubernetes 1.36 recorded it of a custom resource whose labels are a map without any.
        #expect(try FieldSet(fieldsV1: ["f:spec": ["f:labels": [:], "f:size": [:]]]).covers(["spec": ["labels": [:]]]))
        #expect(try !FieldSet(fieldsV1: ["f:spec": ["f:size": [:]]]).covers(["spec": ["labels": [:]]]))
    }

    @Test("An empty list and null leave nothing in the set, and count as covered")
    func noTrace() throws {
        let set = try FieldSet(fieldsV1: ["f:spec": ["f:size": [:]]])
        #expect(set.covers(["spec": ["size": 1, "ports": [], "nothing": nil]]))
    }

    @Test("A manager has applied an object if it has an Apply entry for the object itself")
    func applied() throws {
        let meta = try ObjectMeta(json: Self.metadata)
        #expect(meta.isApplied(by: "squadron") && meta.isApplied(by: "kubectl"))
        var others = meta
        others.managedFields?.removeAll { $0.operation == "Apply" && $0.subresource == nil }
        #expect(!others.isApplied(by: "squadron"), "by Update, and by Apply to the status only")
    }

    @Test("Keys, values and positions are read; unknown forms are skipped")
    func elements() throws {
        let set = try FieldSet(
            fieldsV1: JSON(
                parsing: #"""
                    {"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}},
                                "f:finalizers": {"v:\"kubernetes\"": {}}, "f:list": {"i:3": {}}, "z:new": {}, "k:{": {}}}
                    """#))
        let spec = try #require(set.children[.field("spec")])
        let port = FieldPathElement.key(["port": 80, "protocol": "TCP"])
        #expect(set.members.isEmpty && spec.members.isEmpty)
        #expect(Set(spec.children.keys) == [.field("ports"), .field("finalizers"), .field("list")])
        #expect(spec.children[.field("ports")]?.members == [port])
        #expect(spec.children[.field("ports")]?.children[port]?.members == [.field("name")])
        #expect(spec.children[.field("finalizers")]?.members == [.value("kubernetes")])
        #expect(spec.children[.field("list")]?.members == [.index(3)])
    }

    @Test("A malformed tree is refused, and owns nothing")
    func broken() throws {
        #expect(throws: DecodingFailure.self) { try FieldSet(fieldsV1: "x") }
        #expect(throws: DecodingFailure.self) { try FieldSet(fieldsV1: ["f:a": 1]) }
        #expect(ManagedFieldsEntry(fieldsV1: ["f:a": 1]).fieldSet == nil)
    }

    @Test("What an entry owns is what its set covers, for trees and values made at random")
    func ownsAsTheSetCovers() throws {
        var random = SeededRandom(seed: 41)
        func value(_ depth: Int) -> JSON {
            switch Int.random(in: 0..<(depth > 0 ? 6 : 3), using: &random) {
            case 0: .string("s")
            case 1: .null
            case 2: .int(1)
            case 3: .array((0..<Int.random(in: 0...2, using: &random)).map { _ in value(depth - 1) })
            default: object(depth) { value($0) }
            }
        }
        func object(_ depth: Int, _ member: (Int) -> JSON) -> JSON {
            var object: [String: JSON] = [:]
            for name in ["a", "b", "c"] where Bool.random(using: &random) { object[name] = member(depth - 1) }
            return .object(object)
        }
        func fields(_ depth: Int) -> JSON {
            guard depth > 0, Int.random(in: 0..<4, using: &random) > 0 else { return [:] }
            var members: [String: JSON] = [:]
            for name in [".", "f:a", "f:b", "f:c", "k:{\"a\":\"s\"}", "v:1", "i:0"]
            where Int.random(in: 0..<3, using: &random) > 0 {
                members[name] = name == "." ? [:] : fields(depth - 1)
            }
            return .object(members)
        }
        var covered = 0
        for _ in 0..<20_000 {
            let (fields, value) = (fields(3), value(3))
            let expected = try FieldSet(fieldsV1: fields).covers(value)
            covered += expected ? 1 : 0
            #expect(ManagedFieldsEntry(fieldsV1: fields).owns(NamedFields(value)) == expected, "\(fields) \(value)")
        }
        #expect((2_000..<18_000).contains(covered))
        let wanted = NamedFields(["a": 1, "kind": "K"], leavingOut: ["kind"])
        #expect(ManagedFieldsEntry(fieldsV1: ["f:a": [:]]).owns(wanted))
        #expect(!ManagedFieldsEntry(fieldsV1: nil).owns(NamedFields(["a": 1])))
    }
}
