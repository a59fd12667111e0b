import DevCluster
import HTTP
import JSON
import Kube
import KubeObjects
import Support

/// A Kubernetes API server that a test may do anything with.
protocol Server: Sendable {
    var name: String { get }
    var url: String { get }
    var caPEM: String { get }
    var adminToken: String { get }

}

extension DevCluster: Server {}

extension Server {
    var admin: Admin { Admin(self, token: adminToken) }
}

/// What a person with kubectl does, as one user of one server.
struct Admin: Sendable {
    let client: KubeClient

    init(_ server: some Server, token: String) {
        let transport = HTTPClient(
            HTTPClientConfiguration(
                tls: TLSConfiguration(caCertificates: Array(server.caPEM.utf8)), userAgent: "end-to-end"))
        client = KubeClient(
            server: server.url, transport: transport, authorization: StaticToken(Sensitive(token)),
            options: KubeClient.Options(userAgent: "end-to-end"))
    }

    /// Applies like `kubectl apply --server-side --force-conflicts`, into `flyte` if the object has no namespace.
    @discardableResult
    func apply(_ object: JSON, as manager: String = "kubectl", force: Bool = true) async throws -> JSON {
        let kind = try Kinds.named(object["kind"]?.string ?? "")
        return try await client.apply(
            object, type: kind, namespace: kind.isNamespaced ? Self.namespace(object) : nil,
            name: object[path: ["metadata", "name"]]?.string ?? "", fieldManager: manager, force: force)
    }

    func apply(_ objects: [JSON]) async throws { for object in objects { try await apply(object) } }

    func get(_ kind: String, _ name: String, in namespace: String? = nil) async throws -> JSON? {
        let kind = try Kinds.named(kind)
        do {
            return try await client.get(kind, namespace: kind.isNamespaced ? namespace ?? "flyte" : nil, name: name)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// JSON merge patch.
    func merge(_ kind: String, _ name: String, in namespace: String? = nil, _ change: JSON, subresource: String? = nil)
        async throws
    {
        let kind = try Kinds.named(kind)
        try await client.mergePatch(
            change, type: kind, namespace: kind.isNamespaced ? namespace ?? "flyte" : nil, name: name,
            subresource: subresource, fieldManager: "kubectl")
    }

    func delete(_ kind: String, _ name: String, in namespace: String? = nil) async throws {
        let kind = try Kinds.named(kind)
        try await client.delete(kind, namespace: kind.isNamespaced ? namespace ?? "flyte" : nil, name: name)
    }

    /// Every object of a kind, in all namespaces.
    func list(_ kind: String) async throws -> [JSON] {
        let type = try Kinds.named(kind)
        return try await client.raw(.get, type.path()).body["items"]?.array ?? []
    }

    /// A token of a ServiceAccount, as `kubectl create token` gets it.
    func token(of account: String, in namespace: String = "flyte") async throws -> String {
        let answer = try await client.raw(
            .post, Kinds.serviceAccount.path(namespace: namespace, name: account, subresource: "token"),
            body: ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": [:]])
        return answer.body[path: ["status", "token"]]?.string ?? ""
    }

    private static func namespace(_ object: JSON) -> String {
        object[path: ["metadata", "namespace"]]?.string ?? "flyte"
    }
}

/// The kinds that these tests touch.
enum Kinds {
    struct Unknown: Error { var kind: String }
    static let serviceAccount = core("ServiceAccount", "serviceaccounts")
    private static let all: [String: ResourceType] = {
        let rbac = "rbac.authorization.k8s.io"
        let flyte = "multicluster.flyte.org"
        func flyteKind(_ kind: String, _ plural: String) -> ResourceType {
            ResourceType(group: flyte, version: "v1alpha1", kind: kind, plural: plural, isNamespaced: true)
        }
        let types = [
            core("Namespace", "namespaces", namespaced: false), core("Secret", "secrets"), serviceAccount,
            core("ConfigMap", "configmaps"), core("ResourceQuota", "resourcequotas"), core("LimitRange", "limitranges"),
            ResourceType(group: "apps", version: "v1", kind: "Deployment", plural: "deployments", isNamespaced: true),
            ResourceType(group: rbac, version: "v1", kind: "Role", plural: "roles", isNamespaced: true),
            ResourceType(
                group: "networking.k8s.io", version: "v1", kind: "NetworkPolicy", plural: "networkpolicies",
                isNamespaced: true),
            ResourceType(group: rbac, version: "v1", kind: "RoleBinding", plural: "rolebindings", isNamespaced: true),
            ResourceType(group: rbac, version: "v1", kind: "ClusterRole", plural: "clusterroles", isNamespaced: false),
            ResourceType(
                group: rbac, version: "v1", kind: "ClusterRoleBinding", plural: "clusterrolebindings",
                isNamespaced: false),
            ResourceType(
                group: "multicluster.x-k8s.io", version: "v1alpha1", kind: "ClusterProfile", plural: "clusterprofiles",
                isNamespaced: true),
            ResourceType(
                group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition",
                plural: "customresourcedefinitions", isNamespaced: false),
            ResourceType(
                group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases", isNamespaced: true),
            ResourceType(group: "events.k8s.io", version: "v1", kind: "Event", plural: "events", isNamespaced: true),
            flyteKind("DataPlane", "dataplanes"), flyteKind("ExecutionLabel", "executionlabels"),
            flyteKind("ExecutionClusterLabel", "executionclusterlabels"), flyteKind("FlyteProject", "flyteprojects"),
            flyteKind("ClusterRegistry", "clusterregistries"),
        ]
        return Dictionary(uniqueKeysWithValues: types.map { ($0.kind, $0) })
    }()

    static func named(_ kind: String) throws -> ResourceType {
        guard let type = all[kind] else { throw Unknown(kind: kind) }
        return type
    }

    private static func core(_ kind: String, _ plural: String, namespaced: Bool = true) -> ResourceType {
        ResourceType(version: "v1", kind: kind, plural: plural, isNamespaced: namespaced)
    }
}
