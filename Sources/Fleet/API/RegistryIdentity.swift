import KubeObjects

/// `spec.identity` of the ClusterRegistry.
public struct IdentitySpec: Sendable, Hashable, Codable {
    /// The mark of our namespaces. Empty for the UID of the operator's own Namespace.
    public var id = ""
    /// Marks of other registries. Their namespaces become ours. A rebuilt control plane names its predecessor here.
    public var takesOverFrom: [String] = []

    public init(id: String = "", takesOverFrom: [String] = []) {
        self.id = id
        self.takesOverFrom = takesOverFrom
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.value(.id, default: "")
        takesOverFrom = try container.value(.takesOverFrom, default: [])
    }

    func problems(at path: String) -> [SpecProblem] {
        ([("id", id)] + takesOverFrom.enumerated().map { ("takesOverFrom[\($0.offset)]", $0.element) }).compactMap {
            field, text in
            text.utf8.count > 253 ? SpecProblem("\(path).\(field)", "is longer than 253 bytes") : nil
        }
    }
}

/// The identity of this registry. It marks our namespaces with the annotation
/// `multicluster.flyte.org/control-plane-uid`.
public struct RegistryIdentity: Sendable, Hashable {
    public let id: String
    public let takesOverFrom: Set<String>

    /// Nil if the registry's identity is not known. Then nothing may be written anywhere.
    /// - Parameter namespaceUID: the UID of the operator's own Namespace. Nil if it may not be read.
    public init?(_ spec: IdentitySpec, namespaceUID: String?) {
        guard let id = spec.id.isEmpty ? namespaceUID : spec.id, !id.isEmpty else { return nil }
        self.id = id
        // Only this registry can have the UID. A registry that is given an id later keeps the namespaces marked by the UID.
        takesOverFrom = Set(spec.takesOverFrom).union(namespaceUID.map { [$0] } ?? [])
    }

    /// The registry that a namespace belongs to, if that is not this one.
    ///
    /// An empty mark is ours if we applied the object: version 0.1 wrote it when it did not know its own UID.
    public func foreignOwner(of metadata: ObjectMeta) -> String? {
        guard let mark = metadata.annotations?[Ownership.controlPlaneAnnotation], mark != id else { return nil }
        if takesOverFrom.contains(mark) { return nil }
        if mark.isEmpty, metadata.isApplied(by: Ownership.fieldManager) { return nil }
        return mark.shown(bytes: 253)
    }
}
