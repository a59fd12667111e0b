import JSON
import Support

/// Lists groups, versions and resources: aggregated (one document), and as the older lists.
struct Discovery {
    var registry: ResourceRegistry

    func respond(to request: APIRequest) throws(APIError) -> APIResponse {
        let segments = request.segments
        switch (segments[0], segments.count) {
        case ("api", 1):
            if let type = aggregatedType(request) {
                return .json(200, aggregated(core: true, type.version), type: type.content)
            }
            return .json(
                200,
                [
                    "kind": "APIVersions", "versions": ["v1"],
                    "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"]],
                ])
        case ("apis", 1):
            if let type = aggregatedType(request) {
                return .json(200, aggregated(core: false, type.version), type: type.content)
            }
            let groups = registry.groups.filter { !$0.name.isEmpty }.map { group($0.name, $0.versions) }
            return .json(200, ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(groups)])
        case ("apis", 2):
            guard let found = registry.groups.first(where: { $0.name == segments[1] }) else { return .pageNotFound }
            var document = group(found.name, found.versions)
            document["kind"] = "APIGroup"
            document["apiVersion"] = "v1"
            return .json(200, document)
        case ("api", 2): return .json(200, resources("", segments[1]))
        case ("apis", 3): return .json(200, resources(segments[1], segments[2]))
        default: return .pageNotFound
        }
    }

    private func group(_ name: String, _ versions: [String]) -> JSON {
        func entry(_ version: String) -> JSON {
            ["groupVersion": .string("\(name)/\(version)"), "version": .string(version)]
        }
        return [
            "name": .string(name), "versions": .array(versions.map(entry)),
            "preferredVersion": entry(versions.first ?? ""),
        ]
    }

    private static let subresourceVerbs: [String: JSON] = [
        "status": ["get", "patch", "update"], "finalize": ["update"], "token": ["create"],
    ]

    private func definitions(_ group: String, _ version: String) -> [ResourceDefinition] {
        registry.ordered.filter { $0.group == group && $0.version == version }.sorted { $0.plural < $1.plural }
    }

    private func resources(_ group: String, _ version: String) -> JSON {
        var entries: [JSON] = []
        for definition in definitions(group, version) {
            var entry: JSON = [
                "name": .string(definition.plural), "singularName": .string(definition.singular),
                "namespaced": .bool(definition.isNamespaced), "kind": .string(definition.kind),
                "verbs": .array(definition.verbs.map { .string($0) }),
            ]
            if !definition.shortNames.isEmpty {
                entry["shortNames"] = .array(definition.shortNames.map { .string($0) })
            }
            if !definition.categories.isEmpty {
                entry["categories"] = .array(definition.categories.map { .string($0) })
            }
            entry["storageVersionHash"] = .string(Base64.encode("\(definition.groupResource)".utf8.prefix(8)))
            entries.append(entry)
            for subresource in definition.subresources.sorted() {
                var entry: JSON = [
                    "name": .string("\(definition.plural)/\(subresource)"), "singularName": "",
                    "namespaced": .bool(definition.isNamespaced),
                    "kind": subresource == "token" ? "TokenRequest" : .string(definition.kind),
                    "verbs": Self.subresourceVerbs[subresource] ?? [],
                ]
                if subresource == "token" {
                    entry["group"] = "authentication.k8s.io"
                    entry["version"] = "v1"
                }
                entries.append(entry)
            }
        }
        for review in BuiltInResources.reviews where review.group == group && version == "v1" {
            entries.append([
                "name": .string(review.plural), "singularName": .string(review.kind.lowercased()),
                "namespaced": .bool(review.namespaced), "kind": .string(review.kind), "verbs": ["create"],
            ])
        }
        let groupVersion = group.isEmpty ? version : "\(group)/\(version)"
        return [
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(groupVersion),
            "resources": .array(entries),
        ]
    }

    // MARK: aggregated

    private func aggregatedType(_ request: APIRequest) -> (version: String, content: String)? {
        for range in MediaRange.parse(request.headers["accept"] ?? "") where range.isJSON {
            guard range.parameters["as"] == "APIGroupDiscoveryList", range.parameters["g"] == "apidiscovery.k8s.io"
            else {
                return nil
            }
            if let version = range.parameters["v"], version == "v2" || version == "v2beta1" {
                return (version, "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList")
            }
        }
        return nil
    }

    private func aggregated(core: Bool, _ version: String) -> JSON {
        let items = registry.groups.filter { $0.name.isEmpty == core }.map { name, versions -> JSON in
            var metadata: JSON = [:]
            if !name.isEmpty { metadata["name"] = .string(name) }
            return [
                "metadata": metadata,
                "versions": .array(
                    versions.map { version -> JSON in
                        [
                            "version": .string(version), "freshness": "Current",
                            "resources": .array(aggregatedResources(name, version)),
                        ]
                    }),
            ]
        }
        return [
            "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:],
            "items": .array(items),
        ]
    }

    private func aggregatedResources(_ group: String, _ version: String) -> [JSON] {
        func kind(_ group: String, _ version: String, _ kind: String) -> JSON {
            ["group": .string(group), "version": .string(version), "kind": .string(kind)]
        }
        var entries: [JSON] = definitions(group, version).map { definition in
            var entry: JSON = [
                "resource": .string(definition.plural), "responseKind": kind(group, version, definition.kind),
                "scope": definition.isNamespaced ? "Namespaced" : "Cluster",
                "singularResource": .string(definition.singular), "verbs": .array(definition.verbs.map { .string($0) }),
            ]
            if !definition.shortNames.isEmpty {
                entry["shortNames"] = .array(definition.shortNames.map { .string($0) })
            }
            if !definition.categories.isEmpty {
                entry["categories"] = .array(definition.categories.map { .string($0) })
            }
            if !definition.subresources.isEmpty {
                entry["subresources"] = .array(
                    definition.subresources.sorted().map { name in
                        [
                            "subresource": .string(name),
                            "responseKind": name == "token"
                                ? kind("authentication.k8s.io", "v1", "TokenRequest")
                                : kind(group, version, definition.kind),
                            "verbs": Self.subresourceVerbs[name] ?? [],
                        ]
                    })
            }
            return entry
        }
        for review in BuiltInResources.reviews where review.group == group && version == "v1" {
            entries.append([
                "resource": .string(review.plural), "responseKind": kind(group, version, review.kind),
                "scope": review.namespaced ? "Namespaced" : "Cluster",
                "singularResource": .string(review.kind.lowercased()),
                "verbs": ["create"],
            ])
        }
        return entries
    }
}
