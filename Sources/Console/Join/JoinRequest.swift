import Fleet
import JSON
import KubeObjects
import Support

/// The arguments of `squadron join`.
public struct JoinRequest: Sendable, Hashable {
    /// The DataPlane's name.
    public var name: String
    /// Flyte's cluster id.
    public var clusterName: String
    public var endpoint: String
    /// The ExecutionLabel to make, with this cluster alone.
    public var label: String?
    /// Nil: the registry's mode. A data plane that begins in Observe is cordoned too.
    public var mode: Mode?
    /// flyteadmin's own account there. Nil: one account for both.
    public var flyteAdminAccount: String?
    /// Where Squadron watches propeller there.
    public var flyteHealth = FlyteHealthSettings()
    /// The namespace of the control plane, and of the accounts in the data plane.
    public var namespace: String
    /// The system's roots verify the cluster (`caCert: System`). Its token is then in a Secret of its own.
    public var usesSystemRoots = false

    public init(name: String, clusterName: String? = nil, endpoint: String, namespace: String) {
        self.name = name
        self.clusterName = clusterName ?? name
        self.endpoint = endpoint
        self.namespace = namespace
    }

    /// Squadron's own account in the data plane.
    static let account = "squadron"
    /// The Secret of the tokens of Squadron's own accounts, if flyteadmin has its own account.
    static let ownSecret = "squadron-credentials"
    /// All that flyteadmin needs in a data plane.
    static let workflowRule: JSON = [
        "apiGroups": ["flyte.lyft.com"], "resources": ["flyteworkflows"], "verbs": ["create", "delete"],
    ]

    /// The annotation on what `join` makes in the control plane for one DataPlane. Its value is the DataPlane's name.
    static let joinedAnnotation = FleetGroup.name + "/joined"

    /// The Secret that Squadron reads its token from.
    var secretName: String {
        if usesSystemRoots { return "\(Self.ownSecret)-\(name)" }
        return flyteAdminAccount == nil ? CredentialsReference.defaultSecretName : Self.ownSecret
    }
    var tokenKey: String { clusterName + "_token" }
    var caCertKey: String { clusterName + "_cacert" }
    /// The accounts whose tokens are needed, with the Secret in the control plane that each token goes to.
    var accounts: [(account: String, secret: String)] {
        let own = [(Self.account, secretName)]
        // flyteadmin does not use the system's roots: without a CA its token is of no use to it.
        guard let flyteAdminAccount, !usesSystemRoots else { return own }
        return own + [(flyteAdminAccount, CredentialsReference.defaultSecretName)]
    }

    /// Why the request can't be carried out. Nil if it can.
    public var problem: String? {
        if let message = NameRules.problem(ofClusterName: clusterName) { return "the cluster name \(message)" }
        if clusterName.utf8.count > 57 {
            return "the cluster name is longer than 57 bytes, which an annotation has to hold"
        }
        if flyteAdminAccount == Self.account { return "--flyteadmin-account is Squadron's own account" }
        if let label, let message = NameRules.problem(ofLabel: label) { return "the label \(message)" }
        var spec = DataPlaneSpec(endpoint: endpoint)
        spec.clusterName = clusterName
        return spec.problems().first?.description
    }
}

/// The objects that join a data plane. None of them holds a token.
extension JoinRequest {
    private func metadata(_ name: String, _ cluster: String, isNamespaced: Bool = true) -> JSON {
        var metadata: JSON = [
            "name": .string(name), "labels": ["app.kubernetes.io/name": "squadron"],
            "annotations": [NeededRights.annotation: .string(cluster)],
        ]
        if isNamespaced { metadata["namespace"] = .string(namespace) }
        return metadata
    }

    /// The request with the right to see propeller, if the registry asks for it.
    public func watching(_ flyteHealth: FlyteHealthSettings) -> JoinRequest {
        var request = self
        request.flyteHealth = flyteHealth
        return request
    }

    /// The objects for the data plane, in the order in which they are applied.
    ///
    /// - Parameter rules: the rules that the templates' kinds need.
    func dataPlaneObjects(rules: [JSON]) -> [JSON] {
        var objects: [JSON] = [
            [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": [
                    "name": .string(namespace),
                    "annotations": [NeededRights.annotation: .string(name)],
                ],
            ]
        ]
        objects += accountObjects(Self.account)
        objects += role(
            "ClusterRole", "squadron", rules: rules + (flyteAdminAccount == nil ? [Self.workflowRule] : []),
            for: Self.account)
        objects += role(
            "Role", "squadron-token",
            rules: [
                [
                    "apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": [.string(Self.account)],
                    "verbs": ["create"],
                ]
            ], for: Self.account)
        if let rule = NeededRights.flyteHealthRule(flyteHealth) {
            objects += role(
                "Role", NeededRights.flyteHealthRole, rules: [rule], for: Self.account, in: flyteHealth.namespace)
        }
        if let other = flyteAdminAccount {
            objects += accountObjects(other)
            objects += role("ClusterRole", "squadron-\(other)", rules: [Self.workflowRule], for: other)
        }
        return objects
    }

    private func accountObjects(_ account: String) -> [JSON] {
        var secret: JSON = [
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata(Self.tokenSecret(of: account), name),
            "type": "kubernetes.io/service-account-token",
        ]
        secret[path: ["metadata", "annotations", "kubernetes.io/service-account.name"]] = .string(account)
        return [["apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(account, name)], secret]
    }

    static func tokenSecret(of account: String) -> String { account + "-token" }

    private func role(
        _ kind: String, _ role: String, rules: [JSON], for account: String, in place: String? = nil
    ) -> [JSON] {
        let group = "rbac.authorization.k8s.io"
        var metadata = metadata(role, name, isNamespaced: kind == "Role")
        if let place { metadata["namespace"] = .string(place) }
        return [
            [
                "apiVersion": .string(group + "/v1"), "kind": .string(kind), "metadata": metadata,
                "rules": .array(rules),
            ],
            [
                "apiVersion": .string(group + "/v1"), "kind": .string(kind + "Binding"), "metadata": metadata,
                "roleRef": ["apiGroup": .string(group), "kind": .string(kind), "name": .string(role)],
                "subjects": [
                    ["kind": "ServiceAccount", "name": .string(account), "namespace": .string(namespace)]
                ],
            ],
        ]
    }

    /// The objects for the control plane, except the Secrets.
    var controlPlaneObjects: [JSON] {
        var spec: JSON = ["clusterName": .string(clusterName), "endpoint": .string(endpoint)]
        if let mode { spec["mode"] = .string(mode.rawValue) }
        if mode == .observe { spec["unschedulable"] = true }
        if secretName != CredentialsReference.defaultSecretName {
            spec["credentials"] = ["secretName": .string(secretName)]
        }
        if usesSystemRoots { spec[path: ["credentials", "caCert"]] = "System" }
        var objects = (usesSystemRoots ? secretRights : []) + [resource("DataPlane", name, spec)]
        if let label {
            objects.append(
                resource(
                    "ExecutionLabel", Self.objectName(of: label),
                    ["label": .string(label), "clusters": [["name": .string(clusterName), "weight": 1]]]))
        }
        return objects
    }

    /// The operator may read `cluster-credentials` and `squadron-credentials` anyway, and other Secrets only by name.
    private var secretRights: [JSON] {
        let group = "rbac.authorization.k8s.io"
        let metadata = controlPlaneMetadata(secretName)
        return [
            [
                "apiVersion": .string(group + "/v1"), "kind": "Role", "metadata": metadata,
                "rules": [
                    [
                        "apiGroups": [""], "resources": ["secrets"], "resourceNames": [.string(secretName)],
                        "verbs": ["get", "list", "watch"],
                    ]
                ],
            ],
            [
                "apiVersion": .string(group + "/v1"), "kind": "RoleBinding", "metadata": metadata,
                "roleRef": ["apiGroup": .string(group), "kind": "Role", "name": .string(secretName)],
                "subjects": [
                    ["kind": "ServiceAccount", "name": .string(Self.account), "namespace": .string(namespace)]
                ],
            ],
        ]
    }

    /// The metadata of what is made in the control plane for this DataPlane alone.
    func controlPlaneMetadata(_ object: String) -> JSON {
        var metadata = metadata(object, "control-plane")
        metadata[path: ["annotations", Self.joinedAnnotation]] = .string(name)
        return metadata
    }

    private func resource(_ kind: String, _ name: String, _ spec: JSON) -> JSON {
        [
            "apiVersion": .string(ResourceType.dataPlanes.apiVersion), "kind": .string(kind),
            "metadata": metadata(name, "control-plane"), "spec": spec,
        ]
    }

    /// A name that Kubernetes accepts: a label may have capitals and underscores.
    static func objectName(of label: String) -> String {
        let name = label.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "-" ? $0 : "-" }
        let text = String(name).split(separator: "-", omittingEmptySubsequences: true).joined(separator: "-")
        return text.isEmpty ? "label" : text
    }

    /// All objects, for a repository.
    public func documents(rules: [JSON]) -> [JSON] { dataPlaneObjects(rules: rules) + controlPlaneObjects }

    /// What these documents can't hold.
    public var notesForGitOps: [String] {
        accounts.map { account, secret in
            let source = "Secret \(Self.tokenSecret(of: account)) there"
            let what = usesSystemRoots ? "token of \(source)" : "token and ca.crt of \(source)"
            let keys = usesSystemRoots ? tokenKey : "\(tokenKey) and \(caCertKey)"
            return "put \(what) into Secret \(secret) of the control plane, as \(keys), with the annotation "
                + "\(hostsAnnotation.key): \"\(hostsAnnotation.value)\""
        }
    }

    /// What flyteadmin lacks for a cluster that the system's roots verify. Nil if it lacks nothing.
    public var noteForFlyteAdmin: String? {
        guard usesSystemRoots else { return nil }
        let account = flyteAdminAccount ?? Self.account
        return
            "the context has no certificate-authority, so the system's roots verify the cluster (caCert: System). flyteadmin "
            + "reads CA certificates from files only: it gets no executions there before Secret "
            + "\(CredentialsReference.defaultSecretName) has a token of \(account) as \(clusterName)_token and the "
            + "certificates of the cluster's CA as \(clusterName)_cacert"
    }

    /// The annotation of a Secret that says where this cluster's token may be sent.
    var hostsAnnotation: (key: String, value: String) {
        let rest = endpoint.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first.map(String.init)
        return ("\(AllowedHosts.annotation).\(clusterName)", rest ?? "")
    }
}
