import Fleet
import JSON
import Kube
import KubeObjects
import Testing

@testable import Console

@Suite("squadron join")
struct JoinTests {
    private static let planes = """
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: old, namespace: flyte}
        spec: {clusterName: dataplane_1, endpoint: "https://old"}
        status: {clusterUID: u1}
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: ExecutionLabel
        metadata: {name: label1, namespace: flyte}
        spec: {clusters: [{name: dataplane_1, weight: 1}]}

        """
    private static func request(_ change: (inout JoinRequest) -> Void = { _ in }) -> JoinRequest {
        var request = JoinRequest(
            name: "new", clusterName: "dataplane_2", endpoint: "https://new.example.com:6443", namespace: "flyte")
        change(&request)
        return request
    }
    private func refusal(
        _ request: JoinRequest, uid: String? = "u2", secret: JSON? = nil
    ) throws -> String? {
        let secrets = [request.secretName: try secret.map { try DynamicObject(json: $0) }]
        return JoinPlan(request, try objects(Self.planes), clusterUID: uid, secrets: secrets).refusal
    }

    @Test("A cluster that has another name already is refused, and so is a taken name")
    func twice() throws {
        #expect(try refusal(Self.request()) == nil)
        #expect(try refusal(Self.request(), uid: "u1")?.contains("DataPlane old is already") == true)
        #expect(try refusal(Self.request { $0.clusterName = "dataplane_1" })?.contains("has the cluster name") == true)
        let other = Self.request { ($0.name, $0.clusterName) = ("old", "dataplane_1") }
        #expect(try refusal(other, uid: "u2")?.contains("is another cluster") == true)
        #expect(try refusal(other, uid: "u1") == nil)
        // A context that reaches the cluster which an object without a status is for.
        let fresh = try objects(
            """
            ---
            apiVersion: multicluster.flyte.org/v1alpha1
            kind: DataPlane
            metadata: {name: fresh, namespace: flyte}
            spec: {endpoint: "https://new.example.com:6443"}
            ---
            apiVersion: multicluster.flyte.org/v1alpha1
            kind: DataPlane
            metadata: {name: gone, namespace: flyte, annotations: {multicluster.flyte.org/leaving: "true"}}
            spec: {endpoint: "https://gone"}

            """)
        let same = JoinPlan(Self.request(), fresh, clusterUID: "u2", secrets: [:])
        #expect(same.refusal?.contains("DataPlane fresh has the endpoint") == true)
        let leaving = JoinRequest(name: "gone", endpoint: "https://gone", namespace: "flyte")
        #expect(JoinPlan(leaving, fresh, clusterUID: "u2", secrets: [:]).refusal?.contains("is leaving") == true)
    }

    @Test("A label that other clusters have is refused; one with this cluster alone is left")
    func label() throws {
        #expect(try refusal(Self.request { $0.label = "label1" })?.contains("the weights there yourself") == true)
        let same = Self.request { ($0.name, $0.clusterName, $0.label) = ("old", "dataplane_1", "label1") }
        let plan = JoinPlan(same, try objects(Self.planes), clusterUID: "u1", secrets: [:])
        #expect(plan.refusal == nil && plan.hasLabel)
        let more = Self.planes.replacing(
            "[{name: dataplane_1, weight: 1}]", with: "[{name: dataplane_1, weight: 0.5}, {name: b, weight: 0.5}]")
        let again = JoinPlan(same, try objects(more), clusterUID: "u1", secrets: [:])
        #expect(again.refusal?.contains("dataplane_1 is in it already, so leave --label out") == true)
        #expect(try refusal(Self.request { $0.label = "label 2" }) != nil)
    }

    @Test("A Secret that another controller keeps is left, and the keys to add are named")
    func owned() throws {
        let secret: JSON = [
            "metadata": [
                "name": "cluster-credentials",
                "ownerReferences": [["kind": "ExternalSecret", "name": "clusters"]],
            ]
        ]
        let message = try refusal(Self.request(), secret: secret)
        #expect(message?.contains("ExternalSecret clusters") == true && message?.contains("dataplane_2_token") == true)
        #expect(message?.contains("hosts.dataplane_2: \"new.example.com:6443\"") == true)
    }

    @Test("Each document says which cluster it is for, and none holds a token")
    func documents() throws {
        let documents = Self.request { ($0.label, $0.mode) = ("GPU_label", .observe) }.documents(rules: [])
        for document in documents {
            let place = document[path: ["metadata", "annotations", "multicluster.flyte.org/apply-to"]]?.string
            let isOurs = document["apiVersion"]?.string?.hasPrefix("multicluster") == true
            #expect(place == (isOurs ? "control-plane" : "new"))
            #expect(document["data"] == nil && document["stringData"] == nil)
        }
        let plane = try #require(documents.first { $0["kind"] == "DataPlane" })
        #expect(plane[path: ["spec", "mode"]] == "Observe" && plane[path: ["spec", "unschedulable"]] == true)
        let label = try #require(documents.first { $0["kind"] == "ExecutionLabel" })
        #expect(label[path: ["metadata", "name"]] == "gpu-label" && label[path: ["spec", "label"]] == "GPU_label")
    }

    @Test("Where the registry watches propeller, the account may see that Deployment")
    func propeller() throws {
        var settings = FlyteHealthSettings()
        settings.enabled = true
        let roles = Self.request().watching(settings).documents(rules: []).filter {
            $0[path: ["metadata", "name"]] == "squadron-flyte-health"
        }
        #expect(roles.map { $0["kind"]?.string } == ["Role", "RoleBinding"])
        #expect(roles[0][path: ["metadata", "namespace"]] == "flyte")
        #expect(roles[0]["rules"]?[0]?["resourceNames"] == ["flytepropeller"])
    }

    @Test("With flyteadmin's own account, each account has its own rights and Secret")
    func twoAccounts() throws {
        let request = Self.request { $0.flyteAdminAccount = "flyteadmin" }
        #expect(request.accounts.map(\.secret) == ["squadron-credentials", "cluster-credentials"])
        let roles = request.documents(rules: []).filter { $0["kind"] == "ClusterRole" }
        let workflows = roles.filter {
            $0["rules"]?.array?.contains { $0["resources"] == ["flyteworkflows"] } ?? false
        }
        #expect(workflows.compactMap { $0[path: ["metadata", "name"]]?.string } == ["squadron-flyteadmin"])
        let plane = try #require(request.documents(rules: []).first { $0["kind"] == "DataPlane" })
        #expect(plane[path: ["spec", "credentials", "secretName"]] == "squadron-credentials")
        #expect(Self.request { $0.flyteAdminAccount = "squadron" }.problem != nil)
    }

    @Test("With the system's roots, the token has a Secret that the operator may read")
    func systemRoots() throws {
        let request = Self.request { ($0.usesSystemRoots, $0.flyteAdminAccount) = (true, "flyteadmin") }
        #expect(request.accounts.map(\.secret) == ["squadron-credentials-new"])
        let documents = request.controlPlaneObjects
        #expect(documents.compactMap { $0["kind"]?.string } == ["Role", "RoleBinding", "DataPlane"])
        #expect(documents[0][path: ["rules"]]?[0]?["resourceNames"] == ["squadron-credentials-new"])
        #expect(
            documents[2][path: ["spec", "credentials"]]
                == ["secretName": "squadron-credentials-new", "caCert": "System"])
        let plane = try DataPlane(json: documents[2])
        #expect(plane.spec.problems().isEmpty)
        var entries = JoinEntries(
            request: request, secretName: request.secretName, wanted: ["dataplane_2_token": "dA=="])
        guard case .create(let secret) = entries.change(nil) else {
            Issue.record("not created")
            return
        }
        // With caCert: System it holds one entry, and names the hosts.
        #expect(secret["data"] == ["dataplane_2_token": "dA=="])
        let annotations = secret[path: ["metadata", "annotations"]]
        #expect(annotations?["multicluster.flyte.org/hosts.dataplane_2"] == "new.example.com:6443")
        #expect(annotations?["multicluster.flyte.org/joined"] == "new")
    }

    @Test("An entry that is there stays; what is missing is added beside it")
    func entries() throws {
        var entries = JoinEntries(
            request: Self.request(), secretName: "cluster-credentials",
            wanted: ["dataplane_2_token": "dA==", "dataplane_2_cacert": "Yw=="])
        let hosts = "multicluster.flyte.org/hosts.dataplane_2"
        func secret(_ data: JSON, hosts value: String? = nil) throws -> DynamicObject {
            var metadata: JSON = ["name": "cluster-credentials"]
            if let value { metadata[path: ["annotations", hosts]] = .string(value) }
            return try DynamicObject(json: ["metadata": metadata, "data": data])
        }
        guard case .patch(let change) = entries.change(try secret(["dataplane_2_token": "b2xk", "x": "eA=="])) else {
            Issue.record("no patch")
            return
        }
        #expect(change["data"] == ["dataplane_2_cacert": "Yw=="] && entries.differs)
        let whole: JSON = ["dataplane_2_token": "dA==", "dataplane_2_cacert": "Yw=="]
        guard case .nothing = entries.change(try secret(whole, hosts: "new.example.com:6443")) else {
            Issue.record("written again")
            return
        }
        #expect(!entries.differs && entries.missing.isEmpty)
    }

    @Test("A missing right is reported as the rule that a role would have")
    func missingRule() {
        func error(_ code: Int, _ message: String) -> KubeError {
            KubeError(
                operation: "apply roles/x", cause: .status(APIStatus(code: code, reason: "Forbidden", message: message))
            )
        }
        let role = JoinRun.types["Role"]!
        let text = MissingRule.advice(error(403, "no"), ["create", "patch"], role)
        #expect(
            text.contains(
                "{apiGroups: [\"rbac.authorization.k8s.io\"], resources: [roles], verbs: [create, patch]}"), "\(text)")
        let escalation = error(403, "user \"x\" is attempting to grant RBAC permissions not currently held: {…}")
        #expect(MissingRule.advice(escalation, ["create"], role).contains("escalate"))
        #expect(MissingRule.advice(error(500, "no"), ["create"], role) == "")
    }

    @Test("An endpoint that the operator can't reach is named with the option that helps")
    func endpoint() {
        func condition(_ type: String, _ status: Condition.Status) -> Condition {
            Condition(
                type: type, status: status, reason: "ConnectFailed", message: "refused", observedGeneration: nil,
                lastTransitionTime: Timestamp(now))
        }
        let text = JoinAdvice.text([condition("Reachable", .isFalse)], Self.request())
        #expect(text?.contains("can't reach https://new.example.com:6443 (ConnectFailed: refused)") == true)
        #expect(text?.contains("--endpoint") == true)
        #expect(JoinAdvice.text([condition("Reachable", .isTrue)], Self.request()) == nil)
    }
}
