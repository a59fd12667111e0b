import KubeObjects

/// A Flyte project and its domains, without flytectl.
public typealias FlyteProject = CustomResource<FlyteProjectSpec>

public struct FlyteProjectSpec: CustomResourceSpec {
    public typealias Status = FlyteProjectStatus
    public static var resourceType: ResourceType { .flyteProjects }

    /// The object's name, which is also the default.
    public var project: String
    /// A subset of the registry's domains. Nil or empty for all of them.
    public var domains: [String]?
    public var values: TemplateValues = [:]
    public var domainValues: [String: TemplateValues] = [:]
    public var valuesFrom: [ValueSource] = []
    public var register = ProjectRegistration()
    /// flyteadmin's matchable attributes by domain. `*` stands for every domain.
    public var attributes: [String: ProjectAttributes] = [:]

    public init(project: String, domains: [String]? = nil) {
        self.project = project
        self.domains = domains
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        project = try container.value(.project, default: "")
        domains = try container.decodeIfPresent([String].self, forKey: .domains)
        values = try container.value(.values, default: [:])
        domainValues = try container.value(.domainValues, default: [:])
        valuesFrom = try container.value(.valuesFrom, default: [])
        register = try container.value(.register, default: ProjectRegistration())
        attributes = try container.value(.attributes, default: [:])
    }

    public mutating func complete(with metadata: ObjectMeta) {
        if project.isEmpty { project = metadata.name }
    }

    /// Those of the names that this project sets itself, in any of its layers.
    public func sets(_ names: [String]) -> [String] {
        let own = Set(values.keys).union(domainValues.values.flatMap(\.keys)).union(valuesFrom.map(\.name))
        return names.filter { own.contains($0) }
    }

    public func problems() -> [SpecProblem] {
        var problems = project.isEmpty ? [SpecProblem("spec.project", "is empty")] : []
        for (index, domain) in (domains ?? []).enumerated() where domain.isEmpty {
            problems.append(SpecProblem("spec.domains[\(index)]", "is empty"))
        }
        return problems + ValueRules.problems(of: values, at: "spec.values")
            + ValueRules.problems(ofDomains: domainValues, at: "spec.domainValues")
            + ValueRules.problems(of: valuesFrom, at: "spec.valuesFrom")
            + register.problems(at: "spec.register") + attributes.problems(at: "spec.attributes")
    }
}

public struct FlyteProjectStatus: CustomResourceStatus {
    public struct Namespace: Sendable, Hashable, Codable {
        public var domain: String
        public var namespace: String
        public var dataPlanes: DataPlaneCounts
        public init(domain: String, namespace: String, dataPlanes: DataPlaneCounts) {
            self.domain = domain
            self.namespace = namespace
            self.dataPlanes = dataPlanes
        }
    }
    public var observedGeneration: Int64?
    public var conditions: [Condition] = []
    public var namespaces: [Namespace] = []
    /// The counts over all namespaces of the project. A data plane counts once for each namespace.
    public var dataPlanes: DataPlaneCounts?
    public var summary: Summary?

    public struct Summary: Sendable, Hashable, Codable {
        /// "development,production".
        public var domains: String
        /// "4/4".
        public var synced: String
        public init(domains: String, synced: String) {
            self.domains = domains
            self.synced = synced
        }
    }

    public init() {}

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        observedGeneration = try container.decodeIfPresent(Int64.self, forKey: .observedGeneration)
        conditions = try container.value(.conditions, default: [])
        // The status of a spec that can't be used has none.
        namespaces = try container.value(.namespaces, default: [])
        dataPlanes = try container.decodeIfPresent(DataPlaneCounts.self, forKey: .dataPlanes)
        summary = try container.decodeIfPresent(Summary.self, forKey: .summary)
    }
}
