import FoundationEssentials
import HTTP
import JSON
import TestSupport
import Testing
import YAML

/// Paths and bodies that many tests use.
enum Objects {
    static func configMap(_ name: String, _ data: [String: String] = [:], labels: [String: String] = [:]) -> JSON {
        var object: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name)]]
        if !data.isEmpty { object["data"] = strings(data) }
        if !labels.isEmpty { object[path: ["metadata", "labels"]] = strings(labels) }
        return object
    }

    static func custom(_ kind: String, _ name: String, spec: JSON) -> JSON {
        [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": .string(kind), "metadata": ["name": .string(name)],
            "spec": spec,
        ]
    }

    static func strings(_ values: [String: String]) -> JSON { .object(values.mapValues { .string($0) }) }

    /// Path of a core resource in a namespace.
    static func core(_ namespace: String, _ resource: String, _ name: String? = nil) -> String {
        "/api/v1/namespaces/\(namespace)/\(resource)" + (name.map { "/\($0)" } ?? "")
    }
    static func group(_ group: String, _ namespace: String, _ resource: String, _ name: String? = nil) -> String {
        "/apis/\(group)/namespaces/\(namespace)/\(resource)" + (name.map { "/\($0)" } ?? "")
    }
    /// Path of one of our own resources.
    static func flyte(_ namespace: String, _ resource: String, _ name: String? = nil) -> String {
        group("multicluster.flyte.org/v1alpha1", namespace, resource, name)
    }
}

extension ContractClient {
    /// A namespace of the test's own, deleted afterwards.
    func withNamespace(_ body: (String) async throws -> Void) async throws {
        let answer = try await post(
            "/api/v1/namespaces",
            ["apiVersion": "v1", "kind": "Namespace", "metadata": ["generateName": "contract-"]]
        ).require(201)
        let name = try #require(answer.metadata["name"]?.string)
        do {
            try await body(name)
        } catch {
            _ = try? await delete("/api/v1/namespaces/\(name)")
            throw error
        }
        _ = try await delete("/api/v1/namespaces/\(name)")
    }

    /// Asks again until the condition holds. It is for the work of controllers beside the API server, which nothing
    /// announces.
    func eventually(
        _ path: String, within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
        _ holds: (Answer) -> Bool
    ) async throws -> Answer {
        let deadline = ContinuousClock.now + limit
        while true {
            let answer = try await get(path)
            if holds(answer) { return answer }
            try #require(ContinuousClock.now < deadline, "still \(answer)", sourceLocation: sourceLocation)
            try await timePasses(.milliseconds(50))
        }
    }
}

/// Our own CRDs, from manifests/crds.
enum OurDefinitions {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "manifests/crds")
    static let plurals = [
        "clusterregistries", "dataplanes", "executionclusterlabels", "executionlabels", "flyteprojects",
    ]

    static func load(_ plural: String) throws -> JSON {
        let text = try Data(contentsOf: folder.appending(path: "\(plural).yaml"))
        return try YAML.parse(Array(text))
    }

    /// Applied, established and served.
    static func apply(_ client: ContractClient) async throws {
        for plural in plurals {
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/\(plural).multicluster.flyte.org"
            let answer = try await client.apply("contract", path, try load(plural), force: true)
            try #require(answer.status == 200 || answer.status == 201, "\(answer)")
        }
        for plural in plurals {
            // A CRD is "Established" before its paths are served. What counts is that they are served.
            _ = try await client.eventually("/apis/multicluster.flyte.org/v1alpha1/\(plural)") { $0.status == 200 }
        }
    }
}
