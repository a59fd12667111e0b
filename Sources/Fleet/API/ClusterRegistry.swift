import KubeObjects
import Support

/// The settings and the state of the whole fleet: one object, named `flyte`. Without it the defaults hold.
public typealias ClusterRegistry = CustomResource<ClusterRegistrySpec>

extension CustomResource<ClusterRegistrySpec> {
    /// The only name that counts.
    public static var theName: String { "flyte" }
}

public struct ClusterRegistrySpec: CustomResourceSpec {
    public typealias Status = ClusterRegistryStatus
    public static var resourceType: ResourceType { .clusterRegistries }
    public static var absent: ClusterRegistrySpec? { ClusterRegistrySpec() }

    public enum SyncScope: String, Sendable, Hashable, Codable, CaseIterable { case all = "All", labelled = "Labelled" }
    public enum ConflictPolicy: String, Sendable, Hashable, Codable, CaseIterable {
        case report = "Report", force = "Force"
    }

    public static let defaultDomains = ["development", "staging", "production"]
    public static let defaultNamespaceTemplate = "{{ project }}-{{ domain }}"
    /// The cloud roles in Flyte's own templates. A project that could choose its role would choose its rights.
    public static let defaultLockedValues = ["defaultIamRole", "gsa"]

    /// The mode of the fleet, and of data planes without a mode of their own.
    public var mode = Mode.enforce
    public var identity = IdentitySpec()
    /// What happens to an existing namespace that is not ours.
    public var adoptionPolicy = AdoptionPolicy.flyte
    public var domains = defaultDomains
    public var namespaceTemplate = defaultNamespaceTemplate
    /// Empty for none.
    public var defaultExecutionLabel = ""
    /// For data planes without one of their own.
    public var workloadIdentity = WorkloadIdentity()
    /// Flyte's `templateData`.
    public var values: TemplateValues = [:]
    /// Flyte's `customData`.
    public var domainValues: [String: TemplateValues] = [:]
    public var valuesFrom: [ValueSource] = []
    /// Flyte's Helm values, as pasted by the user.
    public var `import`: FlyteImport?
    /// The same values, read live from the ConfigMap of Flyte's chart. A value in `import` with the same name wins.
    public var importFrom: KeyReference?
    /// Patterns of namespaces that are never touched, beside those that Squadron always spares.
    public var reservedNamespaces: [String] = []
    /// The names of values that no FlyteProject may set.
    public var lockedValues = defaultLockedValues
    /// Empty for the default templates: a Namespace and, with a workload identity, its `default` ServiceAccount.
    public var templatesConfigMap = ""
    /// Whether templates may have cluster-scoped objects besides the Namespace.
    public var allowClusterScoped = false
    /// Secrets that are copied into every project-domain's namespace of each data plane.
    public var replicateSecrets: [SecretReplication] = []
    public var syncScope = SyncScope.all
    public var conflictPolicy = ConflictPolicy.report
    public var flyteAdmin: FlyteAdmin?
    public var publish: Publish?
    /// Whether each DataPlane reports if a workflow would run there.
    public var flyteHealth = FlyteHealthSettings()
    /// Whether changes of templates, values and workload identity go to a few data planes first.
    public var rollout = RolloutPolicy()
    /// Namespaces of the control plane in which each DataPlane has a ClusterProfile.
    public var clusterProfiles: [ClusterProfileTarget] = []
    public var prune = false

    public init() {}

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        mode = try container.value(.mode, default: .enforce)
        identity = try container.value(.identity, default: IdentitySpec())
        adoptionPolicy = try container.value(.adoptionPolicy, default: .flyte)
        domains = try container.value(.domains, default: Self.defaultDomains)
        namespaceTemplate = try container.value(.namespaceTemplate, default: Self.defaultNamespaceTemplate)
        defaultExecutionLabel = try container.value(.defaultExecutionLabel, default: "")
        workloadIdentity = try container.value(.workloadIdentity, default: WorkloadIdentity())
        values = try container.value(.values, default: [:])
        domainValues = try container.value(.domainValues, default: [:])
        valuesFrom = try container.value(.valuesFrom, default: [])
        `import` = try container.decodeIfPresent(FlyteImport.self, forKey: .import)
        importFrom = try container.decodeIfPresent(KeyReference.self, forKey: .importFrom)
        reservedNamespaces = try container.value(.reservedNamespaces, default: [])
        lockedValues = try container.value(.lockedValues, default: Self.defaultLockedValues)
        allowClusterScoped = try container.value(.allowClusterScoped, default: false)
        templatesConfigMap = try container.value(.templatesConfigMap, default: "")
        replicateSecrets = try container.value(.replicateSecrets, default: [])
        syncScope = try container.value(.syncScope, default: .all)
        conflictPolicy = try container.value(.conflictPolicy, default: .report)
        flyteAdmin = try container.decodeIfPresent(FlyteAdmin.self, forKey: .flyteAdmin)
        publish = try container.decodeIfPresent(Publish.self, forKey: .publish)
        flyteHealth = try container.value(.flyteHealth, default: FlyteHealthSettings())
        rollout = try container.value(.rollout, default: RolloutPolicy())
        clusterProfiles = try container.value(.clusterProfiles, default: [])
        prune = try container.value(.prune, default: false)
    }

    public func problems() -> [SpecProblem] {
        var problems: [SpecProblem] = []
        for (index, domain) in domains.enumerated() where domain.isEmpty {
            problems.append(SpecProblem("spec.domains[\(index)]", "is empty"))
        }
        if !defaultExecutionLabel.isEmpty, let message = NameRules.problem(ofLabel: defaultExecutionLabel) {
            problems.append(SpecProblem("spec.defaultExecutionLabel", message))
        }
        do throws(SpecProblem) {
            _ = try NamespaceTemplate(namespaceTemplate, operatorNamespace: "", reserved: reservedNamespaces)
        } catch {
            problems.append(error)
        }
        problems += identity.problems(at: "spec.identity")
        problems += workloadIdentity.problems(at: "spec.workloadIdentity")
        problems += ValueRules.problems(of: values, at: "spec.values")
        problems += ValueRules.problems(ofDomains: domainValues, at: "spec.domainValues")
        problems += ValueRules.problems(of: valuesFrom, at: "spec.valuesFrom")
        problems += `import`?.problems(at: "spec.import") ?? []
        problems += importFrom?.problems(at: "spec.importFrom") ?? []
        for (index, name) in lockedValues.enumerated() {
            problems += ValueRules.problems(ofName: name, at: "spec.lockedValues[\(index)]")
        }
        problems += flyteAdmin?.problems(at: "spec.flyteAdmin") ?? []
        problems += publish?.problems(at: "spec.publish") ?? []
        problems += flyteHealth.problems(at: "spec.flyteHealth")
        for (index, target) in clusterProfiles.enumerated() {
            problems += target.problems(at: "spec.clusterProfiles[\(index)]")
        }
        for (index, entry) in replicateSecrets.enumerated() {
            problems += entry.problems(at: "spec.replicateSecrets[\(index)]")
        }
        return problems
    }
}

extension ClusterRegistrySpec {
    /// The workload identity of a data plane: its own, else the registry's.
    public func workloadIdentity(of dataPlane: DataPlane) -> WorkloadIdentity {
        let own = dataPlane.spec.workloadIdentity.flatMap { $0.annotation == nil ? nil : $0 }
        return own ?? workloadIdentity
    }

    /// Values that can't be meant as written. They are not part of `problems()`, since the other settings can be used.
    public func valueProblems() -> [SpecProblem] {
        (`import`?.helmExpressions(at: "spec.import") ?? [])
            + HelmExpressions.problems(of: values, at: "spec.values")
            + HelmExpressions.problems(ofDomains: domainValues, at: "spec.domainValues")
    }

    /// Keeps the values of the earlier settings while its own can't be used and the earlier ones could.
    public func keepingUsableValues(of last: ClusterRegistrySpec?) -> ClusterRegistrySpec {
        guard let last, !valueProblems().isEmpty, last.valueProblems().isEmpty else { return self }
        var spec = self
        (spec.import, spec.values, spec.domainValues) = (last.import, last.values, last.domainValues)
        return spec
    }
}

public struct ClusterRegistryStatus: CustomResourceStatus {
    public struct Counts: Sendable, Hashable, Codable {
        public var total: Int
        public var ready: Int
        public init(total: Int, ready: Int) {
            self.total = total
            self.ready = ready
        }
        public var summary: String { "\(ready)/\(total)" }
    }
    public struct Summary: Sendable, Hashable, Codable {
        /// The form is "ready/total".
        public var dataPlanes: String
        public var labels: String
        public var assignments: String
        /// The form is "synced/desired".
        public var namespaces: String
        public init(dataPlanes: String, labels: String, assignments: String, namespaces: String) {
            self.dataPlanes = dataPlanes
            self.labels = labels
            self.assignments = assignments
            self.namespaces = namespaces
        }
    }
    /// Projects that flyteadmin has archived. They need no namespaces, and existing ones are left alone.
    public struct ArchivedProjects: Sendable, Hashable, Codable {
        /// The most names that are listed, in alphabetical order.
        public static let mostNames = 64
        public var total: Int
        public var names: [String]
        public init?(_ projects: Set<String>) {
            if projects.isEmpty { return nil }
            total = projects.count
            names = projects.sorted().prefix(Self.mostNames).map { $0.cut(toBytes: 253) }
        }
    }
    public var observedGeneration: Int64?
    public var conditions: [Condition] = []
    public var dataPlanes: Counts?
    public var executionLabels: Counts?
    public var executionClusterLabels: Counts?
    public var namespaces: NamespaceCounts?
    /// The copies of `replicateSecrets` in all data planes. Nil if nothing is copied.
    public var replicatedSecrets: ReplicationCounts?
    /// Nil if changes go to all data planes at once.
    public var rollout: RolloutStatus?
    /// Nil if there are none, or if flyteadmin's projects don't count.
    public var archivedProjects: ArchivedProjects?
    public var summary: Summary?

    public init() {}
}
