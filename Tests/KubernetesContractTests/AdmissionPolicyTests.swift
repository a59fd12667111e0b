import FoundationEssentials
import JSON
import TestSupport
import Testing
import YAML

@testable import DevCluster

/// A ValidatingAdmissionPolicy of manifests/components, as far as it can be tried without an API server that has them:
/// by devcluster's CEL.
private struct Policy {
    private let spec: JSON
    static let ours = ["admission-policies/deployments", "data-plane-admission-policies/objects"]

    static func documents(_ file: String) throws -> [JSON] {
        let folder = OurDefinitions.folder.deletingLastPathComponent().appending(path: "components")
        let text = String(decoding: try Data(contentsOf: folder.appending(path: "\(file).yaml")), as: UTF8.self)
        return try YAML.documents(text).map { try $0.json() }
    }

    init(_ file: String) throws {
        let policy = try Self.documents(file).first { $0["kind"] == "ValidatingAdmissionPolicy" }
        spec = try #require(policy?["spec"])
    }

    var expressions: [String] {
        ["matchConditions", "variables", "validations"].flatMap { spec[$0]?.array ?? [] }
            .compactMap { $0["expression"]?.string }
    }

    struct Request {
        var user = "system:serviceaccount:flyte:squadron"
        var isGuarded = true
        var operation = "UPDATE"
        var group = ""
        var resource: String
        var namespace: String?
        var before: JSON?
        var after: JSON?
    }

    /// Why the request is refused. Nil if it is allowed or the policy is not for it. A request that can't be evaluated is
    /// refused, as with `failurePolicy: Fail`.
    func objection(_ request: Request) throws -> String? {
        var attributes: JSON = [
            "operation": .string(request.operation), "userInfo": ["username": .string(request.user)],
            "resource": ["group": .string(request.group), "resource": .string(request.resource)],
        ]
        attributes["namespace"] = request.namespace.map { JSON.string($0) }
        var known: [(name: String, value: CELValue)] = [
            ("request", Self.value(attributes)), ("object", Self.value(request.after ?? JSON.null)),
            ("oldObject", Self.value(request.before ?? JSON.null)), ("isGuarded", .bool(request.isGuarded)),
        ]
        func evaluate(_ source: String) throws -> CELValue {
            // devcluster's CEL has no authorizer.
            let check = "authorizer.group('multicluster.flyte.org').resource('guardedaccounts').check('be').allowed()"
            let expression = try CELParser.parse(source.replacing(check, with: "isGuarded"))
            var evaluator = CELEvaluator(variables: known)
            return try evaluator.evaluate(expression)
        }
        func isTrue(_ source: String) throws -> Bool {
            if case .bool(true) = try evaluate(source) { true } else { false }
        }
        for condition in spec["matchConditions"]?.array ?? [] {
            if try !isTrue(condition["expression"]?.string ?? "") { return nil }
        }
        var variables: [CELEntry] = []
        for variable in spec["variables"]?.array ?? [] {
            guard let name = variable["name"]?.string, let value = try? evaluate(variable["expression"]?.string ?? "")
            else { continue }
            variables.append(CELEntry(key: .string(name), value: value))
            known.removeAll { $0.name == "variables" }
            known.append(("variables", .map(variables)))
        }
        for validation in spec["validations"]?.array ?? [] {
            let holds = (try? isTrue(validation["expression"]?.string ?? "")) ?? false
            if !holds { return validation["message"]?.string ?? "" }
        }
        return nil
    }

    private static func value(_ json: JSON) -> CELValue {
        switch json {
        case .null: .null
        case .bool(let flag): .bool(flag)
        case .int(let number): .int(number)
        case .double(let number): .double(number)
        case .string(let text): .string(text)
        case .array(let elements): .list(CELList(elements.map(value)))
        case .object(let members):
            .map(
                members.sorted { $0.key < $1.key }.map { CELEntry(key: .string($0.key), value: value($0.value)) })
        }
    }
}

@Suite("Contract: admission policies", .timeLimit(.minutes(3 * patience)))
struct AdmissionPolicyTests {
    private static let deployment: JSON = [
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": ["name": "flyteadmin", "labels": ["app": "flyteadmin"]],
        "spec": [
            "replicas": 1, "selector": ["matchLabels": ["app": "flyteadmin"]], "strategy": ["type": "RollingUpdate"],
            "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "template": [
                "metadata": ["labels": ["app": "flyteadmin"], "annotations": ["configChecksum": "1"]],
                "spec": ["containers": [["name": "flyteadmin", "image": "flyteadmin:1"]]],
            ],
        ],
    ]
    private static func changed(_ object: JSON, _ path: [String], _ value: JSON) -> JSON {
        var object = object
        object[path: path] = value
        return object
    }
    private static let annotations = ["spec", "template", "metadata", "annotations"]

    @Test("Each expression parses, and each policy is bound", arguments: Policy.ours)
    func parses(_ file: String) throws {
        for expression in try Policy(file).expressions {
            #expect(throws: Never.self, "\(expression)") { _ = try CELParser.parse(expression) }
        }
        let documents = try Policy.documents(file)
        let name = documents.first { $0["kind"] == "ValidatingAdmissionPolicy" }?[path: ["metadata", "name"]]
        let binding = documents.first { $0["kind"] == "ValidatingAdmissionPolicyBinding" }
        #expect(name != nil && binding?[path: ["spec", "policyName"]] == name)
        #expect(binding?[path: ["spec", "validationActions"]] == ["Deny"])
    }

    @Test("The operator's account changes only its two annotations of a Deployment")
    func deployments() throws {
        let policy = try Policy("admission-policies/deployments")
        func objection(_ after: JSON, before: JSON = Self.deployment, user: String? = nil) throws -> String? {
            var request = Policy.Request(
                group: "apps", resource: "deployments", namespace: "flyte", before: before, after: after)
            if let user { request.user = user }
            return try policy.objection(request)
        }
        let restarted = Self.changed(
            Self.deployment, Self.annotations,
            [
                "configChecksum": "1", "multicluster.flyte.org/clusters-checksum": "x",
                "multicluster.flyte.org/restarted-at": "2026-01-02T03:04:05Z",
            ])
        #expect(try objection(Self.deployment) == nil)
        #expect(try objection(restarted) == nil)
        #expect(try objection(Self.deployment, before: restarted) == nil)
        let bare = Self.changed(Self.deployment, ["spec", "template", "metadata"], ["labels": ["app": "flyteadmin"]])
        #expect(try objection(restarted, before: bare) != nil, "it brings an annotation that was not there")
        #expect(
            try objection(
                Self.changed(bare, Self.annotations, ["multicluster.flyte.org/restarted-at": "x"]), before: bare) == nil
        )
        let image = Self.changed(
            Self.deployment, ["spec", "template", "spec", "containers"], [["name": "flyteadmin", "image": "evil:1"]])
        let others: [JSON] = [
            image, Self.changed(Self.deployment, ["spec", "template", "spec", "serviceAccountName"], "other"),
            Self.changed(Self.deployment, Self.annotations, ["configChecksum": "2"]),
            Self.changed(Self.deployment, Self.annotations, [:]),
            Self.changed(Self.deployment, Self.annotations + ["vault.hashicorp.com/agent-inject"], "true"),
            Self.changed(Self.deployment, ["spec", "template", "metadata", "labels", "x"], "y"),
            Self.changed(Self.deployment, ["spec", "replicas"], 0),
            Self.changed(Self.deployment, ["spec", "paused"], true),
            Self.changed(Self.deployment, ["spec", "strategy"], ["type": "Recreate"]),
            Self.changed(Self.deployment, ["metadata", "labels", "x"], "y"),
            Self.changed(Self.deployment, ["metadata", "annotations"], ["x": "y"]),
            Self.changed(Self.deployment, ["metadata", "ownerReferences"], [["kind": "x"]]),
        ]
        for other in others { #expect(try objection(other) != nil, "\(other)") }
        #expect(try objection(image, user: "system:serviceaccount:flyte:helm") == nil, "not the operator")
        #expect(try objection(image, user: "system:serviceaccount:other:squadron") == nil, "another namespace's")
        for operation in ["CREATE", "DELETE"] {
            let request = Policy.Request(
                operation: operation, group: "apps", resource: "deployments", namespace: "flyte",
                before: operation == "DELETE" ? Self.deployment : nil,
                after: operation == "CREATE" ? Self.deployment : nil)
            #expect(try policy.objection(request) != nil, "\(operation)")
        }
    }

    private static let labels: JSON = [
        "app.kubernetes.io/managed-by": "squadron", "multicluster.flyte.org/project": "p",
        "multicluster.flyte.org/domain": "d",
    ]
    private static func object(_ name: String, _ more: JSON = [:], labels: JSON? = AdmissionPolicyTests.labels) -> JSON
    {
        var object: JSON = ["metadata": ["name": .string(name)]]
        object[path: ["metadata", "labels"]] = labels
        for (key, value) in more.object ?? [:] { object[key] = value }
        return object
    }

    @Test("In a data plane the account writes only what has our labels, and not in kube-*")
    func objects() throws {
        let policy = try Policy("data-plane-admission-policies/objects")
        func objection(
            _ operation: String, _ resource: String, in namespace: String?, _ before: JSON?, _ after: JSON?,
            group: String = "", _ change: (inout Policy.Request) -> Void = { _ in }
        ) throws -> String? {
            var request = Policy.Request(
                operation: operation, group: group, resource: resource, namespace: namespace, before: before,
                after: after)
            change(&request)
            return try policy.objection(request)
        }
        let ours = Self.object("q")
        let foreign = Self.object("q", labels: nil)
        #expect(try objection("CREATE", "namespaces", in: nil, nil, Self.object("p-d")) == nil)
        #expect(try objection("UPDATE", "namespaces", in: "p-d", foreign, Self.object("p-d")) == nil, "adopted")
        #expect(try objection("CREATE", "namespaces", in: nil, nil, Self.object("p-d", labels: nil)) != nil)
        #expect(try objection("UPDATE", "namespaces", in: "kube-system", ours, Self.object("kube-system")) != nil)
        #expect(try objection("DELETE", "namespaces", in: "p-d", Self.object("p-d"), nil) != nil)
        #expect(try objection("CREATE", "resourcequotas", in: "p-d", nil, ours) == nil)
        #expect(try objection("CREATE", "resourcequotas", in: "p-d", nil, foreign) != nil)
        #expect(try objection("CREATE", "resourcequotas", in: "kube-public", nil, ours) != nil)
        #expect(try objection("DELETE", "configmaps", in: "p-d", ours, nil) == nil)
        #expect(try objection("DELETE", "configmaps", in: "p-d", foreign, nil) != nil)
        // The flytepropeller's account, in the namespace where the token's own account is.
        #expect(try objection("UPDATE", "serviceaccounts", in: "flyte", foreign, foreign) != nil)
        // What the operator does with its Role where the control plane is a data plane too, and questions about itself.
        #expect(try objection("UPDATE", "configmaps", in: "flyte", foreign, foreign) == nil)
        #expect(
            try objection(
                "CREATE", "selfsubjectrulesreviews", in: nil, nil, foreign, group: "authorization.k8s.io") == nil)
        #expect(try objection("UPDATE", "namespaces", in: "x", foreign, foreign) { $0.isGuarded = false } == nil)
        #expect(try objection("UPDATE", "namespaces", in: "x", foreign, foreign) { $0.user = "admin" } == nil)
        #expect(
            try objection("UPDATE", "namespaces", in: "x", foreign, foreign) {
                $0.user = "system:serviceaccount:other:squadron2"
            } == nil)
    }

    @Test("Of a `default` ServiceAccount only labels, annotations, imagePullSecrets change")
    func defaultAccounts() throws {
        let policy = try Policy("data-plane-admission-policies/objects")
        func objection(_ operation: String, _ before: JSON?, _ after: JSON?) throws -> String? {
            try policy.objection(
                Policy.Request(
                    operation: operation, resource: "serviceaccounts", namespace: "p-d", before: before, after: after))
        }
        let fresh = Self.object("default", labels: nil)
        let pulls: JSON = ["imagePullSecrets": [["name": "pull"]]]
        #expect(try objection("UPDATE", fresh, Self.object("default")) == nil)
        #expect(try objection("UPDATE", fresh, Self.object("default", pulls)) == nil)
        #expect(try objection("CREATE", nil, Self.object("default", pulls)) == nil)
        for more: JSON in [["secrets": [["name": "s"]]], ["automountServiceAccountToken": false]] {
            let other = Self.object("default", more)
            #expect(try objection("UPDATE", fresh, other) != nil)
            #expect(try objection("UPDATE", other, Self.object("default")) != nil)
            #expect(try objection("UPDATE", other, other) == nil)
            #expect(try objection("CREATE", nil, other) != nil)
        }
        #expect(try objection("DELETE", Self.object("default"), nil) != nil)
        #expect(try objection("UPDATE", Self.object("other"), Self.object("other", ["secrets": []])) == nil)
    }

    /// For real servers only: devcluster has no admission policies.
    @Test(
        "A real server takes the policies and refuses what they forbid the operator",
        arguments: ServerKind.atHand.filter { $0 != .devcluster })
    func real(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let root = "/apis/admissionregistration.k8s.io/v1"
        guard try await api.get("\(root)/validatingadmissionpolicies").status == 200 else { return }  // before 1.30
        let plurals = [
            "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
            "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
        ]
        var made: [String] = []
        for document in try Policy.ours.flatMap(Policy.documents) {
            let kind = try #require(plurals[document["kind"]?.string ?? ""])
            let path = "\(root)/\(kind)/\(document[path: ["metadata", "name"]]?.string ?? "")"
            let answer = try await api.apply("contract", path, document, force: true)
            #expect([200, 201].contains(answer.status), "\(answer)")
            #expect(answer.warnings.isEmpty, "\(answer.warnings)")
            made.append(path)
        }
        do {
            try await api.withNamespace { try await refusals(api, $0) }
        } catch {
            for path in made { _ = try? await api.delete(path) }
            throw error
        }
        for path in made { try await api.delete(path).require(200) }
    }

    /// With every right, so that only the policies can refuse.
    private func refusals(_ api: ContractClient, _ namespace: String) async throws {
        try await api.post(
            Objects.core(namespace, "serviceaccounts"),
            ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "squadron"]]
        ).require(201)
        let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
        try await api.post(
            binding,
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": ["name": .string(namespace)],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"],
                "subjects": [["kind": "ServiceAccount", "name": "squadron", "namespace": .string(namespace)]],
            ]
        ).require(201)
        let token = try await api.post(
            Objects.core(namespace, "serviceaccounts", "squadron") + "/token",
            ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": [:]]
        ).require(201)
        let squadron = try await api.with(token: try #require(token["status", "token"]?.string))
        let deployments = Objects.group("apps/v1", namespace, "deployments")
        var deployment = Self.deployment
        deployment[path: ["metadata", "namespace"]] = .string(namespace)
        try await api.post(deployments, deployment).require(201)
        func patch(_ body: JSON) async throws -> Int {
            try await squadron.patch(.merge, "\(deployments)/flyteadmin", body).status
        }
        // A policy takes effect some time after it was created. Until it refuses what it should, the test waits.
        try await eventually("the policy refuses", within: .seconds(60), every: .milliseconds(200)) {
            guard try await patch(["spec": ["replicas": 0]]) == 200 else { return true }
            _ = try await api.patch(.merge, "\(deployments)/flyteadmin", ["spec": ["replicas": 1]])
            return false
        }
        let restart: JSON = ["multicluster.flyte.org/restarted-at": "2026-01-02T03:04:05Z"]
        #expect(try await patch(["spec": ["template": ["metadata": ["annotations": restart]]]]) == 200)
        #expect(try await patch(["spec": ["template": ["metadata": ["annotations": ["x": "y"]]]]]) == 422)
        #expect(try await patch(["spec": ["template": ["spec": ["serviceAccountName": "other"]]]]) == 422)
        try await api.withNamespace { other in
            let maps = Objects.core(other, "configmaps")
            let labels = ["multicluster.flyte.org/project": "p", "multicluster.flyte.org/domain": "d"]
            let ours = Objects.configMap("ours", labels: labels)
            try await squadron.post(maps, ours).require(201)
            // Each policy takes effect at its own time.
            try await eventually("the other policy refuses", within: .seconds(60), every: .milliseconds(200)) {
                guard try await squadron.post(maps, Objects.configMap("foreign")).status == 201 else { return true }
                try await api.delete("\(maps)/foreign").require(200)
                return false
            }
            try await squadron.post(maps, Objects.configMap("foreign")).require(422)
            try await squadron.post(Objects.core("kube-system", "configmaps"), ours).require(422)
        }
        try await api.delete("\(binding)/\(namespace)").require(200)
    }
}
