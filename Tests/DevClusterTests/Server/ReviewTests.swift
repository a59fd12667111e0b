import JSON
import Support
import TestSupport
import Testing

@testable import DevCluster

@Suite("Reviews and token requests", .timeLimit(.minutes(patience)))
struct ReviewTests {
    private func ask(
        _ cluster: DevCluster, _ resource: String, group: String = "authorization.k8s.io", subresource: String = "",
        namespace: String? = nil, name: String? = nil, _ object: JSON = [:], user: User
    ) async throws -> JSON {
        let core = cluster.core
        let reviews = Reviews(authenticator: core.authenticator, authorizer: core.authorizer) { core.api().store }
        return try await reviews.create(
            VirtualRequest(
                group: group, version: "v1", resource: resource, subresource: subresource, namespace: namespace,
                name: name,
                object: object, user: user))
    }
    private let alice = User(
        name: "system:serviceaccount:default:alice",
        groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])

    private func grant(_ cluster: DevCluster) {
        cluster.grant(
            .serviceAccount(namespace: "default", name: "alice"), [.init(["configmaps"], verbs: ["get"])],
            in: "default",
            name: "r")
    }

    @Test("An access review says whether access is allowed, and by which binding")
    func accessReview() async throws {
        try await withCluster { cluster async throws in
            grant(cluster)
            func review(_ resource: String, _ namespace: String) async throws -> JSON? {
                try await ask(
                    cluster, "selfsubjectaccessreviews",
                    [
                        "spec": [
                            "resourceAttributes": [
                                "verb": "get", "resource": .string(resource), "namespace": .string(namespace),
                            ]
                        ]
                    ], user: alice)["status"]
            }
            #expect(
                try await review("configmaps", "default") == [
                    "allowed": true,
                    "reason":
                        "RBAC: allowed by RoleBinding \"r/default\" of Role \"r\" to ServiceAccount \"alice/default\"",
                ])
            #expect(try await review("configmaps", "other") == ["allowed": false])
            #expect(try await review("secrets", "default") == ["allowed": false])
            let path = try await ask(
                cluster, "selfsubjectaccessreviews",
                ["spec": ["nonResourceAttributes": ["verb": "get", "path": "/api/v1"]]], user: alice)
            #expect(path["status"]?["allowed"] == true)
            await #expect(throws: APIError.self) {
                try await ask(cluster, "selfsubjectaccessreviews", ["spec": [:]], user: alice)
            }
        }
    }

    @Test("A subject's review is about the subject, not about the client")
    func subjectAccessReview() async throws {
        try await withCluster { cluster async throws in
            grant(cluster)
            let spec: JSON = [
                "user": .string(alice.name),
                "resourceAttributes": ["verb": "get", "resource": "configmaps", "namespace": "default"],
            ]
            let answer = try await ask(cluster, "subjectaccessreviews", ["spec": spec], user: .admin)
            #expect(answer["status"]?["allowed"] == true)
            let local = try await ask(
                cluster, "localsubjectaccessreviews", namespace: "default", ["spec": spec], user: .admin)
            #expect(local["status"]?["allowed"] == true)
            await #expect(throws: APIError.self) {
                try await ask(cluster, "localsubjectaccessreviews", namespace: "other", ["spec": spec], user: .admin)
            }
        }
    }

    @Test("A rules review lists the rules that apply in the namespace, and is complete")
    func rulesReview() async throws {
        try await withCluster { cluster async throws in
            grant(cluster)
            let status = try await ask(
                cluster, "selfsubjectrulesreviews", ["spec": ["namespace": "default"]], user: alice)["status"]
            #expect(status?["incomplete"] == false)
            let rules = status?["resourceRules"]?.array ?? []
            #expect(rules.contains(["apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]]))
            #expect(rules.contains { $0["resources"]?.array?.contains("selfsubjectaccessreviews") ?? false })
            #expect(
                (status?["nonResourceRules"]?.array ?? []).contains {
                    $0["nonResourceURLs"]?.array?.contains("/api/*") ?? false
                })
            await #expect(throws: APIError(code: 400, reason: "BadRequest", message: "no namespace on request")) {
                try await ask(cluster, "selfsubjectrulesreviews", ["spec": [:]], user: alice)
            }
        }
    }

    @Test("A requested token works, says when it ends, and has a minimum lifetime")
    func tokenRequest() async throws {
        try await withCluster { cluster async throws in
            try cluster.ensureServiceAccount(namespace: "default", name: "alice")
            func request(_ spec: JSON, name: String = "alice") async throws -> JSON {
                try await ask(
                    cluster, "serviceaccounts", group: "", subresource: "token", namespace: "default", name: name,
                    ["spec": spec], user: .admin)
            }
            let answer = try await request(["expirationSeconds": 600])
            let token = try #require(answer["status"]?["token"]?.string)
            #expect(try await TestClient(cluster, token: token).get("/openid/v1/jwks").status == 200)
            let claims = try #require(cluster.core.authenticator.signer.claims(of: token))
            #expect(claims["sub"] == "system:serviceaccount:default:alice")
            #expect((claims["exp"]?.int ?? 0) - (claims["iat"]?.int ?? 0) == 600)

            let review = try await ask(
                cluster, "tokenreviews", group: "authentication.k8s.io", ["spec": ["token": .string(token)]],
                user: .admin)
            #expect(review["status"]?["authenticated"] == true)
            #expect(review["status"]?["user"]?["username"]?.string == alice.name)

            let foreign = try await request(["audiences": ["elsewhere"]])
            let other = try #require(foreign["status"]?["token"]?.string)
            #expect(try await TestClient(cluster, token: other).get("/openid/v1/jwks").status == 401)

            do {
                _ = try await request(["expirationSeconds": 300])
                Issue.record("300 seconds are too few")
            } catch let error as APIError {
                #expect(error.code == 422)
                #expect(
                    error.message
                        == "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 300: may "
                        + "not specify a duration less than 10 minutes")
            }
            await #expect(throws: APIError.self) { try await request([:], name: "nobody") }
        }
    }

    @Test("SelfSubjectReview names the client's user")
    func selfReview() async throws {
        try await withCluster { cluster async throws in
            let answer = try await ask(cluster, "selfsubjectreviews", group: "authentication.k8s.io", user: alice)
            #expect(answer["status"]?["userInfo"]?["username"]?.string == alice.name)
            #expect(answer["status"]?["userInfo"]?["groups"]?.array?.count == 3)
        }
    }
}
