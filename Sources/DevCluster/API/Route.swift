/// What a path leads to.
enum Route: Sendable {
    case resource(ResourceDefinition, namespace: String?, name: String?, subresource: String?, isLegacyWatch: Bool)
    /// Reviews and `serviceaccounts/token`.
    case virtual(group: String, resource: String, subresource: String, namespace: String?, name: String?)
    /// Everything about the API itself: discovery, OpenAPI, version, health.
    case document
    /// A path of a served group and version that names no resource of it: 404 as JSON.
    case noSuchResource
    /// Any other path: 404 as text.
    case unknown

    init(_ request: APIRequest, registry: ResourceRegistry) {
        var rest = request.segments[...]
        let group: String
        switch rest.popFirst() {
        case "api" where !rest.isEmpty: group = ""
        case "apis" where rest.count >= 2: group = rest.removeFirst()
        case nil, "api", "apis", "version", "healthz", "livez", "readyz", "openapi", ".well-known":
            self = .document
            return
        default:
            self = .unknown
            return
        }
        let version = rest.removeFirst()
        let isServed = registry.groups.contains { $0.name == group && $0.versions.contains(version) }
        guard isServed else {
            self = group.isEmpty ? .noSuchResource : .unknown
            return
        }
        if rest.isEmpty {
            self = .document
            return
        }
        let isLegacyWatch = rest.first == "watch"
        if isLegacyWatch { rest.removeFirst() }
        var namespace: String?
        if rest.first == "namespaces", rest.count >= 2 {
            let third = rest.dropFirst(2).first
            let isOfNamespace =
                group.isEmpty && (third == nil || rest.count == 3 && (third == "status" || third == "finalize"))
            if !isOfNamespace {
                namespace = rest[rest.startIndex + 1]
                rest = rest.dropFirst(2)
            }
        }
        guard let plural = rest.popFirst() else {
            self = .noSuchResource
            return
        }
        let name = rest.popFirst()
        let subresource = rest.popFirst()
        if let review = BuiltInResources.reviews.first(where: { $0.group == group && $0.plural == plural }),
            version == "v1"
        {
            let fits = name == nil && review.namespaced == (namespace != nil)
            self =
                fits
                ? .virtual(group: group, resource: plural, subresource: "", namespace: namespace, name: nil)
                : .noSuchResource
            return
        }
        guard let definition = registry.definition(group: group, version: version, plural: plural), rest.isEmpty else {
            self = .noSuchResource
            return
        }
        if let subresource, !definition.subresources.contains(subresource) {
            self = .noSuchResource
            return
        }
        if definition.isNamespaced ? namespace == nil && name != nil : namespace != nil {
            self = .noSuchResource
            return
        }
        if subresource == "token" {
            self = .virtual(group: group, resource: plural, subresource: "token", namespace: namespace, name: name)
            return
        }
        self = .resource(
            definition, namespace: namespace, name: name, subresource: subresource, isLegacyWatch: isLegacyWatch)
    }
}
