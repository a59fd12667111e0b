import JSON
import KubeObjects
import Testing

@testable import Fleet

@Suite("Adoption")
struct AdoptionTests {
    private let identity = RegistryIdentity(IdentitySpec(takesOverFrom: ["old"]), namespaceUID: "uid")!

    private func namespace(
        _ managers: [String] = [], mark: String? = nil, labels: [String: String] = [:],
        annotations: [String: String] = [:]
    ) -> ObjectMeta {
        var metadata = ObjectMeta(name: "p-development")
        metadata.labels = labels
        metadata.annotations = annotations
        metadata.annotations?[Ownership.controlPlaneAnnotation] = mark
        metadata.managedFields = managers.map {
            ManagedFieldsEntry(manager: $0, operation: $0 == Ownership.fieldManager ? "Apply" : "Update")
        }
        return metadata
    }

    @Test("A Namespace is ours by its mark, or by our manager if the mark is empty or gone")
    func ours() {
        #expect(identity.standing(of: namespace(mark: "uid")) == .ours(fromFlyte: false))
        #expect(identity.standing(of: namespace(mark: "old")) == .ours(fromFlyte: false))
        #expect(identity.standing(of: namespace(["squadron"], mark: "")) == .ours(fromFlyte: false))
        #expect(identity.standing(of: namespace(["flyteadmin", "squadron"])) == .ours(fromFlyte: true))
        let adopted = namespace(mark: "uid", annotations: [Ownership.adoptedFromAnnotation: "flyte"])
        #expect(identity.standing(of: adopted) == .ours(fromFlyte: true))
        #expect(identity.standing(of: namespace(["flyteadmin"], mark: "other")) == .foreign("other"))
    }

    @Test(
        "The policy, or the Namespace's own label, decides about one that is nobody's",
        arguments: [
            (AdoptionPolicy.flyte, "flyteadmin", true), (.flyte, "flyte", true), (.flyte, "syncresources", true),
            (.flyte, "helm", false), (.all, "helm", true), (.none, "flyteadmin", false),
        ])
    func policy(_ policy: AdoptionPolicy, _ manager: String, _ isAdopted: Bool) {
        let refusal = identity.standing(of: namespace([manager])).refusal(under: policy)
        #expect((refusal == nil) == isAdopted)
        if let refusal { #expect(refusal.contains(manager) && refusal.contains(Ownership.adoptLabel)) }
        let requested = namespace([manager], labels: [Ownership.adoptLabel: "true"])
        #expect(identity.standing(of: requested).refusal(under: policy) == nil)
        let refused = namespace(["helm"], labels: [Ownership.adoptLabel: "false"])
        #expect(identity.standing(of: refused).refusal(under: .flyte) != nil)
    }

    private func owned(_ manager: String, _ field: String = ".spec.hard.limits.cpu") -> ConflictAnswer.Owned {
        .init(field: field, manager: manager)
    }

    @Test("Flyte's managers alone don't make a conflict in a namespace that Flyte made")
    func takesOver() {
        func answer(_ conflicts: [ConflictAnswer.Owned], takesOver: Bool, forces: Bool = false) -> ConflictAnswer {
            ConflictAnswer(conflicts, in: .plain, forces: forces, takesOver: takesOver)
        }
        let theirs = [owned("flyteadmin"), owned("before-first-apply")]
        #expect(answer(theirs, takesOver: true) == .apply(.plain, force: true))
        #expect(answer(theirs, takesOver: false) == .report(theirs))
        let mixed = theirs + [owned("terraform", ".spec.hard.pods")]
        #expect(answer(mixed, takesOver: true) == .report(mixed))
        #expect(answer(mixed, takesOver: false, forces: true) == .apply(.plain, force: true))
    }

    @Test("Another manager's managed-by is left alone, also with Force, without a conflict")
    func managedBy() {
        let label = owned("helm", ".metadata.labels.app.kubernetes.io/managed-by")
        let kept = AppliedForm(keepsManagedBy: true)
        for forces in [false, true] {
            #expect(
                ConflictAnswer([label], in: .plain, forces: forces, takesOver: false) == .apply(kept, force: false))
        }
        #expect(
            ConflictAnswer([label, owned("x")], in: .plain, forces: true, takesOver: false)
                == .apply(kept, force: true))
        #expect(
            ConflictAnswer([label, owned("x")], in: .plain, forces: false, takesOver: false) == .report([owned("x")]))
    }

    @Test("Our mark in a namespace of ours makes no conflict, other fields do")
    func mark() {
        let mark = owned("velero-server", ".metadata.annotations.multicluster.flyte.org/control-plane-uid")
        let other = owned("velero-server", ".metadata.labels.team")
        func answer(_ conflicts: [ConflictAnswer.Owned], isOurs: Bool) -> ConflictAnswer {
            ConflictAnswer(conflicts, in: .plain, forces: false, takesOver: false, isOurs: isOurs)
        }
        #expect(answer([mark], isOurs: true) == .apply(.plain, force: true))
        #expect(answer([mark], isOurs: false) == .report([mark]))
        #expect(answer([mark, other], isOurs: true) == .report([other]))
    }

    @Test("Whoever wrote an object before server-side apply is named as that")
    func explained() {
        #expect(
            owned("before-first-apply").text
                == ".spec.hard.limits.cpu is owned by an unknown client, before server-side apply")
        #expect(owned("terraform").text == ".spec.hard.limits.cpu is owned by terraform")
    }

    @Test("An object with another managed-by is in sync, and an apply keeps that label")
    func form() {
        let object = DesiredObject(
            type: .namespace, namespace: nil, name: "n",
            json: [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": ["name": "n", "labels": .object(labels.mapValues { .string($0) })],
            ])
        var seen = ObjectMeta(name: "n")
        seen.labels = labels
        #expect(object.matches(seen) && !seen.hasForeignManagedBy)
        seen.labels?[Ownership.managedByLabel] = "Helm"
        #expect(object.matches(seen) && seen.hasForeignManagedBy)
        seen.labels?[Ownership.managedByLabel] = nil
        #expect(!object.matches(seen))
        let kept = object.json(in: AppliedForm(keepsManagedBy: true))
        #expect(kept[path: ["metadata", "labels", Ownership.managedByLabel]] == nil)
        #expect(kept[path: ["metadata", "labels", Ownership.projectLabel]] == "p")
        let adopted = object.json(in: AppliedForm(adoptedFromFlyte: true))
        #expect(adopted[path: ["metadata", "annotations", Ownership.adoptedFromAnnotation]] == "flyte")
        #expect(object.body(in: .plain) == object.body)
    }

    private let labels = Ownership.labels(ProjectDomain(project: "p", domain: "development"))

    @Test("Flyte's managers give up only what we apply; all other fields keep their owners")
    func handover() throws {
        func entry(_ manager: String, _ operation: String, _ fields: JSON) -> JSON {
            [
                "manager": .string(manager), "operation": .string(operation), "fieldsType": "FieldsV1",
                "fieldsV1": fields,
            ]
        }
        let ours = entry(
            "squadron", "Apply",
            ["f:metadata": ["f:labels": ["f:p": [:]]], "f:spec": ["f:hard": ["f:limits.cpu": [:], "f:pods": [:]]]])
        let other = entry("kubectl", "Update", ["f:spec": ["f:hard": ["f:pods": [:]]]])
        let list: JSON = [
            ours, entry("flyteadmin", "Update", ["f:spec": ["f:hard": [".": [:], "f:limits.cpu": [:], "f:x": [:]]]]),
            entry("before-first-apply", "Update", ["f:spec": ["f:hard": [".": [:], "f:pods": [:]]]]), other,
        ]
        let left = try #require(Handover.managedFields(list))
        #expect(
            left == [ours, entry("flyteadmin", "Update", ["f:spec": ["f:hard": [".": [:], "f:x": [:]]]]), other])
        #expect(Handover.managedFields(left) == nil, "nothing is left to do")
        #expect(Handover.managedFields([list[1]!, other]) == nil, "we apply nothing there")
        var metadata = ObjectMeta(name: "q")
        metadata.managedFields = try ObjectMeta(json: ["name": "q", "managedFields": list]).managedFields
        #expect(Handover.isNeeded(metadata))
        metadata.managedFields = try ObjectMeta(json: ["name": "q", "managedFields": left]).managedFields
        #expect(!Handover.isNeeded(metadata))
    }

    @Test("A dry run is shown as after the handover: what we give up goes with it")
    func preview() {
        func entry(_ manager: String, _ operation: String, _ fields: JSON) -> JSON {
            ["manager": .string(manager), "operation": .string(operation), "fieldsV1": fields]
        }
        let ports: JSON = [
            "k:{\"port\":1}": [".": [:], "f:port": [:], "f:name": [:]],
            "k:{\"port\":2}": [".": [:], "f:port": [:]],
        ]
        let all: JSON = [
            "f:spec": [
                "f:hard": [".": [:], "f:cpu": [:], "f:memory": [:], "f:pods": [:]], "f:set": ["v:\"a\"": [:]],
                "f:ports": ports,
            ]
        ]
        let before: JSON = [
            entry("squadron", "Apply", all), entry("flyteadmin", "Update", all),
            entry("before-first-apply", "Update", ["f:spec": ["f:hard": ["f:theirs": [:], "f:memory": [:]]]]),
        ]
        // We apply the CPU alone, somebody else has the pods, and Flyte what was never ours.
        var answer: JSON = [
            "spec": [
                "hard": ["cpu": "6", "memory": "4Gi", "pods": "7", "theirs": "1"], "set": ["a", "b"],
                "ports": [["port": 1, "name": "x"], ["port": 2], ["port": 3]],
            ]
        ]
        let own = entry("squadron", "Apply", ["f:spec": ["f:hard": ["f:cpu": [:]]]])
        let other = entry("kubectl", "Update", ["f:spec": ["f:hard": [".": [:], "f:pods": [:]]]])
        answer[path: ["metadata", "managedFields"]] = [own, before[1]!, before[2]!, other]
        let shown = Handover.preview(answer, before: before)
        #expect(
            shown["spec"] == ["hard": ["cpu": "6", "pods": "7", "theirs": "1"], "set": ["b"], "ports": [["port": 3]]])
        let unshared: JSON = [before[0]!, other]
        #expect(Handover.preview(answer, before: unshared) == answer, "nothing is handed over")
        #expect(Handover.preview(answer, before: nil) == answer)
    }
}
