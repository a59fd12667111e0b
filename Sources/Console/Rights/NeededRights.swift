import Fleet
import JSON
import KubeObjects
import YAML

/// The Role and ClusterRoles that the present configuration needs, as documents to apply.
public struct NeededRights: Sendable {
    public enum Side: String, Sendable, CaseIterable { case controlPlane = "control-plane", dataPlanes = "data-planes" }

    /// The names of what the operator reads. The operator's own `References` finds them.
    public struct Names: Sendable {
        public var secrets: Set<String>
        public var configMaps: Set<String>
        public init(secrets: Set<String>, configMaps: Set<String>) {
            (self.secrets, self.configMaps) = (secrets, configMaps)
        }
    }

    /// Says which cluster a document is for, as in the output of `squadron join -o yaml`.
    static let annotation = "multicluster.flyte.org/apply-to"

    private let namespace: String
    private let registry: ClusterRegistrySpec
    private let names: Names
    private let hasInCluster: Bool
    private let sharesAccount: Bool
    private let tokens: TokenRights
    private let permissions: [Permission]
    /// What a user should know about the documents.
    public private(set) var notes: [String] = []
    /// Whether rules are missing, because some templates can't be used or a kind is not known.
    public private(set) var isIncomplete: Bool

    /// - Parameters:
    ///   - templates: the templates in force. Nil if they can't be known.
    ///   - kinds: the API paths of the templates' kinds.
    public init(
        registry: ClusterRegistrySpec, dataPlanes: [DataPlane], names: Names, templates: TemplateSet?,
        kinds: RESTMapper = .wellKnown, namespace: String
    ) {
        (self.registry, self.names, self.namespace) = (registry, names, namespace)
        hasInCluster = dataPlanes.contains(where: \.spec.inCluster)
        sharesAccount = dataPlanes.contains { !$0.spec.inCluster && $0.spec.sharesAccount }
        tokens = TokenRights(dataPlanes)
        permissions = Permissions.required(
            by: templates ?? .standard, kinds: kinds, deletes: registry.prune,
            copies: !registry.replicateSecrets.isEmpty)
        isIncomplete = templates == nil
        for kind in (templates?.kinds ?? []).filter({ kinds[$0] == nil }).sorted(by: { $0.kind < $1.kind }) {
            isIncomplete = true
            notes.append("the control plane does not serve \(kind), so the rule for it is missing")
        }
        let own = Set(["system:serviceaccount:\(namespace):squadron", "system:serviceaccount:flyte:squadron"])
        for plane in dataPlanes {
            guard !plane.spec.inCluster, let user = plane.status?.identity, !own.contains(user) else { continue }
            notes.append(
                "DataPlane \(plane.metadata.name) works as \(user): bind the ClusterRole to that account there")
        }
    }

    public func documents(for side: Side?) -> [JSON] {
        var documents: [JSON] = []
        if side != .dataPlanes {
            documents += pair(
                "Role", "squadron", rules: controlPlaneRules, side: .controlPlane, isNamespaced: true)
            for target in Set(registry.clusterProfiles.map(\.namespace)).sorted() {
                documents += pair(
                    "Role", "squadron-cluster-profiles",
                    rules: [
                        Self.rule(
                            ResourceType.clusterProfiles.group, ["clusterprofiles"],
                            ["get", "list", "watch", "create", "patch", "delete"]),
                        Self.rule(ResourceType.clusterProfiles.group, ["clusterprofiles/status"], ["patch"]),
                    ], side: .controlPlane, isNamespaced: true, in: target)
            }
            if hasInCluster {
                documents += pair(
                    "ClusterRole", "squadron-data-plane", rules: dataPlaneRules, side: .controlPlane)
                documents += flyteHealth(.controlPlane)
            }
        }
        if side != .controlPlane {
            let workflows = sharesAccount ? [JoinRequest.workflowRule] : []
            documents += pair("ClusterRole", "squadron", rules: dataPlaneRules + workflows, side: .dataPlanes)
            documents += flyteHealth(.dataPlanes)
            if !tokens.renewed.isEmpty {
                let rule = Self.rule("", ["serviceaccounts/token"], ["create"], names: tokens.renewed)
                documents += pair("Role", "squadron-token", rules: [rule], side: .dataPlanes, isNamespaced: true)
            }
        }
        return documents
    }

    public func rendered(for side: Side?, as format: OutputFormat) -> String {
        let documents = documents(for: side)
        guard format == .json else { return YAML.emit(documents: documents) }
        let list: JSON = ["apiVersion": "v1", "kind": "List", "items": .array(documents)]
        return String(decoding: list.serialized(pretty: true), as: UTF8.self)
    }

    /// A role and its binding to the account `squadron`.
    private func pair(
        _ kind: String, _ name: String, rules: [JSON], side: Side, isNamespaced: Bool = false, in place: String? = nil
    ) -> [JSON] {
        var metadata: JSON = [
            "name": .string(name), "labels": ["app.kubernetes.io/name": "squadron"],
            "annotations": [Self.annotation: .string(side.rawValue)],
        ]
        if isNamespaced { metadata["namespace"] = .string(place ?? namespace) }
        let group = "rbac.authorization.k8s.io"
        let role: JSON = [
            "apiVersion": .string(group + "/v1"), "kind": .string(kind), "metadata": metadata, "rules": .array(rules),
        ]
        let binding: JSON = [
            "apiVersion": .string(group + "/v1"), "kind": .string(kind + "Binding"), "metadata": metadata,
            "roleRef": ["apiGroup": .string(group), "kind": .string(kind), "name": .string(name)],
            "subjects": [["kind": "ServiceAccount", "name": "squadron", "namespace": .string(namespace)]],
        ]
        return [role, binding]
    }

    /// What Squadron's own work in a data plane needs.
    var dataPlaneRules: [JSON] {
        (try? YAML.parse(Permissions.rules(adding: permissions)))?.array ?? []
    }

    /// The rules for what the operator reads of Flyte itself in a data plane.
    private func flyteHealth(_ side: Side) -> [JSON] {
        guard let rule = Self.flyteHealthRule(registry.flyteHealth) else { return [] }
        return pair(
            "Role", Self.flyteHealthRole, rules: [rule], side: side, isNamespaced: true,
            in: registry.flyteHealth.namespace)
    }
    static let flyteHealthRole = "squadron-flyte-health"
    /// Nil if it reads nothing.
    static func flyteHealthRule(_ settings: FlyteHealthSettings) -> JSON? {
        // `enabled ? rule : nil` would give JSON's null.
        guard settings.enabled else { return nil }
        return rule("apps", ["deployments"], ["get", "list", "watch"], names: [settings.deployment])
    }

    private static func rule(
        _ group: String, _ resources: [String], _ verbs: [String], names: some Sequence<String> = []
    ) -> JSON {
        func list(_ texts: some Sequence<String>) -> JSON { .array(texts.map { .string($0) }) }
        var rule: JSON = ["apiGroups": [.string(group)], "resources": list(resources), "verbs": list(verbs)]
        let names = Set(names).sorted()
        if !names.isEmpty { rule["resourceNames"] = list(names) }
        return rule
    }

    private var controlPlaneRules: [JSON] {
        let read = ["get", "list", "watch"]
        let kinds = ControlPlaneReader.kinds.map(\.plural)
        var rules = [
            Self.rule(FleetGroup.name, kinds, read),
            Self.rule(FleetGroup.name, ["dataplanes"], ["patch"]),
            Self.rule(FleetGroup.name, kinds.map { $0 + "/status" }, ["get", "patch"]),
        ]
        if !names.secrets.isEmpty { rules.append(Self.rule("", ["secrets"], read, names: names.secrets)) }
        if registry.replicateSecrets.contains(where: { $0.selector != nil }) {
            rules.append(Self.rule("", ["secrets"], ["list", "watch"]))
        }
        let published = registry.publish?.clustersConfigMap?.name
        let maps = names.configMaps.subtracting([published].compactMap { $0 })
        if !maps.isEmpty { rules.append(Self.rule("", ["configmaps"], read, names: maps)) }
        if let published {
            rules.append(Self.rule("", ["configmaps"], read + ["create", "patch"], names: [published]))
        }
        let restarted = (registry.publish?.restart ?? []).map(\.name)
        if !restarted.isEmpty {
            rules.append(Self.rule("apps", ["deployments"], read + ["patch"], names: restarted))
        }
        if !tokens.federated.isEmpty {
            rules.append(Self.rule("", ["serviceaccounts/token"], ["create"], names: tokens.federated))
        }
        if !tokens.written.isEmpty {
            rules.append(Self.rule("", ["secrets"], ["get", "patch"], names: tokens.written))
        }
        if registry.rollout.type == .progressive {
            rules.append(Self.rule("apps", ["controllerrevisions"], ["list", "create", "patch", "delete"]))
        }
        if registry.flyteAdmin != nil {
            let notes = FlyteAdminNotes.configMapNames
            rules.append(Self.rule("", ["configmaps"], ["get", "create", "patch"], names: notes))
        }
        rules += [
            Self.rule("", ["namespaces"], ["get"], names: [namespace]),
            Self.rule("events.k8s.io", ["events"], ["create", "patch"]),
            Self.rule("coordination.k8s.io", ["leases"], ["create"]),
            Self.rule("coordination.k8s.io", ["leases"], ["get", "update"], names: ["squadron"]),
        ]
        return rules
    }
}

extension DataPlaneSpec {
    /// Whether flyteadmin works with the same account: it reads the tokens in `cluster-credentials`.
    fileprivate var sharesAccount: Bool {
        credentials.provider.hasFirstToken && credentials.secretName == CredentialsReference.defaultSecretName
            && (flyteAdmin?.tokenKey ?? "").isEmpty
    }
}
