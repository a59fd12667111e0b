import HTTP
import JSON
import Support
import TestSupport
import Testing

@testable import DevCluster

@Suite("Authentication and authorisation", .timeLimit(.minutes(patience)))
struct AuthTests {
    private let document = "/openid/v1/jwks"

    @Test("Without a token only health and version are visible; with a bad one, nothing")
    func anonymous() async throws {
        try await withCluster { cluster async throws in
            let nobody = TestClient(cluster, token: nil)
            for path in ["/healthz", "/livez", "/readyz", "/version"] {
                let status = try await nobody.get(path).status
                #expect(status != 401 && status != 403, "\(path)")
            }
            let secrets = try await nobody.get("/api/v1/secrets")
            #expect(secrets.status == 403)
            #expect(
                secrets.json["message"]
                    == .string(
                        "secrets is forbidden: User \"system:anonymous\" cannot list resource \"secrets\" in API group \"\" at the "
                            + "cluster scope"))
            let api = try await nobody.get("/api")
            #expect(api.json["message"] == "forbidden: User \"system:anonymous\" cannot get path \"/api\"")

            // Two blanks: a token of no bytes, which is none.
            let blank = try await nobody.send(.get, "/api/v1/secrets", headers: ["Authorization": "Bearer  bad"])
            #expect(blank.status == 403)

            let bad = try await TestClient(cluster, token: "bad").get("/healthz")
            #expect(bad.status == 401)
            #expect(
                bad.json == [
                    "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
                    "message": "Unauthorized",
                    "reason": "Unauthorized", "code": 401,
                ])
        }
    }

    @Test("A ServiceAccount's token ends when it expires, is revoked, or its account goes")
    func serviceAccountTokens() async throws {
        try await withCluster { cluster async throws in
            func status(_ token: String) async throws -> Int {
                try await TestClient(cluster, token: token).get(document).status
            }
            func make(_ name: String, _ lifetime: Duration = .seconds(600)) throws -> String {
                try cluster.makeServiceAccountToken(namespace: "flyte", name: name, lifetime: lifetime)
            }
            #expect(try await status(try make("expired", .seconds(-1))) == 401)

            let revoked = try make("revoked")
            #expect(try await status(revoked) == 200)
            cluster.revoke(revoked)
            #expect(try await status(revoked) == 401)

            let orphan = try make("orphan")
            #expect(try await status(orphan) == 200)
            cluster.store.delete(.serviceAccounts, namespace: "flyte", name: "orphan")
            #expect(try await status(orphan) == 401)
            try cluster.ensureServiceAccount(namespace: "flyte", name: "orphan")
            #expect(try await status(orphan) == 401)

            let skewed = try make("skewed")
            cluster.clockSkew = .seconds(3_600)
            #expect(try await status(skewed) == 401)
            cluster.clockSkew = .zero
            #expect(try await status(skewed) == 200)
        }
    }

    @Test("A token Secret is filled in, works, and goes with its ServiceAccount")
    func tokenSecrets() async throws {
        try await withCluster { cluster async throws in
            try cluster.ensureServiceAccount(namespace: "flyte", name: "squadron")
            try cluster.store.create(
                .secrets,
                [
                    "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                    "metadata": [
                        "name": "token", "namespace": "flyte",
                        "annotations": ["kubernetes.io/service-account.name": "squadron"],
                    ],
                ])
            var data: JSON?
            for await change in cluster.store.changes(of: .secrets) {
                data = change.object["data"]
                if data?["token"] != nil { break }
            }
            let token = try #require(Base64.decode(data?["token"]?.string ?? ""))
            let authority = try #require(Base64.decode(data?["ca.crt"]?.string ?? ""))
            #expect(String(decoding: authority, as: UTF8.self) == cluster.caPEM)
            #expect(data?["namespace"] == "Zmx5dGU=")
            let client = TestClient(cluster, token: String(decoding: token, as: UTF8.self))
            #expect(try await client.get(document).status == 200)

            // What was found good before is not good for longer than the Secret says so.
            for (held, status) in [("b3RoZXI=", 401), (Base64.encode(token), 200)] {
                try cluster.store.update(.secrets, namespace: "flyte", name: "token") {
                    $0[path: ["data", "token"]] = .string(held)
                    return true
                }
                #expect(try await client.get(document).status == status)
            }

            cluster.store.delete(.serviceAccounts, namespace: "flyte", name: "squadron")
            while cluster.store.get(.secrets, namespace: "flyte", name: "token") != nil { await Task.yield() }
            #expect(cluster.store.get(.secrets, namespace: "flyte", name: "token") == nil)
            #expect(try await client.get(document).status == 401)
        }
    }

    @Test("A client certificate names user and groups; one of another authority is refused")
    func clientCertificates() async throws {
        try await withCluster { cluster async throws in
            func client(_ user: String, _ groups: [String], issuer: DevCluster) throws -> TestClient {
                let issued = try issuer.makeClientCertificate(user: user, groups: groups)
                return TestClient(
                    cluster, token: nil,
                    tls: TLSConfiguration(
                        caCertificates: Array(cluster.caPEM.utf8), clientCertificate: Array(issued.certificatePEM.utf8),
                        clientKey: Sensitive(issued.privateKeyPEM)))
            }
            #expect(try await client("root", ["system:masters"], issuer: cluster).get(document).status == 200)
            let bob = try await client("bob", ["team"], issuer: cluster).get("/api/v1/secrets")
            #expect(bob.status == 403)
            #expect(bob.text.contains("User \\\"bob\\\" cannot list"))
            try await withCluster { other async throws in
                #expect(try await client("root", ["system:masters"], issuer: other).get(document).status == 401)
            }
        }
    }

    @Test("Roles grant by verb, group, resource, subresource and name, in their namespace")
    func rbac() {
        var policy = RBACPolicy()
        func rule(_ resources: Set<String>, _ verbs: Set<String>, names: Set<String> = []) -> RBACPolicy.Rule {
            .init(
                verbs: verbs, apiGroups: [""], resources: resources, resourceNames: names, nonResourceURLs: [],
                json: .null)
        }
        policy.roles["flyte"] = [
            "r": [rule(["secrets"], ["get", "list"], names: ["a"]), rule(["pods/log", "*/scale"], ["*"])]
        ]
        policy.bindings["flyte"] = [
            .init(
                name: "b", roleKind: "Role", roleName: "r",
                subjects: [.init(kind: "ServiceAccount", name: "s", namespace: "flyte")]),
            .init(
                name: "dangling", roleKind: "ClusterRole", roleName: "none",
                subjects: [.init(kind: "Group", name: "g", namespace: "")]),
        ]
        let account = User(name: "system:serviceaccount:flyte:s", groups: ["g"])
        func allows(_ target: String, method: String = "GET") -> Bool {
            policy.decide(account, RequestAttributes(APIRequest(method: method, target: target))).isAllowed
        }
        #expect(allows("/api/v1/namespaces/flyte/secrets/a"))
        #expect(allows("/api/v1/namespaces/flyte/secrets?fieldSelector=metadata.name=a"))
        #expect(allows("/api/v1/namespaces/flyte/pods/p/log"))
        #expect(allows("/api/v1/namespaces/flyte/things/p/scale", method: "PATCH"))
        #expect(!allows("/api/v1/namespaces/flyte/secrets"))
        #expect(!allows("/api/v1/namespaces/flyte/secrets/b"))
        #expect(!allows("/api/v1/namespaces/other/secrets/a"))
        #expect(!allows("/api/v1/namespaces/flyte/pods/p"))
        #expect(!allows("/apis/x/v1/namespaces/flyte/secrets/a"))
        let decision = policy.decide(
            account, RequestAttributes(APIRequest(method: "GET", target: "/api/v1/namespaces/flyte/pods/p")))
        #expect(decision.reason == "RBAC: clusterrole.rbac.authorization.k8s.io \"none\" not found")
    }

    @Test("A grant or its removal counts for the very next request")
    func grants() async throws {
        try await withCluster { cluster async throws in
            let token = cluster.makeToken(user: "bob")
            let bob = TestClient(cluster, token: token)
            #expect(try await bob.get("/api/v1/namespaces/default/secrets/x").status == 403)
            cluster.grant(.user("bob"), [.init(["secrets"], verbs: ["get"])], in: "default")
            #expect(try await bob.get("/api/v1/namespaces/default/secrets/x").status != 403)
            cluster.store.delete(.roleBindings, namespace: "default", name: "granted")
            #expect(try await bob.get("/api/v1/namespaces/default/secrets/x").status == 403)
        }
    }
}
