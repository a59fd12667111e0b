import Foundation
import JSON
import YAML

/// The files that users apply, from `manifests/`.
enum Manifests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "manifests")

    static func documents(_ path: String) throws -> [JSON] {
        let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
        return try YAML.documents(text).map { try $0.json() }
    }

    private static let namespace: JSON = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "flyte"]]

    /// The Namespace, and everything of the control plane but the Deployment, with the components that the tests use: the
    /// operator of these tests runs in the test's process.
    static func controlPlane() throws -> [JSON] {
        let crds = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "crds").path)
            .filter { $0.hasSuffix(".yaml") && $0 != "kustomization.yaml" }
        let components = ["publish", "restart", "in-cluster-data-plane"].map { "components/\($0)/rbac.yaml" }
        let paths = crds.sorted().map { "crds/\($0)" } + ["rbac/operator.yaml"] + components
        return try [namespace] + paths.flatMap(documents)
    }

    static func dataPlane() throws -> [JSON] { try [namespace] + documents("data-plane/data-plane.yaml") }

    static func component(_ name: String) throws -> [JSON] { try documents("components/\(name)/rbac.yaml") }

    static func samples(_ name: String) throws -> [JSON] { try documents("samples/\(name).yaml") }
}

/// A custom resource of ours.
func resource(_ kind: String, _ name: String, _ spec: JSON) -> JSON {
    [
        "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": .string(kind),
        "metadata": ["name": .string(name), "namespace": "flyte"], "spec": spec,
    ]
}

/// A project-domain that is wanted.
func assignment(_ project: String, _ domain: String, value: String = "label1") -> JSON {
    resource(
        "ExecutionClusterLabel", "\(project)-\(domain)",
        ["project": .string(project), "domain": .string(domain), "value": .string(value)])
}
