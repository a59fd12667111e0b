import JSON

/// What one FlyteProject wants in flyteadmin.
public struct ProjectDemand: Sendable, Hashable {
    /// The project's id.
    public var project: String
    /// Nil: somebody else registers it.
    public var registration: ProjectRegistration?
    /// The attributes of each project-domain, in the form of `AdminRow.value`.
    public var taskResources: [AdminRow] = []
    public var executionConfigs: [AdminRow] = []
    /// Locked fields that it sets. They are left out of the rows.
    public var locked: [String] = []
    /// Keys of `attributes` that no domain of the project has.
    public var withoutDomain: [String] = []

    public init(_ object: FlyteProject, _ settings: ClusterRegistrySpec) {
        let spec = object.spec
        project = spec.project
        registration = spec.register.enabled ? spec.register : nil
        let domains = object.effectiveDomains(settings.domains)
        let known = Set(domains + [ProjectAttributes.everyDomain])
        withoutDomain = spec.attributes.keys.filter { !known.contains($0) }.sorted()
        let isLocked = !settings.lockedValues.isEmpty
        if isLocked { locked = spec.lockedAttributes }
        for domain in domains {
            guard var attributes = spec.attributes[merged: domain] else { continue }
            if isLocked { attributes.executionConfig = attributes.executionConfig?.withoutAccount }
            let key = AdminRowKey(project: project, domain: domain)
            if let value = attributes.taskResources?.row { taskResources.append(AdminRow(key, value)) }
            if let value = attributes.executionConfig?.row { executionConfigs.append(AdminRow(key, value)) }
        }
    }

    /// Whether it wants nothing in flyteadmin, so that no status is needed either.
    public var isEmpty: Bool { registration == nil && taskResources.isEmpty && executionConfigs.isEmpty }
}

/// What all FlyteProjects want in flyteadmin.
public struct ProjectClaims: Sendable, Hashable {
    /// The demands of the objects in force, by object name.
    public private(set) var demands: [String: ProjectDemand] = [:]
    /// By project.
    public private(set) var registrations: [String: ProjectRegistration] = [:]
    public private(set) var taskResources = RowClaims()
    public private(set) var executionConfigs = RowClaims()

    public init() {}

    /// - Parameters:
    ///   - projects: all readable objects, also those with problems.
    ///   - unreadable: the names of the objects that can't be read. No row is deleted meanwhile.
    public init(_ projects: [FlyteProject], _ settings: ClusterRegistrySpec, unreadable: [String] = []) {
        var tasks: [RowClaims.Claim] = []
        var configs: [RowClaims.Claim] = []
        for object in ProjectDomains.inForce(projects).values {
            let (name, demand) = (object.metadata.name, ProjectDemand(object, settings))
            if !demand.isEmpty { demands[name] = demand }
            if let registration = demand.registration { registrations[demand.project] = registration }
            tasks += demand.taskResources.map { .init(key: $0.key, value: $0.value, object: name) }
            configs += demand.executionConfigs.map { .init(key: $0.key, value: $0.value, object: name) }
        }
        // The rows of a broken object stay as they are, whatever it says now.
        var kept: Set<AdminRowKey> = []
        for object in projects where !object.spec.problems().isEmpty && !object.spec.project.isEmpty {
            let domains = Set(settings.domains).union(object.spec.domains ?? []).union(object.spec.attributes.keys)
            kept.formUnion(domains.map { AdminRowKey(project: object.spec.project, domain: $0) })
        }
        taskResources = RowClaims(tasks, kept: kept, unreadable: unreadable)
        executionConfigs = RowClaims(configs, kept: kept, unreadable: unreadable)
    }

    /// The ServiceAccounts that execution configurations name, by domain.
    public static func serviceAccounts(_ object: FlyteProject, _ settings: ClusterRegistrySpec) -> [String: String] {
        if !settings.lockedValues.isEmpty { return [:] }
        return object.effectiveDomains(settings.domains).reduce(into: [:]) { accounts, domain in
            let name = object.spec.attributes[merged: domain]?.executionConfig?.serviceAccount
            if let name, !name.isEmpty { accounts[domain] = name }
        }
    }
}

extension FlyteProjectSpec {
    /// The fields of `attributes` that choose the account of executions. They are locked while any value's name is
    /// locked.
    fileprivate var lockedAttributes: [String] {
        attributes.sorted { $0.key < $1.key }.flatMap { domain, attributes -> [String] in
            let config = attributes.executionConfig
            let fields = [("serviceAccount", config?.serviceAccount), ("iamRole", config?.iamRole)]
            return fields.compactMap { name, value in
                value?.isEmpty == false ? "attributes.\(domain.shortForMessage).executionConfig.\(name)" : nil
            }
        }
    }
}

// In flyteadmin's form, with the proto's names and without unset fields: `FlyteAdmin.AttributeRow.value` is the same text.

extension ProjectAttributes.TaskResources {
    var row: String? {
        func amounts(_ amounts: ProjectAttributes.ResourceAmounts?) -> JSON? {
            let set = (amounts?.all ?? []).filter { !$0.value.text.isEmpty }
            if set.isEmpty { return .none }
            return .object(set.reduce(into: [:]) { $0[$1.proto] = .string($1.value.text) })
        }
        var content: [String: JSON] = [:]
        content["defaults"] = amounts(defaults)
        content["limits"] = amounts(limits)
        return content.isEmpty ? nil : JSON.object(["task_resource_attributes": .object(content)]).serializedString
    }
}

extension ProjectAttributes.ExecutionConfig {
    fileprivate var withoutAccount: ProjectAttributes.ExecutionConfig {
        var config = self
        (config.serviceAccount, config.iamRole) = (nil, nil)
        return config
    }

    var row: String? {
        func text(_ text: String?) -> JSON? {
            guard let text, !text.isEmpty else { return .none }
            return .string(text)
        }
        func map(_ map: [String: String]?) -> JSON? {
            guard let map, !map.isEmpty else { return .none }
            return ["values": .object(map.mapValues { .string($0) })]
        }
        var content: [String: JSON] = [:]
        content["max_parallelism"] = maxParallelism.map { .int(Int64($0)) }
        var account: [String: JSON] = [:]
        account["k8s_service_account"] = text(serviceAccount)
        account["iam_role"] = text(iamRole)
        if !account.isEmpty { content["security_context"] = ["run_as": .object(account)] }
        if let prefix = text(rawOutputPrefix) { content["raw_output_data_config"] = ["output_location_prefix": prefix] }
        content["labels"] = map(labels)
        content["annotations"] = map(annotations)
        return content.isEmpty ? nil : JSON.object(["workflow_execution_config": .object(content)]).serializedString
    }
}
