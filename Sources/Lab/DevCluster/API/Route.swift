/// The target of a path.
enum Route: Sendable {
    case resource(ResourceDefinition, namespace: String?, name: String?, subresource: String?, isLegacyWatch: Bool)
    /// Reviews and `serviceaccounts/token`.
    case virtual(group: String, resource: String, subresource: String, namespace: String?, name: String?)
    /// Everything about the API itself: discovery, OpenAPI, version, health.
    case document
    /// A path of a served group and version, without a resource of that name: 404 as JSON.
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
        self = rest.isEmpty ? .document : Self.below(group, version, rest, registry)
    }

    /// The target of the segments below a served group and version.
    private static func below(
        _ group: String, _ version: String, _ segments: ArraySlice<String>, _ registry: ResourceRegistry
    ) -> Route {
        var rest = segments
        let isLegacyWatch = rest.first == "watch"
        if isLegacyWatch { rest.removeFirst() }
        let namespace = namespace(takenFrom: &rest, group)
        guard let plural = rest.popFirst() else { return .noSuchResource }
        let name = rest.popFirst()
        let subresource = rest.popFirst()
        if let review = BuiltInResources.reviews.first(where: { $0.group == group && $0.plural == plural }),
            version == "v1"
        {
            guard name == nil, review.namespaced == (namespace != nil) else { return .noSuchResource }
            return .virtual(group: group, resource: plural, subresource: "", namespace: namespace, name: nil)
        }
        guard let definition = registry.definition(group: group, version: version, plural: plural), rest.isEmpty,
            subresource.map({ definition.subresources.contains($0) }) ?? true,
            definition.isNamespaced ? namespace != nil || name == nil : namespace == nil
        else { return .noSuchResource }
        if subresource == "token" {
            return .virtual(group: group, resource: plural, subresource: "token", namespace: namespace, name: name)
        }
        return .resource(
            definition, namespace: namespace, name: name, subresource: subresource, isLegacyWatch: isLegacyWatch)
    }

    /// The namespace of the rest of the path. Nil if there is none, or if the path means the namespace itself.
    private static func namespace(takenFrom rest: inout ArraySlice<String>, _ group: String) -> String? {
        guard rest.first == "namespaces", rest.count >= 2 else { return nil }
        let third = rest.dropFirst(2).first
        let isMeant = group.isEmpty && (third == nil || rest.count == 3 && (third == "status" || third == "finalize"))
        guard !isMeant else { return nil }
        rest.removeFirst()
        return rest.removeFirst()
    }
}
