import Fleet
import JSON
import KubeObjects

/// What one data plane should hold. An immutable value: a new one replaces it after any change.
package struct DataPlanePlan: Sendable {
    package typealias Content = NamespaceContent
    /// Plans of one version are equal.
    package struct Version: Sendable, Hashable {
        package var plan: UInt64
        package var generation: Int64?
        package var kinds: RESTMapper
        package var isPending: Bool

        package init(plan: UInt64, generation: Int64?, kinds: RESTMapper, isPending: Bool) {
            self.plan = plan
            self.generation = generation
            self.kinds = kinds
            self.isPending = isPending
        }
    }
    package var version: Version
    /// Whether something that rendering needs is not known yet. Then there is nothing to compare the data plane with.
    package var isPending: Bool { version.isPending }
    /// The kinds that the templates have. The agent watches them.
    package var types: [ResourceType]
    /// Kinds of templates for which it is not known yet whether the data plane serves them, and as which resource.
    package var unknownKinds: Set<GroupVersionKind>
    /// The rights that the agent needs.
    package var permissions: [Permission]
    /// Changes with everything that is the same for all namespaces: templates, values, identities and policy.
    package var common: UInt64
    /// The wanted namespaces, each with a number that changes with its own content.
    package var namespaces: [String: UInt64]
    /// The only namespaces whose number changed since an earlier revision of the plan. It spares the walk through all of
    /// them in every data plane.
    package struct Touched: Sendable {
        package var since: UInt64
        package var namespaces: Set<String>

        package init(since: UInt64, namespaces: Set<String>) {
            self.since = since
            self.namespaces = namespaces
        }
    }
    /// Nil: any may have changed.
    package var touched: Touched?
    package var forcesConflicts: Bool
    /// The Secrets that are copied into each namespace, by the names that failures use.
    package var copies: Set<String> = []
    /// What must not be shown where the data plane repeats it.
    package var secrets = SecretValues.none
    /// Compares and reports, and writes nothing.
    package var isObserving = false
    /// What happens to an existing namespace that is not ours.
    package var adoption = AdoptionPolicy.flyte
    /// Nil: nothing is ever deleted.
    package var pruning: Pruning?
    /// False while a template is broken. Its objects would otherwise look surplus.
    package var mayPrune: Bool
    /// Nil while the registry's identity is not known. Nothing is written then.
    package var identity: RegistryIdentity?
    /// The namespace of a project-domain. A cluster-scoped object counts as a part of it.
    package var namespaceOf: @Sendable (ProjectDomain) -> String?
    /// The revision of the settings behind this plan, if changes are staged.
    package var stage: Int64?
    /// When the change was seen that led to this revision of the plan, on the monotonic clock.
    package var changedAt: Duration?
    /// Nil for a namespace that is not wanted.
    package var content: @Sendable (_ namespace: String) -> Content?

    package init(
        version: Version, types: [ResourceType], unknownKinds: Set<GroupVersionKind>, permissions: [Permission],
        common: UInt64, namespaces: [String: UInt64], forcesConflicts: Bool = false, pruning: Pruning? = nil,
        mayPrune: Bool = true, identity: RegistryIdentity? = nil,
        namespaceOf: @escaping @Sendable (ProjectDomain) -> String?,
        content: @escaping @Sendable (_ namespace: String) -> Content?
    ) {
        self.version = version
        self.types = types
        self.unknownKinds = unknownKinds
        self.permissions = permissions
        self.common = common
        self.namespaces = namespaces
        self.forcesConflicts = forcesConflicts
        self.pruning = pruning
        self.mayPrune = mayPrune
        self.identity = identity
        self.namespaceOf = namespaceOf
        self.content = content
    }

    /// The message for a namespace that another registry has made.
    func foreign(_ object: DesiredObject, owner: String) -> String {
        "\(object.description) belongs to the registry \(owner) (annotation \(Ownership.controlPlaneAnnotation)), this is "
            + "\(identity?.id ?? "unknown"); to take it over, name that registry in "
            + "spec.identity.takesOverFrom, or remove the annotation in the data plane"
    }

    /// Whether the watch of that kind shows whole objects. For some kinds metadata is enough for most objects, or the
    /// content is secret. Then the agent reads single objects when it needs more.
    func readsContent(of type: ResourceType) -> Bool {
        isObserving && ![Namespace.resourceType, ServiceAccount.resourceType, Secret.resourceType].contains(type)
    }

    /// What is kept of an object that was seen.
    /// - Parameter content: the whole object, if the watch showed it.
    func observe(_ metadata: ObjectMeta, of type: ResourceType, content whole: JSON? = nil) -> InventoryEntry {
        var seen = InventoryEntry(
            place: place(of: metadata, type), version: metadata.versionNumber,
            isTerminating: metadata.deletionTimestamp != nil)
        if type == Namespace.resourceType { seen.standing = identity?.standing(of: metadata) }
        if case .objects(let objects, _)? = content(seen.place) {
            seen.isApplied = metadata.isApplied(by: Ownership.fieldManager) && metadata.isInInventory
            seen.keepsManagedBy = metadata.hasForeignManagedBy
            seen.isShared = Handover.isNeeded(metadata)
            let same = objects.first { $0.name == metadata.name && $0.type == type }
            if let same, same.matches(metadata) {
                seen.satisfies = same.hash
            } else if let same, isObserving {
                seen.comparison = Comparison(of: same, with: metadata, content: whole)
            }
        }
        return seen
    }

    /// Why an existing namespace is left alone. Nil if it may be written.
    func refusal(of object: DesiredObject, _ standing: NamespaceStanding?) -> (FailureReason, String)? {
        if case .foreign(let owner)? = standing { return (.namespaceNotOurs, foreign(object, owner: owner)) }
        return standing?.refusal(under: adoption).map { (.namespaceNotAdopted, "\(object.description): \($0)") }
    }

    /// The namespace whose work includes that object.
    private func place(of metadata: ObjectMeta, _ type: ResourceType) -> String {
        if type.isNamespaced { return metadata.namespace ?? "" }
        if type == Namespace.resourceType { return metadata.name }
        return Ownership.projectDomain(of: metadata).flatMap(namespaceOf) ?? ""
    }
}
