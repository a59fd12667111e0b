import JSON

extension RenderedNamespace {
    /// The first object that differs between two project-domains of one namespace, apart from the labels of the owner.
    /// Nil if they agree, so that they can share the namespace.
    public func difference(from other: RenderedNamespace) -> String? {
        let (mine, theirs) = (contents, other.contents)
        return Set(mine.keys).union(theirs.keys).sorted().first { mine[$0] != theirs[$0] }
    }

    private var contents: [String: JSON] {
        Dictionary(objects.map { ($0.description, $0.contentOfAnyOwner) }) { first, _ in first }
    }
}

extension DesiredObject {
    fileprivate var contentOfAnyOwner: JSON {
        var content = json
        for label in [Ownership.projectLabel, Ownership.domainLabel] {
            content[path: ["metadata", "labels", label]] = nil
        }
        content[path: ["metadata", "annotations", Ownership.appliedHashAnnotation]] = nil
        return content
    }
}
