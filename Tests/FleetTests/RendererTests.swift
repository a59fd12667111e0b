import JSON
import KubeObjects
import Testing

@testable import Fleet

@Suite("Desired objects")
struct RendererTests {
    let key = ProjectDomain(project: "project1", domain: "development")
    func renderer(_ templates: TemplateSet = .standard, _ identity: WorkloadIdentity? = nil) -> Renderer {
        Renderer(templates: templates, identity: identity, controlPlaneUID: "cp-uid")
    }
    func render(_ renderer: Renderer, _ values: [String: String] = [:]) -> RenderedNamespace {
        var all = values
        for (name, value) in ["project": "project1", "domain": "development", "namespace": "project1-development"] {
            all[name] = value
        }
        return renderer.render(key, namespace: "project1-development", values: all)
    }
    func set(_ text: String) -> TemplateSet { TemplateSet(files: ["t.yaml": text]) }
    static let labels: JSON = [
        "app.kubernetes.io/managed-by": "squadron", "multicluster.flyte.org/project": "project1",
        "multicluster.flyte.org/domain": "development",
    ]

    @Test("Without templates and identity there is the Namespace, ours, and nothing else")
    func namespaceOnly() throws {
        let objects = render(renderer()).objects
        #expect(objects.count == 1)
        let expected: JSON = [
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": [
                "name": "project1-development", "labels": Self.labels,
                "annotations": ["multicluster.flyte.org/control-plane-uid": "cp-uid"],
            ],
        ]
        #expect(objects[0].json == expected)
        #expect(objects[0].namespace == nil && objects[0].isMetadataOnly)
    }

    static let identities: [(WorkloadIdentity, String, String)] = [
        (
            .init(aws: .init(roleARN: "arn:aws:iam::1:role/flyte-{{ project }}-{{ domain }}")),
            "eks.amazonaws.com/role-arn",
            "arn:aws:iam::1:role/flyte-project1-development"
        ),
        (
            .init(gcp: .init(serviceAccount: "gsa-{{ domain }}@proj.iam.gserviceaccount.com")),
            "iam.gke.io/gcp-service-account", "gsa-development@proj.iam.gserviceaccount.com"
        ),
        (.init(azure: .init(clientID: "{{ client }}")), "azure.workload.identity/client-id", "0000"),
    ]
    @Test(
        "With an identity the default ServiceAccount gets our labels and one annotation",
        arguments: identities)
    func identity(_ entry: (identity: WorkloadIdentity, key: String, value: String)) throws {
        let objects = render(renderer(.standard, entry.identity), ["client": "0000"]).objects
        #expect(objects.map(\.description) == ["namespaces/project1-development", "serviceaccounts/default"])
        let expected: JSON = [
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": [
                "name": "default", "namespace": "project1-development", "labels": Self.labels,
                "annotations": .object([entry.key: .string(entry.value)]),
            ],
        ]
        #expect(objects[1].json == expected)
    }

    @Test("Blanks around a role are left out, in the identity and in its values")
    func blanks() {
        let renderer = renderer(.standard, .init(aws: .init(roleARN: " arn:aws:iam::1:role/{{ role }}\n")))
        #expect(
            render(renderer, ["role": "x "]).objects[1].annotations == [
                "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"
            ])
    }

    @Test("An identity with an unresolved placeholder keeps back the ServiceAccount alone")
    func unresolvedIdentity() {
        let standard = render(renderer(.standard, .init(aws: .init(roleARN: "{{ nothing }}"))))
        #expect(standard.objects.map(\.description) == ["namespaces/project1-development"])
        let refusal = RenderedNamespace.Refusal(
            object: "spec.workloadIdentity", reason: .placeholderUnresolved, message: "no value for {{ nothing }}")
        #expect(standard.refused == [refusal])
        // Also where a template has the account: half of it would look like all of it.
        let account = set("{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}")
        let joined = render(renderer(account, .init(aws: .init(roleARN: "{{ nothing }}"))))
        #expect(joined.objects.map(\.description) == ["namespaces/project1-development"])
        #expect(joined.refused == [refusal])
    }

    @Test("An unresolved placeholder holds back its object alone and is named with its line")
    func unresolved() {
        let rendered = renderer(TemplateSet(files: flyteTemplates)).render(
            key, namespace: "project1-development",
            values: ["namespace": "project1-development", "defaultIamRole": "r"],
            missing: ["projectQuotaCpu": "valuesFrom: Secret s has no key k", "other": "never said"])
        #expect(
            rendered.objects.map(\.description) == ["namespaces/project1-development", "serviceaccounts/default"])
        #expect(
            rendered.refused == [
                .init(
                    object: "ab_project_resource_quota.yaml, line 1: ResourceQuota (v1) project-quota",
                    reason: .placeholderUnresolved,
                    message: "no value for {{ projectQuotaCpu }}, {{ projectQuotaMemory }}; projectQuotaCpu: "
                        + "valuesFrom: Secret s has no key k (line 8)")
            ])
    }

    @Test("Without its Namespace nothing of a namespace is applied")
    func unresolvedNamespace() {
        let labelled =
            "{apiVersion: v1, kind: Namespace, metadata: {name: {{ namespace }}, labels: {team: {{ team }}}}}"
        let set = TemplateSet(files: [
            "a.yaml": labelled, "b.yaml": flyteTemplates["aab_default_service_account.yaml"] ?? "",
        ])
        let rendered = render(renderer(set), ["defaultIamRole": "r"])
        #expect(rendered.objects.isEmpty)
        #expect(rendered.refused.map(\.object) == ["a.yaml, line 1: Namespace (v1) {{ namespace }}"])
        #expect(render(renderer(set), ["defaultIamRole": "r", "team": "t"]).objects.count == 2)
    }

    @Test("What can only be wrong after substitution keeps back its object alone")
    func brokenByValue() {
        let set = set(
            """
            {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "1", {{ k }}: "2"}}
            ---
            {apiVersion: v1, kind: ConfigMap, metadata: {name: d}}
            """)
        let rendered = render(renderer(set), ["k": "a"])
        #expect(rendered.objects.map(\.description) == ["namespaces/project1-development", "configmaps/d"])
        #expect(rendered.refused.map(\.reason) == [.templateInvalid])
    }

    @Test("What an unreadable template may have of the Namespace is left as it is")
    func standIn() throws {
        func namespace(_ files: [String: String]) -> DesiredObject {
            render(renderer(TemplateSet(files: files))).objects[0]
        }
        let (complete, standIn) = (namespace([:]), namespace(["a.yaml": "["]))
        #expect(complete.json == standIn.json && complete.hash == standIn.hash)
        var observed = ObjectMeta(name: "project1-development")
        (observed.labels, observed.annotations) = (complete.labels, complete.annotations)
        observed.managedFields = [
            ManagedFieldsEntry(
                manager: "squadron", operation: "Apply", apiVersion: "v1",
                fieldsV1: ["f:metadata": ["f:labels": ["f:team": [:]]]])
        ]
        #expect(!complete.matches(observed) && standIn.matches(observed))
        observed.labels = [:]
        #expect(!standIn.matches(observed))
    }

    @Test("Flyte's own templates render, with the identity joined to its ServiceAccount")
    func flyte() throws {
        let renderer = renderer(TemplateSet(files: flyteTemplates), .init(gcp: .init(serviceAccount: "g@p")))
        let rendered = render(
            renderer, ["defaultIamRole": "arn:r", "projectQuotaCpu": "5", "projectQuotaMemory": "4Gi"])
        #expect(rendered.refused.isEmpty)
        #expect(
            rendered.objects.map(\.description) == [
                "namespaces/project1-development", "resourcequotas/project-quota", "serviceaccounts/default",
            ])
        #expect(rendered.objects[1].json[path: ["spec", "hard"]] == ["limits.cpu": "5", "limits.memory": "4Gi"])
        #expect(
            rendered.objects[2].annotations == [
                "eks.amazonaws.com/role-arn": "arn:r", "iam.gke.io/gcp-service-account": "g@p",
            ])
        #expect(rendered.objects[0].isMetadataOnly && !rendered.objects[1].isMetadataOnly)
        #expect(rendered.objects.allSatisfy { $0.labels.count == 3 })
    }

    @Test("Objects that can't be applied there are refused with a reason; others are not")
    func refused() throws {
        let set = set(
            """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: elsewhere, namespace: kube-system}
            ---
            apiVersion: v1
            kind: Namespace
            metadata: {name: another}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: all}
            ---
            apiVersion: example.com/v1
            kind: Widget
            metadata: {name: w}
            ---
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: "{{ evil }}"}
            ---
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: good}
            ---
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: good}
            """)
        let rendered = render(renderer(set), ["evil": "../../secrets"])
        #expect(rendered.objects.map(\.description) == ["namespaces/project1-development", "configmaps/good"])
        #expect(rendered.objects[1].json[path: ["metadata", "namespace"]] == "project1-development")
        #expect(
            rendered.refused.map(\.reason) == [
                .templateInvalid, .templateInvalid, .templateInvalid, .kindNotServed, .invalid, .templateInvalid,
            ])
        #expect(rendered.refused[3].object == "t.yaml, line 13: Widget (example.com/v1) w")
    }

    @Test("A kind that discovery found is applied")
    func discovered() throws {
        let set = set("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}")
        var kinds = RESTMapper.wellKnown
        kinds.add(
            ResourceType(group: "example.com", version: "v1", kind: "Widget", plural: "widgets", isNamespaced: true))
        let renderer = Renderer(templates: set, identity: nil, controlPlaneUID: "u", kinds: kinds)
        #expect(
            render(renderer).objects.map(\.description) == [
                "namespaces/project1-development", "widgets.example.com/w",
            ])
    }

    @Test("The hash is equal for equal objects in every process and differs with a change")
    func hash() throws {
        let first = render(renderer()).objects[0]
        #expect(first.hash == (render(renderer()).objects[0].hash))
        var hash = StableHash()
        hash.combine("foobar".utf8)
        #expect(hash.value == 0x85944171f73967e8)
        let other = Renderer(templates: .standard, identity: nil, controlPlaneUID: "other")
        #expect(render(other).objects[0].hash != first.hash)
    }

    @Test("Observed metadata matches when all that we want is there with our values")
    func matching() throws {
        let wanted = render(renderer(.standard, .init(aws: .init(roleARN: "r")))).objects[1]
        var observed = ObjectMeta(name: "default", namespace: "project1-development")
        #expect(!wanted.matches(observed))
        observed.labels = wanted.labels.merging(["other": "label"]) { a, _ in a }
        #expect(!wanted.matches(observed))
        observed.annotations = ["eks.amazonaws.com/role-arn": "r", "other": "annotation"]
        #expect(wanted.matches(observed))
        observed.annotations?["eks.amazonaws.com/role-arn"] = "changed"
        #expect(!wanted.matches(observed))
        observed.annotations?["eks.amazonaws.com/role-arn"] = "r"
        // A label that was in a template once is still ours: to be given up.
        func owned(_ fields: JSON, by manager: String = "squadron") -> ManagedFieldsEntry {
            ManagedFieldsEntry(
                manager: manager, operation: "Apply", apiVersion: "v1", fieldsV1: ["f:metadata": fields])
        }
        let ours = JSON.object(Dictionary(uniqueKeysWithValues: wanted.labels.keys.map { ("f:" + $0, [:]) }))
        let more: JSON = ["f:labels": ["f:once": [:]]]
        observed.managedFields = [
            owned(["f:labels": ours, "f:annotations": ["f:eks.amazonaws.com/role-arn": [:], ".": [:]]]),
            owned(more, by: "other"),
        ]
        #expect(wanted.matches(observed))
        observed.managedFields?.append(owned(more))
        #expect(!wanted.matches(observed))
        observed.managedFields = nil
        observed.deletionTimestamp = Timestamp(now)
        #expect(!wanted.matches(observed))
    }

    @Test("Values are layered as the contract says, and the system's names can't be set")
    func layers() {
        var registry = ClusterRegistrySpec()
        registry.values = ["a": "1", "b": "1", "c": "1", "d": "1", "e": "1", "project": "evil"]
        registry.domainValues = ["dev": ["b": "2", "c": "2", "d": "2", "e": "2"], "prod": ["a": "never"]]
        var project = FlyteProjectSpec(project: "p")
        project.values = ["c": "3", "d": "3", "e": "3"]
        project.domainValues = ["dev": ["d": "4", "e": "4"]]
        var plane = DataPlaneSpec()
        plane.values = ["e": 5, "namespace": "evil"]
        let values = ValueLayers(registry: registry, project: project, dataPlane: plane)
            .values(for: .init(project: "p", domain: "dev"), namespace: "p-dev")
        #expect(
            values == [
                "a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "project": "p", "domain": "dev", "namespace": "p-dev",
            ])
    }

    @Test("An object's own values beat those from elsewhere; missing sources are named")
    func sources() {
        var registry = ClusterRegistrySpec()
        registry.import = FlyteImport(templateData: ["a": "flyte", "b": "flyte"], customData: ["dev": ["c": "flyte"]])
        registry.values = ["b": "own"]
        registry.domainValues = ["dev": ["d": "own"]]
        func source(_ name: String) -> ValueSource {
            ValueSource(name: name, configMapKeyRef: KeyReference(name: "cm", key: name))
        }
        registry.valuesFrom = [source("e"), source("b"), source("f")]
        let layers = ValueLayers(registry: registry, project: nil, dataPlane: DataPlaneSpec()) {
            $0.name == "f" ? .missing("ConfigMap cm has no key f") : .text("from")
        }
        var values = layers.values(for: .init(project: "p", domain: "dev"), namespace: "p-dev")
        for system in ["project", "domain", "namespace"] { values[system] = nil }
        #expect(values == ["a": "flyte", "b": "own", "c": "flyte", "d": "own", "e": "from"])
        #expect(layers.missing(for: "dev") == ["f": "valuesFrom: ConfigMap cm has no key f"])
        #expect(!layers.isPending)
        // What it was to replace does not come back: neither within the object nor from a weaker one.
        registry.import?.templateData["f"] = "flyte"
        registry.values["g"] = "weaker"
        var plane = DataPlaneSpec()
        plane.valuesFrom = [source("g"), source("h")]
        plane.values = ["h": "own"]
        let without = ValueLayers(registry: registry, project: nil, dataPlane: plane) {
            ["f", "g", "h"].contains($0.name) ? .missing("gone") : .text("from")
        }
        let left = without.values(for: .init(project: "p", domain: "dev"), namespace: "p-dev")
        #expect(left["f"] == nil && left["g"] == nil && left["h"] == "own" && left["a"] == "flyte")
        #expect(without.missing(for: "dev") == ["f": "valuesFrom: gone", "g": "valuesFrom: gone"])
        let pending = ValueLayers(registry: registry, project: nil, dataPlane: DataPlaneSpec()) { _ in .pending }
        #expect(pending.isPending)
    }

    @Test("Content beyond metadata is recognised by its hash and by managedFields")
    func contentMatches() throws {
        let quota = render(
            renderer(
                set(
                    """
                    apiVersion: v1
                    kind: ResourceQuota
                    metadata: {name: q}
                    spec: {hard: {limits.cpu: "5"}}
                    """))
        ).objects[1]
        var observed = ObjectMeta(name: "q", namespace: "project1-development")
        (observed.labels, observed.annotations) = (quota.labels, quota.annotations)
        #expect(quota.annotations.keys.contains(Ownership.appliedHashAnnotation))
        #expect(!quota.matches(observed))
        func owned(_ fields: JSON, by manager: String = "squadron") -> ManagedFieldsEntry {
            ManagedFieldsEntry(manager: manager, operation: "Apply", apiVersion: "v1", fieldsV1: fields)
        }
        observed.managedFields = [owned(["f:spec": ["f:hard": ["f:limits.cpu": [:]]]], by: "other")]
        #expect(!quota.matches(observed))
        observed.managedFields?.append(owned(["f:spec": ["f:hard": ["f:limits.cpu": [:]]]]))
        #expect(quota.matches(observed))
        observed.annotations?[Ownership.appliedHashAnnotation] = "0"
        #expect(!quota.matches(observed))
    }

    @Test("A Secret's stringData is stored as data, where managedFields can follow it")
    func stringData() throws {
        let set = set(
            """
            apiVersion: v1
            kind: Secret
            metadata: {name: s}
            data: {a: QQ==}
            stringData: {b: "{{ b }}"}
            """)
        let secret = render(renderer(set), ["b": "x: {y"]).objects[1]
        #expect(secret.json["data"] == ["a": "QQ==", "b": "eDoge3k="] && secret.json["stringData"] == nil)
    }

    @Test("Cluster-scoped objects are refused unless the registry allows them")
    func clusterScoped() throws {
        let set = set(
            """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: "flyte-{{ namespace }}"}
            rules: []
            """)
        #expect(render(renderer(set)).refused.map(\.reason) == [.templateInvalid])
        let allowing = Renderer(templates: set, identity: nil, controlPlaneUID: "u", allowsClusterScoped: true)
        let rendered = render(allowing)
        #expect(rendered.refused.isEmpty && rendered.objects.map(\.namespace) == [nil, nil])
        #expect(rendered.objects[1].name == "flyte-project1-development")
    }

    @Test("Project-domains share a namespace if they want the same in it, whoever's it is")
    func sharing() throws {
        let renderer = Renderer(
            templates: set("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {x: '{{ x }}'}}"),
            identity: nil, controlPlaneUID: "u")
        func rendered(_ project: String, _ x: String) -> RenderedNamespace {
            let key = ProjectDomain(project: project, domain: "production")
            let values = ["x": x, "project": project, "domain": "production", "namespace": "production"]
            return renderer.render(key, namespace: "production", values: values)
        }
        #expect(rendered("a", "1").difference(from: rendered("b", "1")) == nil)
        #expect(rendered("a", "1").difference(from: rendered("b", "2")) == "configmaps/c")
    }
}
