import JSON
import TestSupport
import Testing

/// What the operator assumes of namespaces and of what appears in them.
@Suite("Contract: namespaces", .timeLimit(.minutes(3 * patience)))
struct NamespaceTests {
    @Test("Nothing can be made in a namespace that isn't there", arguments: ServerKind.atHand)
    func missing(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let created = try await api.post(Objects.core("contract-none", "configmaps"), Objects.configMap("c"))
        created.expect(404, "NotFound", "namespaces \"contract-none\" not found")
        let applied = try await api.apply(
            "squadron", Objects.core("contract-none", "configmaps", "c"), Objects.configMap("c"))
        applied.expect(404, "NotFound", "namespaces \"contract-none\" not found")
        let list = try await api.get(Objects.core("contract-none", "configmaps")).require(200)
        #expect(list["items"] == [], "but it can be listed")
    }

    @Test("A namespace that is applied is Active at once, with its name as a label", arguments: ServerKind.atHand)
    func applied(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { name in
            let answer = try await api.apply(
                "squadron", "/api/v1/namespaces/\(name)",
                [
                    "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name), "labels": ["a": "b"]],
                    "spec": ["finalizers": ["kubernetes"]],
                ]
            ).require(200)
            #expect(answer["status", "phase"] == "Active" && answer["spec", "finalizers"] == ["kubernetes"])
            #expect(answer.metadata["labels"] == ["a": "b", "kubernetes.io/metadata.name": .string(name)])
        }
    }

    @Test(
        "A Terminating namespace refuses content, says why, and goes with its last object",
        arguments: ServerKind.withControllers)
    func terminating(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        let name = try #require(
            try await api.post(
                "/api/v1/namespaces",
                ["apiVersion": "v1", "kind": "Namespace", "metadata": ["generateName": "contract-"]]
            ).require(201).metadata["name"]?.string)
        let path = "/api/v1/namespaces/\(name)"
        var held = Objects.configMap("held")
        held[path: ["metadata", "finalizers"]] = ["example.org/hold"]
        try await api.post("\(path)/configmaps", held).require(201)
        let deleted = try await api.delete(path).require(200)
        #expect(deleted["status", "phase"] == "Terminating")
        #expect(deleted.metadata["deletionTimestamp"]?.string != nil)

        for refused in [
            try await api.post("\(path)/configmaps", Objects.configMap("c")),
            try await api.apply("squadron", "\(path)/configmaps/c", Objects.configMap("c")),
        ] {
            refused.expect(
                403, "Forbidden",
                "configmaps \"c\" is forbidden: unable to create new content in namespace \(name) because it is being terminated"
            )
            #expect(
                refused.causes == [
                    [
                        "reason": "NamespaceTerminating", "message": .string("namespace \(name) is being terminated"),
                        "field": "metadata.namespace",
                    ]
                ])
        }
        // The namespace itself can still be applied to, and so can what is in it.
        let labels: JSON = [
            "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name), "labels": ["a": "b"]],
        ]
        let applied = try await api.apply("squadron", path, labels).require(200)
        #expect(applied["status", "phase"] == "Terminating")
        let again = try await api.post(
            "/api/v1/namespaces", ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]])
        again.expect(409, "AlreadyExists", "object is being deleted: namespaces \"\(name)\" already exists")
        let second = try await api.delete(path)
        #expect(second.status == 200 || second.status == 409)

        _ = try await api.eventually("\(path)/configmaps/held") { $0.metadata["deletionTimestamp"] != nil }
        try await api.patch(.merge, "\(path)/configmaps/held", ["metadata": ["finalizers": nil]]).require(200)
        _ = try await api.eventually(path, within: .seconds(40)) { $0.status == 404 }
        try await api.post(
            "/api/v1/namespaces", ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]]
        ).require(201)
        try await api.delete(path).require(200)
    }

    @Test(
        "The default ServiceAccount follows its namespace, and returns with another uid",
        arguments: ServerKind.withControllers)
    func defaultServiceAccount(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "serviceaccounts", "default")
            let first = try await api.eventually(path) { $0.status == 200 }
            try await api.delete(path).require(200)
            let second = try await api.eventually(path) { $0.status == 200 && $0.uid != first.uid }
            #expect(second.metadata["annotations"] == nil)
            let root = try await api.eventually(Objects.core(namespace, "configmaps", "kube-root-ca.crt")) {
                $0.status == 200
            }
            #expect(root["data", "ca.crt"]?.string?.hasPrefix("-----BEGIN CERTIFICATE-----") == true)
        }
    }

    @Test("A default ServiceAccount that we apply first stays", arguments: ServerKind.withControllers)
    func defaultServiceAccountAppliedFirst(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "serviceaccounts", "default")
            let intent: JSON = [
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": ["name": "default", "annotations": ["eks.amazonaws.com/role-arn": "arn"]],
            ]
            let applied = try await api.apply("squadron", path, intent)
            #expect(applied.status == 201 || applied.status == 200, "the controller may have been faster")
            // Where the ConfigMap is, the controllers have been here.
            _ = try await api.eventually(Objects.core(namespace, "configmaps", "kube-root-ca.crt")) { $0.status == 200 }
            let later = try await api.get(path).require(200)
            #expect(later.uid == applied.uid)
            #expect(later.metadata["annotations"] == ["eks.amazonaws.com/role-arn": "arn"])
        }
    }
}
