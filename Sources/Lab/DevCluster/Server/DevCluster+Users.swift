import DevPKI
import JSON
import Support

extension DevCluster {
    /// The certificate authority of server and client certificates.
    public var caPEM: String { core.authorityPEM() }

    /// The credentials of a kubeconfig's user.
    public enum Credential: Sendable, Hashable {
        /// `adminToken`.
        case admin
        case token(String)
        /// A new certificate; the groups become its organizations.
        case clientCertificate(user: String, groups: [String])
    }

    /// A kubeconfig whose one context is named after the cluster.
    public func kubeconfig(_ credential: Credential = .admin) throws -> String {
        let user: [(String, String)]
        switch credential {
        case .admin: user = [("token", adminToken)]
        case .token(let token): user = [("token", token)]
        case .clientCertificate(let name, let groups):
            let issued = try makeClientCertificate(user: name, groups: groups)
            user = [
                ("client-certificate-data", Base64.encode(issued.certificatePEM.utf8)),
                ("client-key-data", Base64.encode(issued.privateKeyPEM.utf8)),
            ]
        }
        let entry = "\(name)-user"
        return """
            apiVersion: v1
            kind: Config
            clusters:
            - name: "\(name)"
              cluster:
                server: \(url)
                certificate-authority-data: \(Base64.encode(caPEM.utf8))
            contexts:
            - name: "\(name)"
              context:
                cluster: "\(name)"
                user: "\(entry)"
            current-context: "\(name)"
            users:
            - name: "\(entry)"
              user:
            \(user.map { "    \($0.0): \($0.1)" }.joined(separator: "\n"))

            """
    }

    /// - Parameter expires: in a year by default; may be in the past.
    public func makeClientCertificate(
        user: String, groups: [String] = [], expires: Instant? = nil
    ) throws(PKIError) -> IssuedCertificate {
        var request = CertificateRequest(commonName: user, organizations: groups, notAfter: expires, usage: .client)
        if let expires { request.notBefore = expires + -86_400 }
        return try identity.authority.issue(request)
    }

    /// A signed token for a user without an object in the cluster.
    /// - Parameter expires: nil for never.
    public func makeToken(user: String, groups: [String] = [], expires: Instant? = nil) -> String {
        core.authenticator.signer.sign(
            TokenClaims.user(user, groups: groups, now: options.clock.now, expires: expires))
    }

    /// A token as TokenRequest makes it. Namespace and ServiceAccount are made if they are missing.
    /// - Parameter lifetime: from now; may be negative.
    public func makeServiceAccountToken(
        namespace: String, name: String, lifetime: Duration = .seconds(3_600), audiences: [String]? = nil
    ) throws -> String {
        let account = try ensureServiceAccount(namespace: namespace, name: name)
        let now = options.clock.now
        let issued = lifetime < .zero ? now + (lifetime.seconds - 3_600) : now
        return core.authenticator.signer.sign(
            TokenClaims.boundServiceAccount(
                namespace: namespace, name: name, uid: account["metadata"]?["uid"]?.string ?? "",
                audiences: audiences ?? [TokenClaims.issuer], now: issued, expires: now + lifetime.seconds))
    }

    /// Accepts tokens of another cluster's ServiceAccounts that have this audience, as with `jwt` of an
    /// AuthenticationConfiguration. Their users are named `system:serviceaccount:…` after the prefix.
    public func trust(issuerOf other: DevCluster, audience: String, usernamePrefix: String) {
        core.authenticator.trust(
            .init(
                signer: other.core.authenticator.signer, audience: audience, usernamePrefix: usernamePrefix))
    }

    /// The longest life of a token that a TokenRequest gets, as clouds limit it. Nil for any.
    public var maximumTokenLifetime: Duration? {
        get { core.authenticator.maximumTokenLifetime }
        set { core.authenticator.maximumTokenLifetime = newValue }
    }

    @discardableResult
    public func ensureServiceAccount(namespace: String, name: String) throws(StoreError) -> JSON {
        if let account = store.get(.serviceAccounts, namespace: namespace, name: name) { return account }
        if store.get(.namespaces, name: namespace) == nil {
            store.put(
                .namespaces,
                [
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": [
                        "name": .string(namespace), "labels": ["kubernetes.io/metadata.name": .string(namespace)],
                    ],
                    "spec": ["finalizers": ["kubernetes"]], "status": ["phase": "Active"],
                ])
        }
        do {
            return try store.create(
                .serviceAccounts,
                [
                    "apiVersion": "v1", "kind": "ServiceAccount",
                    "metadata": ["name": .string(name), "namespace": .string(namespace)],
                ])
        } catch {
            // Its controller may have made `default` meanwhile.
            if let account = store.get(.serviceAccounts, namespace: namespace, name: name) { return account }
            throw error
        }
    }

    /// Refuses the token from now on (401).
    public func revoke(_ token: String) { core.authenticator.revoke(token) }

    /// The subject of a RoleBinding or ClusterRoleBinding.
    public enum Subject: Sendable, Hashable {
        case user(String)
        case group(String)
        case serviceAccount(namespace: String, name: String)

        var json: JSON {
            switch self {
            case .user(let name): ["apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": .string(name)]
            case .group(let name): ["apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": .string(name)]
            case .serviceAccount(let namespace, let name):
                ["kind": "ServiceAccount", "name": .string(name), "namespace": .string(namespace)]
            }
        }
    }

    /// One rule of a role.
    public struct Rule: Sendable, Hashable {
        public var groups: [String]
        public var resources: [String]
        public var names: [String]
        public var verbs: [String]

        public init(groups: [String] = [""], _ resources: [String], names: [String] = [], verbs: [String]) {
            self.groups = groups
            self.resources = resources
            self.names = names
            self.verbs = verbs
        }
    }

    /// Writes a role and its binding, both called `name`: in a namespace, or for the whole cluster.
    public func grant(_ subject: Subject, _ rules: [Rule], in namespace: String? = nil, name: String = "granted") {
        func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }
        let kind = namespace == nil ? "ClusterRole" : "Role"
        var metadata: JSON = ["name": .string(name)]
        if let namespace { metadata["namespace"] = .string(namespace) }
        let role: JSON = [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": .string(kind), "metadata": metadata,
            "rules": .array(
                rules.map { rule in
                    var entry: JSON = [
                        "apiGroups": strings(rule.groups), "resources": strings(rule.resources),
                        "verbs": strings(rule.verbs),
                    ]
                    if !rule.names.isEmpty { entry["resourceNames"] = strings(rule.names) }
                    return entry
                }),
        ]
        let binding: JSON = [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": .string(kind + "Binding"), "metadata": metadata,
            "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": .string(kind), "name": .string(name)],
            "subjects": .array([subject.json]),
        ]
        store.put(namespace == nil ? .clusterRoles : .roles, role)
        store.put(namespace == nil ? .clusterRoleBindings : .roleBindings, binding)
    }
}
