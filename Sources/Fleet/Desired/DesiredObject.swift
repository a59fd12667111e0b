import JSON
import KubeObjects

/// The labels, annotations and names that mark our objects.
public enum Ownership {
    public static let fieldManager = "squadron"
    /// The managers that write data planes' tokens into Secrets: the operator and two of the commands.
    public static let entryManagers: Set = [fieldManager, "squadron-join", "squadron-rotate"]
    public static let managedByLabel = "app.kubernetes.io/managed-by"
    public static let managedBy = "squadron"
    public static let projectLabel = "multicluster.flyte.org/project"
    public static let domainLabel = "multicluster.flyte.org/domain"
    /// Only on Namespaces: the owner. It is the UID of the operator's own Namespace in the control plane, or the
    /// registry's id.
    public static let controlPlaneAnnotation = "multicluster.flyte.org/control-plane-uid"
    /// On objects of which we own more than metadata: a hash of everything that was applied. With it, a list of
    /// metadata shows that there is nothing to write.
    public static let appliedHashAnnotation = "multicluster.flyte.org/applied-hash"

    /// Selects our objects in metadata-only lists and watches. It uses a label of our own group, since others set
    /// `managed-by` too. It is only one label, so that an object stays in the inventory if a policy strips the other.
    public static let selector = projectLabel

    static func labels(_ key: ProjectDomain) -> [String: String] {
        [managedByLabel: managedBy, projectLabel: key.project, domainLabel: key.domain]
    }

    /// The project-domain in an object's labels. Nil without these labels.
    public static func projectDomain(of metadata: ObjectMeta) -> ProjectDomain? {
        guard let project = metadata.labels?[projectLabel], let domain = metadata.labels?[domainLabel] else {
            return nil
        }
        return ProjectDomain(project: project, domain: domain)
    }
}

/// One object as it should be in a data plane, ready to be sent. It never changes. It is a class, since it is passed on for
/// each object that is seen, and a copy would take a reference to each of its parts.
public final class DesiredObject: Sendable, Hashable {
    public let type: ResourceType
    /// Nil for cluster-scoped objects, for example the Namespace itself.
    public let namespace: String?
    public let name: String
    /// All labels and annotations that we set.
    public let labels: [String: String]
    public let annotations: [String: String]
    /// The object that a server-side apply sends. For a copied Secret it has no values.
    public let json: JSON
    /// The bytes that a server-side apply sends. For a copied Secret they are made on each call, and the caller clears
    /// them.
    public var body: [UInt8] {
        if let bytes { return bytes }
        var whole = whole
        defer { whole.wipe() }
        return whole.serialized()
    }
    /// The content of the copied Secret, which all copies share. Nil for other objects.
    public let copied: ReplicatedContent?
    private let bytes: [UInt8]?
    /// What our manager owns of the object once it is applied: of an object with content only that, otherwise its metadata.
    private let fields: NamedFields
    /// The hash of type, place and body, which is the same in every process. Equal hashes mean that there is nothing to
    /// write.
    public let hash: UInt64

    /// A template that can't be read may have more of this object than is known. So our other fields in it stay as they
    /// are, as long as no known field must be written.
    let isStandIn: Bool

    /// - Parameter copied: its values belong to the object. `content` has everything else, the hash included.
    init(
        type: ResourceType, namespace: String?, name: String, json content: JSON, isStandIn: Bool = false,
        copied: ReplicatedContent? = nil
    ) {
        self.isStandIn = isStandIn
        self.copied = copied
        self.type = type
        self.namespace = namespace
        self.name = name
        isMetadataOnly =
            content.object?.keys.allSatisfy { $0 == "apiVersion" || $0 == "kind" || $0 == "metadata" } ?? false
        var json = content
        if !isMetadataOnly, copied == nil {
            var hash = StableHash()
            hash.combine(content.serialized())
            json[path: ["metadata", "annotations", Ownership.appliedHashAnnotation]] =
                .string(String(hash.value, radix: 16))
        }
        self.json = json
        labels = Self.strings(json[path: ["metadata", "labels"]])
        annotations = Self.strings(json[path: ["metadata", "annotations"]])
        fields = isMetadataOnly ? NamedFields(json) : NamedFields(json, leavingOut: Self.common)
        let body = json.serialized()
        bytes = copied == nil ? body : nil
        var hash = StableHash()
        hash.combine(type.description.utf8)
        hash.combine([0])
        hash.combine((namespace ?? "").utf8)
        hash.combine([0])
        hash.combine(body)
        self.hash = hash.value
    }

    public static func == (left: DesiredObject, right: DesiredObject) -> Bool {
        left === right
            || (left.hash == right.hash && left.type == right.type && left.key == right.key && left.json == right.json
                && left.isStandIn == right.isStandIn && left.copied == right.copied)
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    /// The object with the values of a copied Secret. The caller clears it (`JSON.wipe`).
    var whole: JSON {
        guard let copied else { return json }
        var whole = json
        whole["data"] = copied.data
        return whole
    }

    private static func strings(_ value: JSON?) -> [String: String] {
        (value?.object ?? [:]).compactMapValues(\.string)
    }

    public var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
    /// The name in `failures` and messages: `serviceaccounts/default`.
    public var description: String { "\(type)/\(name)" }
    /// Whether the object sets only metadata.
    public let isMetadataOnly: Bool

    /// Whether the object is as it should be, judged by its metadata alone, so that lists of metadata are enough for a
    /// settled fleet. Every label and annotation that we want must have our value, the hash of everything that we apply
    /// among them. The other fields that we applied must still be ours in `managedFields`: when a manager changes or
    /// removes a field, it leaves our set. Without a hash, because the object sets only metadata, we must own no other
    /// fields, as we would of a label that left the template.
    public func matches(_ observed: ObjectMeta) -> Bool {
        observed.deletionTimestamp == nil && labels.allSatisfy { isMet($0.key, $0.value, observed.labels) }
            && annotations.allSatisfy { observed.annotations?[$0.key] == $0.value }
            && (isMetadataOnly ? isStandIn || ownsNothingElse(observed) : ownsContent(observed))
    }

    /// Whether a label has our value. `managed-by` may have any value, since another manager may have set it.
    func isMet(_ label: String, _ value: String, _ found: [String: String]?) -> Bool {
        label == Ownership.managedByLabel ? found?[label]?.isEmpty == false : found?[label] == value
    }

    private func ownsContent(_ observed: ObjectMeta) -> Bool {
        observed.managedFields?.contains { $0.isApplied(by: Ownership.fieldManager) && $0.owns(fields) } ?? false
    }
    /// Members of every object, which no manager owns or which are looked at by themselves.
    private static let common: Set = ["apiVersion", "kind", "metadata"]

    private func ownsNothingElse(_ observed: ObjectMeta) -> Bool {
        let form = AppliedForm(adoptedFromFlyte: observed.annotations?[Ownership.adoptedFromAnnotation] != nil)
        let wanted = form.adoptedFromFlyte ? NamedFields(json(in: form)) : fields
        return observed.managedFields?.allSatisfy {
            !$0.isApplied(by: Ownership.fieldManager) || $0.isCovered(by: wanted)
        } ?? true
    }
}

extension ResourceType {
    // Not `public`, since Kube has its own and two with the same name would be ambiguous where both are imported.
    static let namespace = ResourceType(version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)
    static let serviceAccount = ResourceType(
        version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)
}
