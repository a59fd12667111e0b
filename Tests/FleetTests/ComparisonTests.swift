import JSON
import KubeObjects
import Testing

@testable import Fleet

/// What Observe reports about an object without asking the server.
@Suite("What an apply would change")
struct ComparisonTests {
    private func quota(_ hard: JSON) -> DesiredObject {
        DesiredObject(
            type: ResourceType(version: "v1", kind: "ResourceQuota", plural: "resourcequotas", isNamespaced: true),
            namespace: "n", name: "q",
            json: [
                "apiVersion": "v1", "kind": "ResourceQuota",
                "metadata": ["name": "q", "namespace": "n", "labels": ["l": "1"]], "spec": ["hard": hard],
            ])
    }

    private func entry(_ manager: String, _ fields: JSON, _ operation: String = "Update") -> JSON {
        ["manager": .string(manager), "operation": .string(operation), "fieldsV1": fields]
    }

    private func outcome(
        _ desired: DesiredObject, _ found: JSON, forces: Bool = false, takesOver: Bool = false
    ) throws -> Comparison.Outcome? {
        let metadata = try ObjectMeta(json: found["metadata"] ?? .null)
        let comparison = try #require(Comparison(of: desired, with: metadata, content: found))
        #expect(comparison.hash == desired.hash)
        return comparison.outcome(forces: forces, takesOver: takesOver)
    }

    private let hash = ".metadata.annotations." + Ownership.appliedHashAnnotation

    @Test("What nobody else owns changes; the fields are full paths")
    func change() throws {
        let found: JSON = [
            "metadata": [
                "name": "q", "namespace": "n",
                "managedFields": [entry("kubectl", ["f:spec": ["f:hard": ["f:pods": [:]]]])],
            ], "spec": ["hard": ["pods": "1", "limits.cpu": "4"]],
        ]
        #expect(
            try outcome(quota(["limits.cpu": "5", "memory": "1Gi"]), found)
                == .change([hash, ".metadata.labels.l", ".spec.hard.limits.cpu", ".spec.hard.memory"]))
        #expect(
            try outcome(quota(["pods": "1"]), found) == .change([hash, ".metadata.labels.l"]),
            "the same value is shared")
    }

    @Test("Another manager's value is a conflict, unless Force is set or it is Flyte's")
    func conflict() throws {
        func found(_ manager: String) -> JSON {
            [
                "metadata": [
                    "name": "q", "namespace": "n",
                    "managedFields": [entry(manager, ["f:spec": ["f:hard": ["f:pods": [:]]]])],
                ], "spec": ["hard": ["pods": "1"]],
            ]
        }
        let desired = quota(["pods": "2"])
        let owned = ConflictAnswer.Owned(field: ".spec.hard.pods", manager: "terraform")
        let all = Comparison.Outcome.change([hash, ".metadata.labels.l", ".spec.hard.pods"])
        #expect(try outcome(desired, found("terraform")) == .conflict([owned]))
        #expect(try outcome(desired, found("terraform"), forces: true) == all)
        #expect(try outcome(desired, found("terraform"), takesOver: true) == .conflict([owned]))
        #expect(try outcome(desired, found("flyteadmin"), takesOver: true) == all)
        #expect(try outcome(desired, found("flyteadmin")) != all)
    }

    @Test("An object without managedFields belongs to whoever created it")
    func untracked() throws {
        let found: JSON = ["metadata": ["name": "q", "namespace": "n"], "spec": ["hard": ["pods": "1"]]]
        let owned = ConflictAnswer.Owned(field: ".spec.hard.pods", manager: Ownership.beforeFirstApply)
        #expect(try outcome(quota(["pods": "2"]), found) == .conflict([owned]))
        #expect(try outcome(quota(["pods": "2"]), found, takesOver: true) != .conflict([owned]))
        #expect(try outcome(quota(["cpu": "2"]), found) == .change([hash, ".metadata.labels.l", ".spec.hard.cpu"]))
    }

    @Test("What we applied and want no more goes, unless somebody else owns it, too")
    func leaving() throws {
        let desired = quota(["pods": "1"])
        func found(_ others: [JSON]) -> JSON {
            let ours = entry(
                "squadron", ["f:spec": ["f:hard": ["f:pods": [:], "f:cpu": [:]]]], "Apply")
            return [
                "metadata": [
                    "name": "q", "namespace": "n", "labels": ["l": "1"],
                    "annotations": .object(desired.annotations.mapValues { .string($0) }),
                    "managedFields": .array([ours] + others),
                ], "spec": ["hard": ["pods": "1", "cpu": "2"]],
            ]
        }
        #expect(try outcome(desired, found([])) == .change([".spec.hard.cpu"]))
        let shared = entry("flyteadmin", ["f:spec": ["f:hard": ["f:cpu": [:]]]])
        #expect(try outcome(desired, found([shared]), takesOver: true) == .change([".spec.hard.cpu"]))
    }

    @Test("A Namespace that Flyte made would say so")
    func adopted() throws {
        let space = DesiredObject(
            type: .namespace, namespace: nil, name: "n",
            json: ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "n", "labels": ["l": "1"]]])
        let made: JSON = [
            "metadata": ["name": "n", "managedFields": [entry("flyteadmin", ["f:spec": ["f:finalizers": [:]]])]]
        ]
        #expect(
            try outcome(space, made)
                == .change([".metadata.annotations." + Ownership.adoptedFromAnnotation, ".metadata.labels.l"]))
        let other: JSON = ["metadata": ["name": "n", "managedFields": [entry("helm", ["f:spec": ["f:x": [:]]])]]]
        #expect(try outcome(space, other) == .change([".metadata.labels.l"]))
    }

    @Test("A list is compared by its items, without the server's defaults in them")
    func lists() throws {
        let type = ResourceType(
            group: "rbac.authorization.k8s.io", version: "v1", kind: "RoleBinding", plural: "rolebindings",
            isNamespaced: true)
        func binding(_ subjects: JSON) -> DesiredObject {
            DesiredObject(
                type: type, namespace: "n", name: "b",
                json: [
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                    "metadata": ["name": "b", "namespace": "n"], "subjects": subjects,
                ])
        }
        let found: JSON = [
            "metadata": ["name": "b", "namespace": "n", "managedFields": [entry("helm", ["f:subjects": [:]])]],
            "subjects": [["kind": "User", "name": "a", "apiGroup": "rbac.authorization.k8s.io"]],
        ]
        #expect(try outcome(binding([["kind": "User", "name": "a"]]), found) == .change([hash]))
        #expect(
            try outcome(binding([["kind": "User", "name": "b"]]), found)
                == .conflict([.init(field: ".subjects", manager: "helm")]))
    }

    @Test("With metadata alone, only a writer without further fields can be recognised")
    func metadataOnly() throws {
        var metadata = ObjectMeta(name: "q", namespace: "n")
        #expect(Comparison(of: quota(["pods": "1"]), with: metadata, content: nil) == nil)
        let account = DesiredObject(
            type: .serviceAccount, namespace: "n", name: "default",
            json: [
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": ["name": "default", "namespace": "n", "annotations": ["role": "x"]],
            ])
        metadata.annotations = ["role": "y"]
        metadata.managedFields = try ObjectMeta(json: [
            "name": "q", "managedFields": [entry("terraform", ["f:metadata": ["f:annotations": ["f:role": [:]]]])],
        ]).managedFields
        let comparison = try #require(Comparison(of: account, with: metadata, content: nil))
        #expect(
            comparison.outcome(forces: false, takesOver: false)
                == .conflict([.init(field: ".metadata.annotations.role", manager: "terraform")]))
    }

    @Test("A plan counts each object once, and shows conflicts first and sixteen at most")
    func plan() {
        let changes =
            (0..<1_000).map { PlannedChange(namespace: "n\($0)", object: "x/y", action: .create) } + [
                PlannedChange(namespace: "z", object: "x/y", action: .conflict, fields: [".a"]),
                PlannedChange(namespace: "z", object: "x/z", action: .delete),
                PlannedChange(namespace: "z", object: "x/a", action: .change, fields: [".b"]),
            ]
        let plan = PlannedChanges(changes)
        #expect(plan.create == 1_000 && plan.change == 1 && plan.delete == 1 && plan.conflict == 1)
        #expect(plan.examples.count == 16)
        #expect(plan.examples.prefix(4).map(\.action) == [.conflict, .delete, .change, .create])
    }
}
