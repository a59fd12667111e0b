import Fleet
import JSON
import KubeObjects

/// What one data plane should hold. An immutable value: a new one replaces it after any change.
struct DataPlanePlan: Sendable {
    typealias Content = NamespaceContent
    /// Plans of one version are equal.
    struct Version: Sendable, Hashable {
        var plan: UInt64
        var generation: Int64?
        var kinds: KindTable
        var isPending: Bool
    }
    var version: Version
    /// Whether something that rendering needs is not known yet. Then there is nothing to compare the data plane with.
    var isPending: Bool { version.isPending }
    /// The kinds that the templates have. The session watches them.
    var types: [ResourceType]
    /// Kinds of templates for which it is not known yet whether the data plane serves them, and as which resource.
    var unknownKinds: Set<GroupVersionKind>
    /// The rights that the session needs.
    var permissions: [Permission]
    /// Changes with everything that is the same for all namespaces: templates, values, identities and policy.
    var common: UInt64
    /// The wanted namespaces, each with a number that changes with its own content.
    var namespaces: [String: UInt64]
    var forcesConflicts = false
    /// The Secrets that are copied into each namespace, by the names that failures use.
    var copies: Set<String> = []
    /// Compares and reports, and writes nothing.
    var isObserving = false
    /// What happens to an existing namespace that is not ours.
    var adoption = AdoptionPolicy.flyte
    /// Nil: nothing is ever deleted.
    var pruning: Pruning?
    /// False while a template is broken. Its objects would otherwise look surplus.
    var mayPrune = true
    /// Nil while the registry's identity is not known. Nothing is written then.
    var identity: RegistryIdentity?
    /// The namespace of a project-domain. A cluster-scoped object counts as a part of it.
    var namespaceOf: @Sendable (ProjectDomain) -> String?
    /// The revision of the settings behind this plan, if changes are staged.
    var stage: Int64?
    /// When the change was seen that led to this revision of the plan, on the monotonic clock.
    var changedAt: Duration?
    /// Nil for a namespace that is not wanted.
    var content: @Sendable (_ namespace: String) -> Content?

    /// The namespaces to look at again.
    func changes(since old: DataPlanePlan) -> Set<String> {
        if isObserving != old.isObserving || common != old.common || forcesConflicts != old.forcesConflicts
            || adoption != old.adoption
        {
            return Set(namespaces.keys)
        }
        return Set(namespaces.filter { old.namespaces[$0.key] != $0.value }.keys)
    }

    /// The message for a namespace that another registry has made.
    func foreign(_ object: DesiredObject, owner: String) -> String {
        "\(object.description) belongs to the registry \(owner) (annotation \(Ownership.controlPlaneAnnotation)), this is "
            + "\(identity?.id ?? "unknown"); remove the annotation in the data plane to hand it over"
    }

    /// Whether the watch of that kind shows whole objects. For some kinds metadata is enough for most objects, or the
    /// content is secret. Then the session reads single objects when it needs more.
    func readsContent(of type: ResourceType) -> Bool {
        isObserving && ![Namespace.resourceType, ServiceAccount.resourceType, Secret.resourceType].contains(type)
    }

    /// What is kept of an object that was seen.
    /// - Parameter content: the whole object, if the watch showed it.
    func observe(_ metadata: ObjectMeta, of type: ResourceType, content whole: JSON? = nil) -> ObservedObject {
        var seen = ObservedObject(
            place: place(of: metadata, type), version: metadata.versionNumber,
            isTerminating: metadata.deletionTimestamp != nil)
        if type == Namespace.resourceType { seen.standing = identity?.standing(of: metadata) }
        if case .objects(let objects, _)? = content(seen.place) {
            seen.isApplied = metadata.isApplied(by: Ownership.fieldManager) && metadata.isInInventory
            seen.keepsManagedBy = metadata.hasForeignManagedBy
            seen.isShared = Handover.isNeeded(metadata)
            let same = objects.first { $0.type == type && $0.name == metadata.name }
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
