import JSON
import KubeObjects

/// `spec.adoptionPolicy` of the ClusterRegistry: what becomes of a namespace that is there and not ours.
public enum AdoptionPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// What Flyte made is adopted.
    case flyte = "Flyte"
    case all = "All"
    case none = "None"
}

extension Ownership {
    /// On a Namespace, `"true"`: it may be adopted, whatever the policy.
    public static let adoptLabel = "multicluster.flyte.org/adopt"
    /// On a Namespace that was adopted from Flyte.
    public static let adoptedFromAnnotation = "multicluster.flyte.org/adopted-from"
    public static let flyte = "flyte"
    /// The field managers of what Flyte writes in a data plane.
    static let flyteManagers: Set<String> = ["flyteadmin", "flyte", "syncresources"]
    /// The API server's name for whoever wrote an object that had no `managedFields` when it was first applied. Flyte's own
    /// patches leave an object so.
    static let beforeFirstApply = "before-first-apply"

    /// Whether we take fields over from that manager, in a namespace that Flyte made.
    static func yields(_ manager: String) -> Bool { flyteManagers.contains(manager) || manager == beforeFirstApply }

    /// A manager as messages name it.
    static func shown(_ manager: String) -> String {
        manager == beforeFirstApply ? "whoever created it, before server-side apply" : manager
    }
}

/// What a Namespace that is there is to this registry.
public enum NamespaceStanding: Sendable, Hashable {
    case ours(fromFlyte: Bool)
    /// Another registry's, by its mark.
    case foreign(String)
    /// Nobody's mark is on it. `maker`: the manager that owns some of its fields.
    case unowned(fromFlyte: Bool, isRequested: Bool, maker: String?)

    public var isFromFlyte: Bool {
        switch self {
        case .ours(let fromFlyte), .unowned(let fromFlyte, _, _): fromFlyte
        case .foreign: false
        }
    }

    /// Why it is left alone; nil where it may be written.
    public func refusal(under policy: AdoptionPolicy) -> String? {
        guard case .unowned(let fromFlyte, let isRequested, let maker) = self, !isRequested else { return nil }
        switch policy {
        case .all: return nil
        case .flyte where fromFlyte: return nil
        case .flyte, .none: break
        }
        let origin = maker.map { "made by \(Ownership.shown($0))" } ?? "not made by Squadron"
        return
            "it is there already, \(origin), and is not adopted (spec.adoptionPolicy of the ClusterRegistry is "
            + "\(policy.rawValue)); label it \(Ownership.adoptLabel): \"true\" to have it adopted"
    }
}

extension RegistryIdentity {
    public func standing(of namespace: ObjectMeta) -> NamespaceStanding {
        if let owner = foreignOwner(of: namespace) { return .foreign(owner) }
        let fromFlyte = namespace.isFromFlyte
        let maker = (namespace.managedFields ?? []).lazy.compactMap(\.manager).first
        // Without a mark it is what somebody has taken it off from, where we applied it.
        let isMarked = namespace.annotations?[Ownership.controlPlaneAnnotation] != nil
        if isMarked || namespace.isApplied(by: Ownership.fieldManager) { return .ours(fromFlyte: fromFlyte) }
        return .unowned(
            fromFlyte: fromFlyte, isRequested: namespace.labels?[Ownership.adoptLabel] == "true",
            maker: maker?.shown(bytes: 64))
    }
}

extension ObjectMeta {
    /// Of a Namespace: whether Flyte made it.
    var isFromFlyte: Bool {
        annotations?[Ownership.adoptedFromAnnotation] == Ownership.flyte
            || (managedFields ?? []).contains { Ownership.flyteManagers.contains($0.manager ?? "") }
    }

    /// Whether it has the labels by which we find what is ours.
    public var isInInventory: Bool { labels?[Ownership.projectLabel] != nil }
}

/// What follows from an apply that was refused because other managers own fields with another value.
public enum ConflictAnswer: Sendable, Hashable {
    /// Apply it like this.
    case apply(AppliedForm, force: Bool)
    /// These are somebody's, and are left alone.
    case report([Owned])

    /// A field, and who owns it.
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

    /// Without those that are no matter of anybody's.
    public static func reported(_ conflicts: [Owned]) -> [Owned] { conflicts.filter { $0.field != managedByField } }

    /// - Parameters:
    ///   - form: the one that was refused.
    ///   - forces: with `conflictPolicy: Force`.
    ///   - takesOver: it is in a namespace that Flyte made.
    public init(_ conflicts: [Owned], in form: AppliedForm, forces: Bool, takesOver: Bool) {
        var form = form
        let others = Self.reported(conflicts)
        if others.count < conflicts.count { form.keepsManagedBy = true }
        if others.isEmpty || forces || (takesOver && others.allSatisfy { Ownership.yields($0.manager) }) {
            self = .apply(form, force: !others.isEmpty)
        } else {
            self = .report(others)
        }
    }
}

/// Gives up for Flyte's managers what we apply, too.
///
/// A field that we apply with the value that it has gets a second owner. It would stay when it leaves the template, and
/// conflict when its value changes. The API server moves a field with `force` only where the value changes; else
/// `managedFields` has to be written, as `kubectl` does when it goes over to server-side apply (csaupgrade).
public enum Handover {
    /// Whether Flyte's managers own fields that we have applied.
    public static func isNeeded(_ metadata: ObjectMeta) -> Bool {
        let theirs = (metadata.managedFields ?? []).filter { isYielding($0.manager, $0.subresource) }
        if theirs.isEmpty { return false }
        let ours = metadata.applied(by: Ownership.fieldManager).compactMap(\.fieldsV1)
        return theirs.contains { entry in
            ours.contains { own in entry.fieldsV1.map { subtract(own, from: $0) != $0 } ?? false }
        }
    }

    /// `metadata.managedFields` without them; nil where nothing changes.
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

    /// A `fieldsV1` tree without what is in the other one. A map whose members are all gone goes with them.
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
