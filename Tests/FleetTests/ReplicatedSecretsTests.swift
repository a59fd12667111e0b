import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("Secrets that are copied into every namespace")
struct ReplicatedSecretsTests {
    private static let value = "correct horse battery staple"

    private static func secret(
        _ value: String = Self.value, use: String? = "replicate", type: String = "Opaque"
    ) -> SecretContent {
        SecretContent(
            ["password": Sensitive(value)], type: type, labels: use.map { [SecretUse.label: $0] } ?? [:])
    }
    private static func replicated(
        _ entries: [SecretReplication], named: [String: SecretContent] = [:],
        labelled: SecretReading<[String: LabelledSecret]> = .unknown, credentials: Set<String> = [],
        previous: ReplicatedSecrets = .none
    ) -> ReplicatedSecrets {
        ReplicatedSecrets(
            entries, named: { named[$0].map { .present($0) } ?? .absent }, labelled: labelled,
            credentials: credentials, previous: previous)
    }

    @Test("A Secret by its name, and one that is not there")
    func named() {
        let found = Self.replicated(
            [.init(name: "pull"), .init(name: "gone")], named: ["pull": Self.secret()])
        #expect(found.contents.map(\.name) == ["pull"])
        #expect(found.problems == ["Secret gone does not exist"] && !found.isComplete && !found.isPending)
        let waiting = ReplicatedSecrets(
            [.init(name: "pull")], named: { _ in .unknown }, labelled: .unknown, credentials: [])
        #expect(waiting.isPending && !waiting.isComplete)
    }

    @Test("A selector matches all labels of a Secret")
    func selector() {
        let all: [String: LabelledSecret] = [
            "a": .init(content: Self.secret(), labels: ["team": "x", SecretUse.label: "replicate"]),
            "b": .init(content: Self.secret(), labels: ["team": "y", SecretUse.label: "replicate"]),
        ]
        func names(_ selector: LabelSelector) -> [String] {
            Self.replicated([.init(selector: selector)], labelled: .present(all)).contents.map(\.name)
        }
        #expect(names(.init()) == ["a", "b"])
        #expect(names(.init(matchLabels: ["team": "x"])) == ["a"])
        #expect(names(.init(matchExpressions: [.init("team", .isNotIn, ["x"])])) == ["b"])
        #expect(names(.init(matchExpressions: [.init("team", .exists), .init("team", .isIn, ["x", "z"])])) == ["a"])
        #expect(names(.init(matchExpressions: [.init("other", .doesNotExist)])) == ["a", "b"])
        let unreadable = Self.replicated([.init(selector: .init())], labelled: .unreadable("403"))
        #expect(unreadable.problems.first?.contains("components/replicate-secrets-selector") == true)
    }

    @Test("Credentials of data planes are never copied, whatever their label")
    func credentials() {
        let names = ["cluster-credentials", "squadron-credentials", "named", "unlabelled", "values", "account"]
        let found = Self.replicated(
            names.map { .init(name: $0) },
            named: [
                "cluster-credentials": Self.secret(), "squadron-credentials": Self.secret(), "named": Self.secret(),
                "unlabelled": Self.secret(use: nil), "values": Self.secret(use: "values"),
                "account": Self.secret(type: "kubernetes.io/service-account-token"),
            ], credentials: ["named"])
        #expect(found.contents.isEmpty && found.refusals.count == names.count && !found.isComplete)
        #expect(!"\(found)".contains(Self.value))
    }

    @Test("What is too much is left out, and said")
    func bounded() {
        let names = (0..<ReplicatedSecrets.most + 2).map { "s\(100 + $0)" }
        let found = Self.replicated(
            names.map { .init(name: $0) }, named: names.reduce(into: [:]) { $0[$1] = Self.secret() })
        #expect(found.contents.count == ReplicatedSecrets.most)
        #expect(found.problems.first?.hasPrefix("Secret s164 and those after it are left out") == true)
    }

    @Test("Equal Secrets share their content, and another value is another content")
    func sharing() {
        let first = Self.replicated([.init(name: "a")], named: ["a": Self.secret()])
        let same = Self.replicated([.init(name: "a")], named: ["a": Self.secret()], previous: first)
        #expect(same.contents[0] === first.contents[0] && same == first)
        let other = Self.replicated([.init(name: "a")], named: ["a": Self.secret("x")], previous: first)
        #expect(other != first && other.contents[0].digest != first.contents[0].digest)
        let moved = SecretContent(
            ["passwordcorrect horse": Sensitive(" battery staple")], type: "Opaque", labels: [:])
        #expect(ReplicatedContent(name: "a", moved).digest != first.contents[0].digest)
    }

    private func rendered(_ templates: TemplateSet = .standard, _ content: SecretContent = secret())
        -> RenderedNamespace
    {
        let copies = [ReplicatedContent(name: "pull", content)]
        let renderer = Renderer(templates: templates, identity: nil, controlPlaneUID: "cp-uid")
        return renderer.render(
            ProjectDomain(project: "p", domain: "d"), namespace: "p-d",
            values: ["project": "p", "domain": "d", "namespace": "p-d"], copies: copies)
    }

    @Test("A copy has name, type, values, our labels, and a hash that reveals no value")
    func copy() throws {
        let object = try #require(rendered(.standard, Self.secret(type: "kubernetes.io/basic-auth")).objects.last)
        let body = try JSON(parsing: object.body)
        #expect(object.description == "secrets/pull" && body["type"] == "kubernetes.io/basic-auth")
        #expect(body[path: ["data", "password"]]?.string == Base64.encode(Array(Self.value.utf8)))
        #expect(body[path: ["metadata", "namespace"]] == "p-d")
        #expect(Set(object.labels.keys) == [Ownership.managedByLabel, Ownership.projectLabel, Ownership.domainLabel])
        #expect(object.annotations[Ownership.appliedHashAnnotation]?.utf8.count == 40)
        // What is kept, compared and printed has no value.
        let shown = "\(object) \(object.json)"
        #expect(!shown.contains(Self.value) && !shown.contains(Base64.encode(Array(Self.value.utf8))))
        let kept = object.body(in: AppliedForm(keepsManagedBy: true))
        #expect(try JSON(parsing: kept)[path: ["data", "password"]] == body[path: ["data", "password"]])
    }

    @Test("The metadata of a copy tells whether it is as it should be")
    func matches() throws {
        let object = try #require(rendered().objects.last)
        func observed(_ fields: JSON, hash: String? = nil) throws -> ObjectMeta {
            var annotations = object.annotations
            if let hash { annotations[Ownership.appliedHashAnnotation] = hash }
            return try ObjectMeta(json: [
                "name": "pull", "namespace": "p-d", "labels": .object(object.labels.mapValues { .string($0) }),
                "annotations": .object(annotations.mapValues { .string($0) }),
                "managedFields": [
                    [
                        "manager": "squadron", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                        "fieldsV1": fields,
                    ]
                ],
            ])
        }
        #expect(object.matches(try observed(["f:data": ["f:password": [:]], "f:type": [:]])))
        #expect(
            !object.matches(try observed(["f:type": [:]])), "somebody else has the value now")
        #expect(!object.matches(try observed(["f:data": ["f:password": [:]], "f:type": [:]], hash: "other")))
    }

    @Test("A change of a copy is reported by the names of its fields alone")
    func comparison() throws {
        let object = try #require(rendered().objects.last)
        let metadata = try ObjectMeta(json: [
            "name": "pull", "namespace": "p-d", "labels": .object(object.labels.mapValues { .string($0) }),
            "annotations": .object(object.annotations.mapValues { .string($0) }),
        ])
        let whole: JSON = ["type": "Opaque", "data": ["password": .string(Base64.encode(Array("old".utf8)))]]
        let comparison = try #require(Comparison(of: object, with: metadata, content: whole))
        #expect(comparison.changes.map(\.path) == [".data.password"])
        #expect(!"\(comparison)".contains(Base64.encode(Array(Self.value.utf8))))
    }

    @Test("A Secret of the templates goes before a copy of that name")
    func collision() {
        let templates = TemplateSet(
            files: ["s.yaml": "{apiVersion: v1, kind: Secret, metadata: {name: pull}, stringData: {a: b}}"])
        let result = rendered(templates)
        #expect(result.objects.filter { $0.description == "secrets/pull" }.map { $0.copied == nil } == [true])
        #expect(result.refused.map(\.reason) == [.templateInvalid])
    }

    @Test("Copies need Secrets' rights in data planes; the registry says what holds one up")
    func rights() {
        #expect(!Permissions.required(by: .standard).contains { $0.resource == "secrets" })
        let verbs = Permissions.required(by: .standard, copies: true).filter { $0.resource == "secrets" }.map(\.verb)
        #expect(Set(verbs) == ["get", "list", "watch", "create", "patch"])
        var seen = RegistryFacts()
        seen.replicationProblem = "spec.replicateSecrets: Secret gone does not exist"
        let registry = ClusterRegistry(metadata: metadata("flyte"), spec: ClusterRegistrySpec())
        #expect(seen.findings(of: registry).last?.reason == "SyncFailed")
        seen.sourceNotAllowed = "spec.replicateSecrets: Secret cluster-credentials holds credentials"
        #expect(seen.findings(of: registry).last?.reason == "SourceNotAllowed")
    }
}
