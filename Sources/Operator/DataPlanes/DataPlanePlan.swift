import Fleet
import JSON
import KubeObjects

/// What one data plane should hold. A value: a new one replaces it when anything has changed.
struct DataPlanePlan: Sendable {
    typealias Content = NamespaceContent
    /// Plans of one version are the same.
    struct Version: Sendable, Hashable {
        var plan: UInt64
        var generation: Int64?
        var kinds: KindTable
        var isPending: Bool
    }
    var version: Version
    /// Something that rendering needs is not known yet: what is seen could not be compared with anything.
    var isPending: Bool { version.isPending }
    /// Kinds that the templates have: what is watched.
    var types: [ResourceType]
    /// Kinds of templates of which it isn't known whether, and as what, the data plane serves them.
    var unknownKinds: Set<GroupVersionKind>
    /// What the session needs to be allowed to do.
    var permissions: [Permission]
    /// Changes with anything that is the same for all namespaces: templates, values, identities, policy.
    var common: UInt64
    /// Wanted namespaces, each with a number that changes with what is its own.
    var namespaces: [String: UInt64]
    var forcesConflicts = false
    /// Of Secrets that each namespace gets a copy of, as failures name them.
    var copies: Set<String> = []
    /// Nothing is written: what would be is compared and told.
    var isObserving = false
    /// What becomes of a namespace that is there and not ours.
    var adoption = AdoptionPolicy.flyte
    /// Nil: nothing is ever deleted.
    var pruning: Pruning?
    /// False while a template is broken: what is in it would look surplus.
    var mayPrune = true
    /// Nil while it is not known which registry this is: nothing is written then.
    var identity: RegistryIdentity?
    /// The namespace of a project-domain: where an object that is in none belongs to.
    var namespaceOf: @Sendable (ProjectDomain) -> String?
    /// The revision of the settings that it follows from, where changes are staged.
    var stage: Int64?
    /// When the change was seen that led to this revision of the plan; monotonic.
    var changedAt: Duration?
    /// Nil for a namespace that isn't wanted.
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

    /// What to say of a namespace that another registry has made.
    func foreign(_ object: DesiredObject, owner: String) -> String {
        "\(object.description) belongs to the registry \(owner) (annotation \(Ownership.controlPlaneAnnotation)), this is "
            + "\(identity?.id ?? "unknown"); remove the annotation in the data plane to hand it over"
    }

    /// Whether the watch of that kind shows whole objects. Where metadata is enough for most, or the content is secret, the
    /// few of which more is needed are read one by one.
    func readsContent(of type: ResourceType) -> Bool {
        isObserving && ![Namespace.resourceType, ServiceAccount.resourceType, Secret.resourceType].contains(type)
    }

    /// What is kept of an object that was seen.
    /// - Parameter content: the whole object, where that was seen.
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

    /// Why a namespace that is there is left alone; nil where it may be written.
    func refusal(of object: DesiredObject, _ standing: NamespaceStanding?) -> (FailureReason, String)? {
        if case .foreign(let owner)? = standing { return (.namespaceNotOurs, foreign(object, owner: owner)) }
        return standing?.refusal(under: adoption).map { (.namespaceNotAdopted, "\(object.description): \($0)") }
    }

    /// The namespace whose work an object is a part of.
    private func place(of metadata: ObjectMeta, _ type: ResourceType) -> String {
        if type.isNamespaced { return metadata.namespace ?? "" }
        if type == Namespace.resourceType { return metadata.name }
        return Ownership.projectDomain(of: metadata).flatMap(namespaceOf) ?? ""
    }
}
