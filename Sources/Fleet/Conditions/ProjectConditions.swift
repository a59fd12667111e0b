import KubeObjects
import Support

/// What is known of one FlyteProject.
public struct ProjectFacts: Sendable {
    public struct Domain: Sendable, Hashable {
        public var domain: String
        public var namespace: NamespaceAnswer
        public var progress: NamespaceProgress
        /// The namespace is shared with another project-domain that wants other objects in it. The text is the whole
        /// message.
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
    /// Why a Secret in `valuesFrom` must not be used for that.
    public var sourceNotAllowed: String?
    /// Those of its own domains that the registry does not have. They get no namespaces.
    public var unknownDomains: NamespaceAnswer?
    /// Values that it sets although the registry locks them. They are ignored.
    public var lockedValues: [String] = []
    /// Fields of `attributes` that are locked with them.
    public var lockedAttributes: [String] = []
    /// Its state in flyteadmin. Nil if it wants nothing there.
    public var publication: Publication?
    /// Remarks on `attributes` for the status, although nothing failed.
    public var notes: [String] = []
    /// flyteadmin has archived the project. This object still wants its namespaces.
    public var isArchived = false

    public init(object: FlyteProject, duplicateOf: String?, domains: [Domain]) {
        self.object = object
        self.duplicateOf = duplicateOf
        self.domains = domains
    }

    public var findings: [ConditionFinding] {
        if let problem = object.spec.problems().first {
            return ConditionFinding.invalid(ConditionType.ofProject(object.spec), problem)
        }
        let (synced, published) = (synced, published)
        var counted = [synced]
        if let published, publication != .notConfigured, published.reason != Reason.observing {
            counted.append(published)
        }
        let ready: ConditionFinding =
            objection
            ?? .ready(counted, "all namespaces are in sync").noting(notes).noting(
                archived: isArchived ? object.spec.project : nil)
        return [synced, published, ready].compactMap { $0 }
    }

    private var published: ConditionFinding? {
        guard let publication else { return nil }
        if publication == .published {
            return .yes(.published, Reason.published, "flyteadmin has what this object wants there").noting(notes)
        }
        return publication.finding
    }

    /// What is wrong with the object itself, whatever the state of its namespaces is.
    private var objection: ConditionFinding? {
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
        let locked = (lockedValues + lockedAttributes).listed()
        guard !locked.isEmpty else { return nil }
        return .no(
            .ready, Reason.valueLocked,
            "the ClusterRegistry locks \(locked) (spec.lockedValues): what this object sets for it is ignored")
    }

    private var synced: ConditionFinding {
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
        return total.finding("\(domains.count) namespaces")
    }

    private var total: NamespaceProgress {
        domains.map(\.progress).reduce(.zero, +)
    }

    public func status(now: Instant) -> FlyteProjectStatus {
        var status = FlyteProjectStatus(findings, of: object, now: now)
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

    /// The name of the older object, for each object whose project another one already has.
    public static func duplicates(_ projects: [FlyteProject]) -> [String: String] {
        Seniority.duplicates(projects.filter { $0.spec.problems().isEmpty }, by: \.spec.project)
    }
}

extension ConditionType {
    /// The conditions of a FlyteProject. `Published` is one of them only if it wants something in flyteadmin.
    public static func ofProject(_ spec: FlyteProjectSpec?) -> [ConditionType] {
        guard let spec, spec.register.enabled || !spec.attributes.isEmpty else { return [.namespaceSynced, .ready] }
        return [.namespaceSynced, .published, .ready]
    }
}

extension ConditionFinding {
    /// Adds remarks to a True condition.
    fileprivate func noting(_ notes: [String]) -> ConditionFinding {
        guard status == .isTrue, !notes.isEmpty else { return self }
        return ConditionFinding(type, status, reason, message + "; " + notes.listed())
    }
}
