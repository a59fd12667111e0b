import JSON
import KubeObjects

/// `spec.adoptionPolicy` of the ClusterRegistry: what happens to an existing namespace that is not ours.
public enum AdoptionPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// Namespaces that Flyte made are adopted.
    case flyte = "Flyte"
    case all = "All"
    case none = "None"
}

extension Ownership {
    /// On a Namespace. `"true"` allows its adoption under any policy.
    public static let adoptLabel = "multicluster.flyte.org/adopt"
    /// On a Namespace that was adopted from Flyte.
    public static let adoptedFromAnnotation = "multicluster.flyte.org/adopted-from"
    public static let flyte = "flyte"
    /// The field managers that Flyte uses in a data plane.
    static let flyteManagers: Set<String> = ["flyteadmin", "flyte", "syncresources"]
    /// The API server's name for the unknown writer of an object that had no `managedFields` at its first apply.
    /// Flyte's own patches leave an object in that state.
    static let beforeFirstApply = "before-first-apply"

    /// Whether we take fields over from that manager in a namespace that Flyte made.
    static func yields(_ manager: String) -> Bool { flyteManagers.contains(manager) || manager == beforeFirstApply }

    /// The manager for messages.
    static func shown(_ manager: String) -> String {
        manager == beforeFirstApply ? "an unknown client, before server-side apply" : manager
    }
}

/// The owner of an existing Namespace, as this registry sees it.
public enum NamespaceStanding: Sendable, Hashable {
    case ours(fromFlyte: Bool)
    /// It has the mark of another registry.
    case foreign(String)
    /// It has no mark. `maker` is the manager of some of its fields.
    case unowned(fromFlyte: Bool, isRequested: Bool, maker: String?)

    public var isOurs: Bool { if case .ours = self { true } else { false } }

    public var isFromFlyte: Bool {
        switch self {
        case .ours(let fromFlyte), .unowned(let fromFlyte, _, _): fromFlyte
        case .foreign: false
        }
    }

    /// Why it is left alone. Nil if it may be written.
    public func refusal(under policy: AdoptionPolicy) -> String? {
        guard case .unowned(let fromFlyte, let isRequested, let maker) = self, !isRequested else { return nil }
        switch policy {
        case .all: return nil
        case .flyte where fromFlyte: return nil
        case .flyte, .none: break
        }
        let origin = maker.map { "made by \(Ownership.shown($0))" } ?? "not made by Squadron"
        return
            "it exists already, \(origin), and is not adopted (spec.adoptionPolicy of the ClusterRegistry is "
            + "\(policy.rawValue)); label it \(Ownership.adoptLabel): \"true\" to have it adopted"
    }
}

extension RegistryIdentity {
    public func standing(of namespace: ObjectMeta) -> NamespaceStanding {
        if let owner = foreignOwner(of: namespace) { return .foreign(owner) }
        let fromFlyte = namespace.isFromFlyte
        let maker = (namespace.managedFields ?? []).lazy.compactMap(\.manager).first
        // If we applied it, somebody removed the mark, and it is still ours.
        let isMarked = namespace.annotations?[Ownership.controlPlaneAnnotation] != nil
        if isMarked || namespace.isApplied(by: Ownership.fieldManager) { return .ours(fromFlyte: fromFlyte) }
        return .unowned(
            fromFlyte: fromFlyte, isRequested: namespace.labels?[Ownership.adoptLabel] == "true",
            maker: maker?.shown(bytes: 64))
    }
}

extension ObjectMeta {
    /// For a Namespace: whether Flyte made it.
    var isFromFlyte: Bool {
        annotations?[Ownership.adoptedFromAnnotation] == Ownership.flyte
            || (managedFields ?? []).contains { Ownership.flyteManagers.contains($0.manager ?? "") }
    }

    /// Whether others than we have set fields of it.
    public var hasOtherManagers: Bool { (managedFields ?? []).contains { $0.manager != Ownership.fieldManager } }

    /// Whether it has the labels by which we find our objects.
    public var isInInventory: Bool { labels?[Ownership.projectLabel] != nil }
}

/// What to do after an apply that was refused, because other managers own fields with other values.
public enum ConflictAnswer: Sendable, Hashable {
    /// Apply it again in this form.
    case apply(AppliedForm, force: Bool)
    /// Other managers own these, and they are left alone.
    case report([Owned])

    /// A field and its owner.
    public struct Owned: Sendable, Hashable {
        public var field: String
        public var manager: String
        public init(field: String, manager: String) {
            self.field = field
            self.manager = manager
        }
        public var text: String { "\(field) is owned by \(Ownership.shown(manager))" }
    }

    static let managedByField = ".metadata.labels.\(Ownership.managedByLabel)"
    static let markField = ".metadata.annotations.\(Ownership.controlPlaneAnnotation)"

    /// The conflicts without the label that everybody may own.
    public static func reported(_ conflicts: [Owned]) -> [Owned] { conflicts.filter { $0.field != managedByField } }

    /// - Parameters:
    ///   - form: the form that was refused.
    ///   - forces: the policy is `conflictPolicy: Force`.
    ///   - takesOver: the object is in a namespace that Flyte made.
    ///   - isOurs: it is a Namespace that was seen and is ours. Then our mark in it is ours, even if a tool that restored
    ///     a backup owns it.
    public init(_ conflicts: [Owned], in form: AppliedForm, forces: Bool, takesOver: Bool, isOurs: Bool = false) {
        var form = form
        let others = Self.reported(conflicts)
        if others.count < conflicts.count { form.keepsManagedBy = true }
        let foreign = others.filter { !isOurs || $0.field != Self.markField }
        if foreign.isEmpty || forces || (takesOver && foreign.allSatisfy { Ownership.yields($0.manager) }) {
            self = .apply(form, force: !others.isEmpty)
        } else {
            self = .report(foreign)
        }
    }
}

/// Removes Flyte's managers as owners of the fields that we apply too.
///
/// If we apply a field with the value that it already has, it gets a second owner. It would stay when it leaves the
/// template, and conflict when its value changes. With `force` the API server moves a field only if its value changes.
/// Otherwise `managedFields` must be written, as `kubectl` does when it changes to server-side apply (csaupgrade).
public enum Handover {
    /// Whether Flyte's managers own fields that we applied.
    public static func isNeeded(_ metadata: ObjectMeta) -> Bool {
        guard let managed = metadata.managedFields, managed.contains(where: { isYielding($0.manager, $0.subresource) })
        else { return false }
        let theirs = managed.filter { isYielding($0.manager, $0.subresource) }
        let ours = metadata.applied(by: Ownership.fieldManager).compactMap(\.fieldsV1)
        return theirs.contains { entry in
            ours.contains { own in entry.fieldsV1.map { subtract(own, from: $0) != $0 } ?? false }
        }
    }

    /// `metadata.managedFields` without those owners. Nil if nothing changes.
    public static func managedFields(_ list: JSON?) -> JSON? {
        guard case .array(let entries)? = list else { return nil }
        let ours = entries.filter {
            $0["manager"]?.string == Ownership.fieldManager && $0["subresource"]?.string ?? "" == ""
                && $0["operation"]?.string == ManagedFieldsEntry.Operation.apply.rawValue
        }.compactMap { $0["fieldsV1"] }
        guard !ours.isEmpty else { return nil }
        let left = entries.compactMap { entry -> JSON? in
            guard isYielding(entry["manager"]?.string, entry["subresource"]?.string),
                let fields = entry["fieldsV1"]
            else { return entry }
            let rest = ours.reduce(fields) { subtract($1, from: $0) }
            if rest == [:] { return nil }
            var entry = entry
            entry["fieldsV1"] = rest
            return entry
        }
        return left == entries ? nil : .array(left)
    }

    private static func isYielding(_ manager: String?, _ subresource: String?) -> Bool {
        (subresource ?? "").isEmpty && manager.map { Ownership.yields($0) } ?? false
    }

    /// A `fieldsV1` tree without the fields of the other one. A map without any members left is removed too.
    static func subtract(_ ours: JSON, from theirs: JSON) -> JSON {
        guard case .object(let own) = ours, case .object(var fields) = theirs else { return theirs }
        var isChanged = false
        for (key, below) in own where key != "." {
            guard let field = fields[key] else { continue }
            let rest = below == [:] ? withoutItself(field) : subtract(below, from: field)
            if rest == field, field != [:] { continue }
            isChanged = true
            if rest == [:] { fields.removeValue(forKey: key) } else { fields[key] = rest }
        }
        if isChanged, fields.keys.allSatisfy({ $0 == "." }) { return [:] }
        return .object(fields)
    }

    private static func withoutItself(_ field: JSON) -> JSON {
        guard case .object(var below) = field else { return [:] }
        below["."] = nil
        return .object(below)
    }
}
