import Foundation
import HTTP
import JSON
import Kube
import KubeObjects
import RealCluster
import Support
import YAML

/// One API server of a measurement.
struct Target: Sendable, Codable {
    var name: String
    var url: String
    var ca: String
    var token: String

    var client: KubeClient {
        KubeClient(
            server: url,
            transport: HTTPClient(
                HTTPClientConfiguration(
                    tls: TLSConfiguration(caCertificates: Array(ca.utf8)), userAgent: "bench", maximumConnections: 32)),
            authorization: StaticToken(Sensitive(token)), options: KubeClient.Options(userAgent: "bench"))
    }
}

/// A control plane and data planes, as processes of their own.
final class Servers {
    let controlPlane: Target
    let dataPlanes: [Target]
    private var devcluster: Child?
    /// Serves the hostile data planes, at a lower priority than all others.
    private var hostile: (child: Child, controlPort: Int?)?
    private var real: [RealCluster] = []
    private let controlPort: Int?
    private let plain = HTTPClient(HTTPClientConfiguration(userAgent: "bench-control", allowsPlainHTTP: true))

    /// devcluster.
    /// - Parameter hostileCount: how many data planes are hostile. They are the last ones, and are in a process of their own,
    ///   so that what they send does not slow the other servers down.
    init(dataPlanes count: Int, hostile hostileCount: Int = 0, folder: URL) async throws {
        let dir = folder.appending(path: "servers-\(UUID().uuidString)")
        let names = ["control-plane"] + (1...count).map { "dataplane-\($0)" }
        func start(_ names: [String], _ log: String) async throws -> (child: Child, controlPort: Int?) {
            let child = try Child(
                "devcluster", ["--dir", dir.path, "--clusters", names.joined(separator: ","), "--control-port", "0"],
                log: folder.appending(path: log))
            try await wait("devcluster is ready", 60) { child.output.contains("ready") }
            let port = child.output.split(separator: "\n").first { $0.hasPrefix("control ") }
                .flatMap { $0.split(separator: ":").last.flatMap { Int($0) } }
            return (child, port)
        }
        let good = try await start(names.dropLast(hostileCount), "devcluster.log")
        (devcluster, controlPort) = (good.child, good.controlPort)
        if hostileCount > 0 {
            let bad = try await start(names.suffix(hostileCount), "hostile.log")
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(bad.child.id), 15)
            hostile = bad
        }
        let targets = try names.map { name in
            let config = try YAML.parse(
                String(contentsOf: dir.appending(path: "\(name).kubeconfig"), encoding: .utf8))
            let cluster = config[path: ["clusters"]]?[0]?["cluster"]
            let ca = cluster?["certificate-authority-data"]?.string.flatMap { Data(base64Encoded: $0) } ?? Data()
            return Target(
                name: name, url: cluster?["server"]?.string ?? "", ca: String(decoding: ca, as: UTF8.self),
                token: config["users"]?[0]?[path: ["user", "token"]]?.string ?? "")
        }
        (controlPlane, dataPlanes) = (targets[0], Array(targets.dropFirst()))
    }

    /// Real ones.
    init(realDataPlanes count: Int, _ binaries: KubernetesBinaries) async throws {
        controlPort = nil
        var targets: [Target] = []
        for index in 0...count {
            var options = RealCluster.Options()
            options.name = index == 0 ? "control-plane" : "dataplane-\(index)"
            let cluster = try await RealCluster.start(binaries, options)
            real.append(cluster)
            targets.append(
                Target(name: cluster.name, url: cluster.url, ca: cluster.caPEM, token: cluster.adminToken))
        }
        (controlPlane, dataPlanes) = (targets[0], Array(targets.dropFirst()))
    }

    func end() {
        devcluster?.kill()
        hostile?.child.kill()
        for cluster in real { cluster.end() }
    }

    @discardableResult
    func control(
        _ method: String, _ path: String, _ body: JSON? = nil, ofHostile: Bool = false
    ) async throws -> JSON {
        guard let controlPort = ofHostile ? hostile?.controlPort : controlPort else { return .null }
        let response = try await plain.send(
            HTTPRequest(
                HTTPRequest.Method(rawValue: method)!, "http://127.0.0.1:\(controlPort)\(path)",
                headers: ["Content-Type": "application/json"], body: body?.serialized()))
        guard response.status == 200 else {
            throw Child.Failure(description: String(decoding: response.body, as: UTF8.self))
        }
        return try JSON(parsing: response.body)
    }

    /// Requests of a client by cluster, as "verb resource" → count.
    func requests(of agent: String) async throws -> [String: [String: Int]] {
        var result: [String: [String: Int]] = [:]
        for entry in try await control("GET", "/requests").array ?? []
        where entry["userAgent"]?.string?.hasPrefix(agent) == true {
            let key = "\(entry["verb"]?.string ?? "") \(entry["resource"]?.string ?? "")"
            result[entry["cluster"]?.string ?? "", default: [:]][key, default: 0] += Int(entry["count"]?.int ?? 0)
        }
        return result
    }
}

/// The content of the servers before a measurement: everything of `manifests/`, and the benchmark's own templates.
struct Setup {
    let servers: Servers
    /// `kind/plural` of everything that is applied.
    private static let plurals = [
        "Namespace": "namespaces", "Secret": "secrets", "ServiceAccount": "serviceaccounts", "ConfigMap": "configmaps",
        "Role": "roles", "RoleBinding": "rolebindings", "ClusterRole": "clusterroles",
        "ClusterRoleBinding": "clusterrolebindings", "CustomResourceDefinition": "customresourcedefinitions",
        "DataPlane": "dataplanes", "ExecutionLabel": "executionlabels",
        "ExecutionClusterLabel": "executionclusterlabels", "ClusterRegistry": "clusterregistries",
    ]
    private static let clusterScoped: Set<String> = [
        "Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition",
    ]

    static func type(_ kind: String, _ apiVersion: String) -> ResourceType {
        let parts = apiVersion.split(separator: "/").map(String.init)
        return ResourceType(
            group: parts.count == 2 ? parts[0] : "", version: parts.last ?? "v1", kind: kind,
            plural: plurals[kind] ?? kind.lowercased() + "s", isNamespaced: !clusterScoped.contains(kind))
    }

    static func apply(_ object: JSON, to client: KubeClient) async throws {
        let type = type(object["kind"]?.string ?? "", object["apiVersion"]?.string ?? "")
        try await client.apply(
            object, type: type,
            namespace: type.isNamespaced ? object[path: ["metadata", "namespace"]]?.string ?? "flyte" : nil,
            name: object[path: ["metadata", "name"]]?.string ?? "", fieldManager: "bench", force: true)
    }

    static func documents(_ path: String) throws -> [JSON] {
        try YAML.documents(String(contentsOf: URL(filePath: "manifests/\(path)"), encoding: .utf8)).map {
            try $0.json()
        }
    }

    /// Templates of upstream's default chart: Namespace, ServiceAccount with the role, quota.
    static let templates: [(String, String)] = [
        (
            "aa_namespace.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ namespace }}\nspec:\n  finalizers:\n  - kubernetes\n"
        ),
        (
            "aab_default_service_account.yaml",
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: default\n  namespace: {{ namespace }}\n  annotations:\n    eks.amazonaws.com/role-arn: {{ defaultIamRole }}\n"
        ),
        (
            "ab_project_resource_quota.yaml",
            "apiVersion: v1\nkind: ResourceQuota\nmetadata:\n  name: project-quota\n  namespace: {{ namespace }}\nspec:\n  hard:\n    limits.cpu: {{ projectQuotaCpu }}\n    limits.memory: {{ projectQuotaMemory }}\n"
        ),
    ]

    private static let namespace: JSON = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "flyte"]]

    func run() async throws {
        let client = servers.controlPlane.client
        let crds = try FileManager.default.contentsOfDirectory(atPath: "manifests/crds").filter {
            $0.hasSuffix("s.yaml")
        }
        try await Self.apply(Self.namespace, to: client)
        for path in crds.sorted().map({ "crds/\($0)" }) + ["rbac/operator.yaml"] {
            for object in try Self.documents(path) { try await Self.apply(object, to: client) }
        }
        try await wait("the CRDs are served", 30) {
            await (try? client.raw(.get, "/apis/multicluster.flyte.org/v1alpha1/namespaces/flyte/clusterregistries"))
                != nil
        }
        var secret: JSON = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "cluster-credentials", "namespace": "flyte"],
            "stringData": [:],
        ]
        for (index, target) in servers.dataPlanes.enumerated() {
            let admin = target.client
            try await Self.apply(Self.namespace, to: admin)
            for var object in try Self.documents("data-plane/data-plane.yaml") {
                if object["kind"] == "ClusterRole", var rules = object["rules"]?.array {
                    rules.append([
                        "apiGroups": [""], "resources": ["resourcequotas"],
                        "verbs": ["get", "list", "watch", "create", "patch"],
                    ])
                    object["rules"] = .array(rules)
                }
                try await Self.apply(object, to: admin)
            }
            try await wait("the token of \(target.name)", 30) {
                let found = try await admin.raw(.get, "/api/v1/namespaces/flyte/secrets/squadron-token").body
                guard let token = found[path: ["data", "token"]]?.string.flatMap({ Data(base64Encoded: $0) }) else {
                    return false
                }
                secret[path: ["stringData", "dataplane_\(index + 1)_token"]] = .string(
                    String(decoding: token, as: UTF8.self))
                return true
            }
            secret[path: ["stringData", "dataplane_\(index + 1)_cacert"]] = .string(target.ca)
            admin.close()
        }
        try await Self.apply(secret, to: client)
        try await Self.apply(
            [
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": ["name": "clusterresource-template", "namespace": "flyte"],
                "data": .object(Dictionary(uniqueKeysWithValues: Self.templates.map { ($0.0, .string($0.1)) })),
            ], to: client)
        try await Self.apply(
            Self.resource(
                "ClusterRegistry", "flyte",
                [
                    "templatesConfigMap": "clusterresource-template",
                    "values": [
                        "defaultIamRole": "arn:aws:iam::111122223333:role/flyte-user-role", "projectQuotaCpu": "8",
                        "projectQuotaMemory": "16Gi",
                    ],
                ]), to: client)
        try await Self.apply(
            Self.resource("ExecutionLabel", "label1", ["clusters": [["name": "dataplane_1", "weight": 1]]]), to: client)
        for (index, target) in servers.dataPlanes.enumerated() {
            try await Self.apply(
                Self.resource(
                    "DataPlane", target.name,
                    [
                        "clusterName": .string("dataplane_\(index + 1)"), "endpoint": .string(target.url),
                        // The client's own limit is raised, since it should not be measured.
                        "connection": ["qps": 5_000, "burst": 5_000],
                    ]), to: client)
        }
        client.close()
    }

    static func resource(_ kind: String, _ name: String, _ spec: JSON) -> JSON {
        [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": .string(kind),
            "metadata": ["name": .string(name), "namespace": "flyte"], "spec": spec,
        ]
    }

    static func assignment(_ project: String) -> JSON {
        resource(
            "ExecutionClusterLabel", "\(project)-development",
            ["project": .string(project), "domain": "development", "value": "label1"])
    }

    /// Project-domains `<prefix>1-development` and so on.
    func want(_ count: Int, prefix: String) async throws {
        let client = servers.controlPlane.client
        for number in 1...count { try await Self.apply(Self.assignment("\(prefix)\(number)"), to: client) }
        client.close()
    }

    /// For an operator: a kubeconfig with its own account.
    func kubeconfig(in folder: URL) async throws -> URL {
        let client = servers.controlPlane.client
        defer { client.close() }
        let answer = try await client.raw(
            .post, "/api/v1/namespaces/flyte/serviceaccounts/squadron/token",
            body: ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": [:]])
        let config: JSON = [
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [["name": "c", "context": ["cluster": "c", "user": "u"]]],
            "clusters": [
                [
                    "name": "c",
                    "cluster": [
                        "server": .string(servers.controlPlane.url),
                        "certificate-authority-data": .string(Data(servers.controlPlane.ca.utf8).base64EncodedString()),
                    ],
                ]
            ],
            "users": [["name": "u", "user": ["token": answer.body[path: ["status", "token"]] ?? ""]]],
        ]
        let file = folder.appending(path: "kubeconfig-\(UUID().uuidString)")
        guard
            FileManager.default.createFile(
                atPath: file.path, contents: Data(config.serialized()), attributes: [.posixPermissions: 0o600])
        else { throw Child.Failure(description: "can't write \(file.path)") }
        return file
    }
}
