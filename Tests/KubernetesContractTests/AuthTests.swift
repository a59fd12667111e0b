import JSON
import KubeObjects
import Support
import TestSupport
import Testing

/// What the operator assumes of authentication and authorization.
@Suite("Contract: authorization", .timeLimit(.minutes(3 * patience)))
struct AuthTests {
    @Test("A wrong token is a 401 Status that says no more than that", arguments: ServerKind.atHand)
    func unauthorized(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        for token in ["wrong", "a.b.c"] {
            let answer = try await api.with(token: token).get("/api/v1/namespaces")
            #expect(answer.status == 401)
            #expect(
                answer.json == [
                    "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
                    "message": "Unauthorized",
                    "reason": "Unauthorized", "code": 401,
                ])
        }
    }

    @Test(
        "Without a token the user is system:anonymous, and may see version and readiness",
        arguments: ServerKind.ours)
    func anonymous(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind).anonymous()
        let answer = try await api.get("/api/v1/namespaces")
        answer.expect(
            403, "Forbidden",
            "namespaces is forbidden: User \"system:anonymous\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope"
        )
        #expect(answer["details"] == ["kind": "namespaces"])
        #expect(try await api.get("/version").require(200)["gitVersion"]?.string?.hasPrefix("v1.") == true)
        #expect(try await api.get("/readyz").require(200).json == "ok")
    }

    @Test(
        "A ServiceAccount may do what its role says; a refusal names what is missing",
        arguments: ServerKind.atHand)
    func roles(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let user = try await Account.make(api, namespace)
            let secrets = Objects.core(namespace, "secrets")
            for name in ["cluster-credentials", "other"] {
                try await api.post(
                    secrets, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": .string(name)]]
                ).require(201)
            }
            let before = try await user.get("\(secrets)/cluster-credentials")
            before.expect(
                403, "Forbidden",
                "secrets \"cluster-credentials\" is forbidden: User \"system:serviceaccount:\(namespace):bot\" cannot get resource \"secrets\" in API group \"\" in the namespace \"\(namespace)\""
            )
            try await Account.grant(
                api, namespace,
                [
                    [
                        "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["cluster-credentials"],
                        "verbs": ["get", "list", "watch"],
                    ]
                ])
            // The server learns of a role some milliseconds after it was written.
            _ = try await user.eventually("\(secrets)/cluster-credentials") { $0.status == 200 }
            #expect(try await user.get("\(secrets)/other").status == 403)
            #expect(try await user.get(secrets).status == 403)
            // A list and a watch of one name count as that name.
            let query = "?fieldSelector=metadata.name%3Dcluster-credentials"
            let list = try await user.get(secrets + query).require(200)
            #expect(list["items"]?.array?.count == 1)
            let watch = try await user.watch("\(secrets)\(query)&timeoutSeconds=5")
            #expect(try await watch.next()?.summary == "ADDED cluster-credentials")
            let write = try await user.patch(.merge, "\(secrets)/cluster-credentials", ["data": [:]])
            #expect(write.status == 403 && write.message.contains("cannot patch resource \"secrets\""))
            let status = try await user.get(Objects.flyte(namespace, "dataplanes", "d") + "/status")
            #expect(
                status.message
                    == "dataplanes.multicluster.flyte.org \"d\" is forbidden: User \"system:serviceaccount:\(namespace):bot\" cannot get resource \"dataplanes/status\" in API group \"multicluster.flyte.org\" in the namespace \"\(namespace)\""
            )
        }
    }

    @Test(
        "The three SelfSubject reviews say the same as the refusals",
        arguments: ServerKind.atHand)
    func reviews(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let user = try await Account.make(api, namespace)
            try await Account.grant(
                api, namespace, [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"]]])
            _ = try await user.eventually(Objects.core(namespace, "configmaps", "c")) { $0.status == 404 }
            func allowed(_ verb: String, _ resource: String) async throws -> JSON? {
                let answer = try await user.post(
                    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                    [
                        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                        "spec": [
                            "resourceAttributes": [
                                "namespace": .string(namespace), "verb": .string(verb), "resource": .string(resource),
                            ]
                        ],
                    ]
                ).require(201)
                return answer["status", "allowed"]
            }
            #expect(try await allowed("patch", "configmaps") == true)
            #expect(try await allowed("delete", "configmaps") == false)
            #expect(try await allowed("get", "secrets") == false)
            let rules = try await user.post(
                "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                [
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
                    "spec": ["namespace": .string(namespace)],
                ]
            ).require(201)
            let own = rules["status", "resourceRules"]?.array?.filter { $0["resources"] == ["configmaps"] }
            #expect(own == [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"]]])
            #expect(rules["status", "incomplete"] == false)
            let me = try await user.post(
                "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                ["apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"]
            ).require(201)
            #expect(me["status", "userInfo", "username"] == .string("system:serviceaccount:\(namespace):bot"))
            #expect(
                me["status", "userInfo", "groups"]
                    == [
                        "system:serviceaccounts", .string("system:serviceaccounts:\(namespace)"),
                        "system:authenticated",
                    ])
        }
    }

    @Test(
        "A requested token lasts as asked, ten minutes or more, and ends with its account",
        arguments: ServerKind.atHand)
    func tokenRequests(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let user = try await Account.make(api, namespace)
            let path = Objects.core(namespace, "serviceaccounts", "bot")
            func request(_ spec: JSON) async throws -> Answer {
                try await api.post(
                    "\(path)/token", ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec])
            }
            let long = try await request(["expirationSeconds": 7200]).require(201)
            #expect(long["kind"] == "TokenRequest" && long["spec", "expirationSeconds"] == 7200)
            #expect(long["status", "expirationTimestamp"]?.string != nil)
            let short = try await request(["expirationSeconds": 60])
            short.expect(
                422, "Invalid",
                "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes"
            )
            let elsewhere = try await request(["audiences": ["other"]]).require(201)
            let token = try #require(elsewhere["status", "token"]?.string)
            #expect(try await api.with(token: token).get("/api/v1/namespaces").status == 401, "for another audience")

            #expect(try await user.get(path).status == 403, "known, if not allowed anything")
            try await api.delete(path).require(200)
            _ = try await user.eventually(path) { $0.status == 401 }
            // A new account of the same name is another account.
            try await api.post(
                Objects.core(namespace, "serviceaccounts"),
                ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "bot"]]
            ).require(201)
            #expect(try await user.get(path).status == 401)
        }
    }

    @Test(
        "An account that may make its own token makes it, and no other account's", arguments: ServerKind.atHand)
    func ownToken(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let bot = try await Account.make(api, namespace)
            let own = Objects.core(namespace, "serviceaccounts", "bot") + "/token"
            let body: JSON = [
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": ["expirationSeconds": 600],
            ]
            #expect(try await bot.post(own, body).status == 403)
            try await Account.grant(
                api, namespace,
                [
                    [
                        "apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": ["bot"],
                        "verbs": ["create"],
                    ]
                ])
            let answer = try await eventually("the right is known", every: .milliseconds(50)) {
                try await bot.post(own, body)
            } until: {
                $0.status == 201
            }
            let token = try #require(answer["status", "token"]?.string)
            #expect(try await bot.with(token: token).get("/api/v1/namespaces").status == 403, "known")
            let other = Objects.core(namespace, "serviceaccounts", "default") + "/token"
            #expect(try await bot.post(other, body).status == 403)
        }
    }

    @Test(
        "A token Secret is filled in for its account, and deleting it revokes the token",
        arguments: ServerKind.withControllers)
    func tokenSecrets(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            _ = try await Account.make(api, namespace)
            let secrets = Objects.core(namespace, "secrets")
            try await api.post(
                secrets,
                [
                    "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                    "metadata": ["name": "bot-token", "annotations": ["kubernetes.io/service-account.name": "bot"]],
                ]
            ).require(201)
            let filled = try await api.eventually("\(secrets)/bot-token") { $0["data", "token"] != nil }
            #expect(filled["data"]?.object?.keys.sorted() == ["ca.crt", "namespace", "token"])
            #expect(filled.metadata["annotations"]?["kubernetes.io/service-account.uid"]?.string != nil)
            let token = try #require(filled["data", "token"]?.string.flatMap(Account.decode))
            let user = try await api.with(token: token)
            // The part of the server that checks the token may see the Secret a moment later than its reader. Until
            // then it is 401.
            _ = try await user.eventually(secrets) { $0.status == 403 }
            try await api.delete("\(secrets)/bot-token").require(200)
            _ = try await user.eventually(secrets) { $0.status == 401 }
            // A token Secret of a missing ServiceAccount is removed.
            try await api.post(
                secrets,
                [
                    "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                    "metadata": ["name": "lost", "annotations": ["kubernetes.io/service-account.name": "nobody"]],
                ]
            ).require(201)
            _ = try await api.eventually("\(secrets)/lost") { $0.status == 404 }
        }
    }

    @Test("A token that has expired, or that names another uid, is a 401 like any other", arguments: ServerKind.ours)
    func expired(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "serviceaccounts")
            let account = try await api.post(
                path, ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "bot"]]
            ).require(201)
            func status(_ uid: String, _ lifetime: Duration) async throws -> Int {
                let token =
                    switch api.server.access {
                    case .real(let cluster):
                        try cluster.makeServiceAccountToken(
                            namespace: namespace, name: "bot", uid: uid, lifetime: lifetime)
                    case .devcluster(let cluster):
                        try cluster.makeServiceAccountToken(namespace: namespace, name: "bot", lifetime: lifetime)
                    case .given: ""
                    }
                return try await api.with(token: token).get(path).status
            }
            #expect(try await status(account.uid, .seconds(3_600)) == 403, "known, if not allowed anything")
            #expect(try await status(account.uid, .seconds(-60)) == 401)
            if case .real = api.server.access {
                #expect(try await status("0b8a8a5e-0000-4000-8000-000000000000", .seconds(3_600)) == 401)
            }
        }
    }
}

/// A ServiceAccount "bot" of the test's namespace.
enum Account {
    /// A client with a token of its own.
    static func make(_ api: ContractClient, _ namespace: String) async throws -> ContractClient {
        try await api.post(
            Objects.core(namespace, "serviceaccounts"),
            ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "bot"]]
        ).require(201)
        let answer = try await api.post(
            Objects.core(namespace, "serviceaccounts", "bot") + "/token",
            ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": ["expirationSeconds": 3600]]
        ).require(201)
        return try await api.with(token: try #require(answer["status", "token"]?.string))
    }

    static func grant(_ api: ContractClient, _ namespace: String, _ rules: JSON) async throws {
        let rbac = "rbac.authorization.k8s.io"
        try await api.post(
            Objects.group("\(rbac)/v1", namespace, "roles"),
            ["apiVersion": .string("\(rbac)/v1"), "kind": "Role", "metadata": ["name": "bot"], "rules": rules]
        ).require(201)
        try await api.post(
            Objects.group("\(rbac)/v1", namespace, "rolebindings"),
            [
                "apiVersion": .string("\(rbac)/v1"), "kind": "RoleBinding", "metadata": ["name": "bot"],
                "roleRef": ["apiGroup": .string(rbac), "kind": "Role", "name": "bot"],
                "subjects": [["kind": "ServiceAccount", "name": "bot", "namespace": .string(namespace)]],
            ]
        ).require(201)
    }

    static func decode(_ text: String) -> String? {
        Base64.decode(text).map { String(decoding: $0, as: UTF8.self) }
    }
}
