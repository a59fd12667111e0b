/// How a FlyteProject is registered and maintained in flyteadmin.
public struct ProjectRegistration: Sendable, Hashable, Codable {
    public var enabled = false
    /// Empty: registered with the project's id as its name, and not changed later.
    public var name = ""
    /// Empty: not changed. flyteadmin can't empty it.
    public var description = ""
    /// Empty: not changed.
    public var labels: [String: String] = [:]

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        enabled = try container.value(.enabled, default: false)
        name = try container.value(.name, default: "")
        description = try container.value(.description, default: "")
        labels = try container.value(.labels, default: [:])
    }

    func problems(at path: String) -> [SpecProblem] {
        var problems: [SpecProblem] = []
        if name.unicodeScalars.count > 64 { problems.append(SpecProblem(path + ".name", "is longer than 64")) }
        if description.unicodeScalars.count > 300 {
            problems.append(SpecProblem(path + ".description", "is longer than 300"))
        }
        return problems
    }
}

/// The content of flyteadmin's TASK_RESOURCE and WORKFLOW_EXECUTION_CONFIG attributes for a project-domain.
public struct ProjectAttributes: Sendable, Hashable, Codable {
    public struct TaskResources: Sendable, Hashable, Codable {
        public var defaults: ResourceAmounts?
        public var limits: ResourceAmounts?
        public init(defaults: ResourceAmounts? = nil, limits: ResourceAmounts? = nil) {
            self.defaults = defaults
            self.limits = limits
        }
    }
    /// Kubernetes quantities.
    public struct ResourceAmounts: Sendable, Hashable, Codable {
        public var cpu: TemplateValue?
        public var gpu: TemplateValue?
        public var memory: TemplateValue?
        public var storage: TemplateValue?
        public var ephemeralStorage: TemplateValue?
        public init() {}

        /// Each amount with the user's name for it and flyteadmin's.
        var all: [(name: String, proto: String, value: TemplateValue)] {
            let list: [(String, String, TemplateValue?)] = [
                ("cpu", "cpu", cpu), ("gpu", "gpu", gpu), ("memory", "memory", memory), ("storage", "storage", storage),
                ("ephemeralStorage", "ephemeral_storage", ephemeralStorage),
            ]
            return list.compactMap { name, proto, value in value.map { (name, proto, $0) } }
        }
    }
    public struct ExecutionConfig: Sendable, Hashable, Codable {
        public var maxParallelism: Int?
        public var serviceAccount: String?
        public var iamRole: String?
        public var rawOutputPrefix: String?
        public var labels: [String: String]?
        public var annotations: [String: String]?
        public init() {}
    }
    public var taskResources: TaskResources?
    public var executionConfig: ExecutionConfig?

    public init(taskResources: TaskResources? = nil, executionConfig: ExecutionConfig? = nil) {
        self.taskResources = taskResources
        self.executionConfig = executionConfig
    }

    /// The key that stands for every domain of a project.
    public static let everyDomain = "*"

    /// Merges field by field. The other's fields win. As in flyteadmin, labels and annotations are one field each.
    public func overlaid(by other: ProjectAttributes?) -> ProjectAttributes {
        guard let other else { return self }
        func amounts(_ weak: ResourceAmounts?, _ strong: ResourceAmounts?) -> ResourceAmounts? {
            guard var result = weak, let strong else { return strong ?? weak }
            result.cpu = strong.cpu ?? result.cpu
            result.gpu = strong.gpu ?? result.gpu
            result.memory = strong.memory ?? result.memory
            result.storage = strong.storage ?? result.storage
            result.ephemeralStorage = strong.ephemeralStorage ?? result.ephemeralStorage
            return result
        }
        var result = self
        result.taskResources = TaskResources(
            defaults: amounts(taskResources?.defaults, other.taskResources?.defaults),
            limits: amounts(taskResources?.limits, other.taskResources?.limits))
        guard let strong = other.executionConfig else { return result }
        var config = executionConfig ?? ExecutionConfig()
        config.maxParallelism = strong.maxParallelism ?? config.maxParallelism
        config.serviceAccount = strong.serviceAccount ?? config.serviceAccount
        config.iamRole = strong.iamRole ?? config.iamRole
        config.rawOutputPrefix = strong.rawOutputPrefix ?? config.rawOutputPrefix
        config.labels = strong.labels ?? config.labels
        config.annotations = strong.annotations ?? config.annotations
        result.executionConfig = config
        return result
    }

    /// Checks what flyteadmin accepts here but fails on when a workflow is launched.
    func problems(at path: String) -> [SpecProblem] {
        var problems: [SpecProblem] = []
        for (part, amounts) in [("defaults", taskResources?.defaults), ("limits", taskResources?.limits)] {
            for amount in amounts?.all ?? [] where Quantity.value(amount.value.text) == nil {
                let place = "\(path).taskResources.\(part).\(amount.name)"
                problems.append(SpecProblem(place, "\(amount.value.text.quotedForMessage) is not a quantity"))
            }
        }
        problems += excess(at: path)
        if let parallelism = executionConfig?.maxParallelism, parallelism < 1 || parallelism > Int(Int32.max) {
            problems.append(SpecProblem(path + ".executionConfig.maxParallelism", "is not between 1 and 2147483647"))
        }
        return problems
    }

    private func excess(at path: String) -> [SpecProblem] {
        let limits = Dictionary(
            (taskResources?.limits?.all ?? []).map { ($0.name, $0.value.text) }, uniquingKeysWith: { first, _ in first }
        )
        return (taskResources?.defaults?.all ?? []).compactMap { amount in
            guard let limit = limits[amount.name], let most = Quantity.value(limit),
                let value = Quantity.value(amount.value.text), value > most
            else { return nil }
            return SpecProblem(
                "\(path).taskResources.defaults.\(amount.name)",
                "\(amount.value.text.shortForMessage) is more than its limit, \(limit.shortForMessage)")
        }
    }
}

extension [String: ProjectAttributes] {
    /// The attributes of one domain: its own fields, and those of every domain otherwise.
    public subscript(merged domain: String) -> ProjectAttributes? {
        guard let shared = self[ProjectAttributes.everyDomain] else { return self[domain] }
        return shared.overlaid(by: self[domain])
    }

    func problems(at path: String) -> [SpecProblem] {
        let own = sorted { $0.key < $1.key }.flatMap { $0.value.problems(at: "\(path).\($0.key.shortForMessage)") }
        guard own.isEmpty else { return own }
        // A default for every domain may exceed the limit of one domain.
        return keys.sorted().flatMap { self[merged: $0]?.problems(at: "\(path).\($0.shortForMessage)") ?? [] }
    }
}
