import Fleet
import JSON
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
    }

    @Test("A label that other clusters have is refused; one with this cluster alone is left")
    func label() throws {
        #expect(try refusal(Self.request { $0.label = "label1" })?.contains("the weights there yourself") == true)
        let same = Self.request { ($0.name, $0.clusterName, $0.label) = ("old", "dataplane_1", "label1") }
        let plan = JoinPlan(same, try objects(Self.planes), clusterUID: "u1", secrets: [:])
        #expect(plan.refusal == nil && plan.hasLabel)
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
}
