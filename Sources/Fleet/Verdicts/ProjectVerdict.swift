import KubeObjects
import Support

/// What is known of one FlyteProject.
public struct ProjectObservation: Sendable {
    public struct Domain: Sendable, Hashable {
        public var domain: String
        public var namespace: NamespaceAnswer
        public var progress: NamespaceProgress
        /// The namespace is shared with another project-domain that wants something else in it: the whole message.
        public var sharing: String?
        public init(
            domain: String, namespace: NamespaceAnswer, progress: NamespaceProgress, sharing: String? = nil
        ) {
            self.sharing = sharing
            self.domain = domain
            self.namespace = namespace
            self.progress = progress
        }
    }
    public var object: FlyteProject
    /// The older object of the same project.
    public var duplicateOf: String?
    public var domains: [Domain]
    /// Why a Secret that `valuesFrom` names must not be read for it.
    public var sourceNotAllowed: String?
    /// Of its own domains, those that the registry doesn't have: no namespace is wanted for them.
    public var unknownDomains: NamespaceAnswer?
    /// Values that it sets and that the registry locks: they are ignored.
    public var lockedValues: [String] = []
    /// flyteadmin has archived the project. This object wants its namespaces all the same.
    public var isArchived = false

    public init(object: FlyteProject, duplicateOf: String?, domains: [Domain]) {
        self.object = object
        self.duplicateOf = duplicateOf
        self.domains = domains
    }

    public var verdicts: [ConditionVerdict] {
        if let problem = object.spec.problems().first {
            return ConditionVerdict.invalid([.namespaceSynced, .ready], problem)
        }
        let synced = synced
        let ready: ConditionVerdict =
            objection
            ?? .ready([synced], "all namespaces are in sync").noting(archived: isArchived ? object.spec.project : nil)
        return [synced, ready]
    }

    /// What is wrong with the object itself, whatever its namespaces are like.
    private var objection: ConditionVerdict? {
        let (name, project) = (object.metadata.name, object.spec.project)
        if let duplicateOf {
            return .no(
                .ready, Reason.duplicateProject,
                "FlyteProject \(duplicateOf) is older and has the project \(project) already")
        }
        if project != name {
            return .no(
                .ready, Reason.invalid,
                "spec.project: is \(project.quotedForMessage) and must be the object's name, \(name.quotedForMessage). Its "
                    + "namespaces stay as they are; make a FlyteProject named \(project.shortForMessage), then delete this one"
            )
        }
        if !lockedValues.isEmpty {
            let names = lockedValues.listed()
            return .no(
                .ready, Reason.valueLocked,
                "the ClusterRegistry locks \(names) (spec.lockedValues): what this object sets for it is ignored")
        }
        return nil
    }

    private var synced: ConditionVerdict {
        if let sourceNotAllowed { return .no(.namespaceSynced, Reason.sourceNotAllowed, sourceNotAllowed) }
        if case .unknownDomain(let message)? = unknownDomains {
            return .no(.namespaceSynced, Reason.unknownDomain, message)
        }
        for domain in domains {
            if case .invalid(let message) = domain.namespace {
                return .no(.namespaceSynced, Reason.invalidName, message)
            }
        }
        if let sharing = domains.lazy.compactMap(\.sharing).first {
            return .no(.namespaceSynced, Reason.syncFailed, sharing)
        }
        return total.verdict("\(domains.count) namespaces")
    }

    private var total: NamespaceProgress {
        domains.map(\.progress).reduce(.zero, +)
    }

    public func status(now: Instant) -> FlyteProjectStatus {
        var status = FlyteProjectStatus(verdicts, of: object, now: now)
        status.namespaces = domains.compactMap { domain in
            domain.namespace.name.map {
                .init(domain: domain.domain, namespace: $0, dataPlanes: domain.progress.counts)
            }
        }
        status.dataPlanes = total.counts
        status.summary = .init(
            domains: domains.map(\.domain).joined(separator: ",").cut(toBytes: 1024), synced: total.counts.summary)
        return status
    }

    /// The name of the older object, for each that names a project that another one has.
    public static func duplicates(_ projects: [FlyteProject]) -> [String: String] {
        Seniority.duplicates(projects.filter { $0.spec.problems().isEmpty }, by: \.spec.project)
    }
}
