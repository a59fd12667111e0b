import JSON

/// OpenAPI v2 and v3 documents: the types of built-in kinds as far as we describe them (open ones are marked
/// `x-kubernetes-preserve-unknown-fields`), and the schemas of CRDs as they are.
struct OpenAPI {
    var registry: ResourceRegistry

    func respond(to request: APIRequest) -> APIResponse {
        let segments = request.segments
        switch (segments.count, segments.dropFirst().first) {
        case (2, "v2"):
            guard (request.headers["accept"] ?? "").contains(OpenAPIProtobuf.accepted) else { return .json(200, v2) }
            return APIResponse(
                status: 200, headers: [("Content-Type", OpenAPIProtobuf.contentType)],
                body: .bytes(OpenAPIProtobuf.encode(v2)))
        case (2, "v3"): return .json(200, index)
        case (4, "v3") where segments[2] == "api" && segments[3] == "v1": return .json(200, v3("", "v1"))
        case (5, "v3") where segments[2] == "apis":
            let (group, version) = (segments[3], segments[4])
            guard registry.groups.contains(where: { $0.name == group && $0.versions.contains(version) }) else {
                return .pageNotFound
            }
            return .json(200, v3(group, version))
        default: return .pageNotFound
        }
    }

    private var index: JSON {
        var paths: JSON = [:]
        for (group, versions) in registry.groups {
            for version in versions {
                let path = group.isEmpty ? "api/\(version)" : "apis/\(group)/\(version)"
                let revision =
                    registry.ordered.filter { $0.group == group }.compactMap { $0.custom?.definedAt }.max() ?? 0
                paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(revision)")]
            }
        }
        return ["paths": paths]
    }

    private static let conventions =
        "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
    private static let typeMeta = [
        (
            "apiVersion",
            "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized "
                + "schemas to the latest internal value, and may reject unrecognized values. More info: \(conventions)#resources"
        ),
        (
            "kind",
            "Kind is a string value representing the REST resource this object represents. Servers may infer this from the "
                + "endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: \(conventions)#types-kinds"
        ),
    ]
    private static let metadata = "Standard object's metadata. More info: \(conventions)#metadata"

    private static let info: JSON = ["title": "Kubernetes", "version": "v1.36.0-devcluster+1"]

    private var v2: JSON {
        var definitions = Self.builtInSchemas(prefix: "#/definitions/")
        var paths: JSON = [:]
        for definition in registry.ordered {
            add(definition, to: &definitions, prefix: "#/definitions/")
            addPaths(definition, to: &paths, isV2: true)
        }
        return ["swagger": "2.0", "info": Self.info, "paths": paths, "definitions": .object(definitions)]
    }

    private func v3(_ group: String, _ version: String) -> JSON {
        var schemas = Self.builtInSchemas(prefix: "#/components/schemas/")
        var paths: JSON = [:]
        for definition in registry.ordered where definition.group == group && definition.version == version {
            add(definition, to: &schemas, prefix: "#/components/schemas/")
            addPaths(definition, to: &paths, isV2: false)
        }
        return ["openapi": "3.0.0", "info": Self.info, "paths": paths, "components": ["schemas": .object(schemas)]]
    }

    // MARK: schemas

    private static func schemaName(_ type: String) -> String { "io.k8s.api.\(type)" }

    private static func builtInSchemas(prefix: String) -> [String: JSON] {
        var schemas: [String: JSON] = [:]
        for (name, type) in BuiltInTypes.shared.types {
            schemas[schemaName(name)] = schema(of: .object(type), prefix: prefix)
        }
        return schemas
    }

    /// The real server's name for it, which kubectl shows in errors.
    private func schemaName(_ definition: ResourceDefinition) -> String {
        if case .named = definition.type {
            let package = definition.group.split(separator: ".").first.map(String.init) ?? "core"
            let root =
                package == "apiextensions" ? "io.k8s.apiextensions-apiserver.pkg.apis" : "io.k8s.api"
            return "\(root).\(package).\(definition.version).\(definition.kind)"
        }
        let reversed = definition.group.split(separator: ".").reversed().joined(separator: ".")
        return "\(reversed).\(definition.version).\(definition.kind)"
    }

    private func add(_ definition: ResourceDefinition, to schemas: inout [String: JSON], prefix: String) {
        let name = schemaName(definition)
        var schema: JSON = [:]
        if case .named(let type) = definition.type { schema = schemas[Self.schemaName(type)] ?? [:] }
        if let custom = definition.custom {
            schema = custom.schemaJSON
            var properties = schema["properties"] ?? [:]
            // These have the server's own words, whatever the definition says about them.
            for (field, description) in Self.typeMeta {
                properties[field] = ["type": "string", "description": .string(description)]
            }
            properties["metadata"] = Self.reference("ObjectMeta", prefix: prefix, description: Self.metadata)
            schema["properties"] = properties
        }
        schema["x-kubernetes-group-version-kind"] = [
            [
                "group": .string(definition.group), "version": .string(definition.version),
                "kind": .string(definition.kind),
            ]
        ]
        schemas[name] = schema
    }

    private static func reference(_ name: String, prefix: String, description: String = "") -> JSON {
        let target: JSON = ["$ref": .string(prefix + schemaName(name))]
        if description.isEmpty || prefix == "#/definitions/" {
            var result = target
            if !description.isEmpty { result["description"] = .string(description) }
            return result
        }
        return ["allOf": .array([target]), "description": .string(description)]
    }

    static func schema(of type: FieldType, prefix: String) -> JSON {
        switch type {
        case .string: return ["type": "string"]
        case .bytes: return ["type": "string", "format": "byte"]
        case .time: return ["type": "string", "format": "date-time"]
        case .microTime: return ["type": "string", "format": "date-time"]
        case .integer: return ["type": "integer", "format": "int64"]
        case .number: return ["type": "number"]
        case .boolean: return ["type": "boolean"]
        case .quantity: return ["type": "string"]
        case .intOrString:
            return prefix == "#/definitions/"
                ? ["type": "string", "format": "int-or-string"]
                : ["oneOf": [["type": "integer"], ["type": "string"]], "format": "int-or-string"]
        case .any: return ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
        case .named(let name): return reference(name, prefix: prefix)
        case .map(let element, let isAtomic):
            var schema: JSON = ["type": "object", "additionalProperties": self.schema(of: element, prefix: prefix)]
            if isAtomic { schema["x-kubernetes-map-type"] = "atomic" }
            return schema
        case .list(let element, let kind):
            var schema: JSON = ["type": "array", "items": self.schema(of: element, prefix: prefix)]
            switch kind {
            case .atomic: schema["x-kubernetes-list-type"] = "atomic"
            case .set: schema["x-kubernetes-list-type"] = "set"
            case .map(let keys):
                schema["x-kubernetes-list-type"] = "map"
                schema["x-kubernetes-list-map-keys"] = .array(keys.map { .string($0) })
            }
            return schema
        case .object(let object):
            var schema: JSON = ["type": "object", "description": .string(object.description)]
            var properties: JSON = [:]
            for (name, field) in object.fields {
                var property: JSON
                if case .named(let type) = field.type {
                    property = reference(type, prefix: prefix, description: field.description)
                } else {
                    property = self.schema(of: field.type, prefix: prefix)
                    property["description"] = .string(field.description)
                }
                if let key = field.mergeKey {
                    property["x-kubernetes-patch-strategy"] = "merge"
                    if !key.isEmpty { property["x-kubernetes-patch-merge-key"] = .string(key) }
                }
                if field.retainsKeys { property["x-kubernetes-patch-strategy"] = "retainKeys" }
                properties[name] = property
            }
            schema["properties"] = properties
            let required = object.fields.filter(\.value.isRequired).keys.sorted()
            if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
            if object.isOpen { schema["x-kubernetes-preserve-unknown-fields"] = true }
            if object.isAtomic { schema["x-kubernetes-map-type"] = "atomic" }
            return schema
        }
    }

    // MARK: paths

    /// kubectl looks here for the `fieldValidation` parameter, and for the kinds that can be patched.
    private func addPaths(_ definition: ResourceDefinition, to paths: inout JSON, isV2: Bool) {
        let root =
            definition.group.isEmpty ? "/api/\(definition.version)" : "/apis/\(definition.group)/\(definition.version)"
        let collection =
            definition.isNamespaced
            ? "\(root)/namespaces/{namespace}/\(definition.plural)" : "\(root)/\(definition.plural)"
        let kind: JSON = [
            "group": .string(definition.group), "version": .string(definition.version),
            "kind": .string(definition.kind),
        ]
        func parameter(_ name: String) -> JSON {
            isV2
                ? ["name": .string(name), "in": "query", "type": "string", "uniqueItems": true]
                : ["name": .string(name), "in": "query", "schema": ["type": "string", "uniqueItems": true]]
        }
        func operation(_ action: String) -> JSON {
            let parameters = ["dryRun", "fieldManager", "fieldValidation"].map(parameter)
            return [
                "x-kubernetes-action": .string(action), "x-kubernetes-group-version-kind": kind,
                "parameters": action == "get" || action == "list" || action == "delete" ? [] : .array(parameters),
                "responses": ["200": ["description": "OK"]],
            ]
        }
        paths[collection] = ["get": operation("list"), "post": operation("post")]
        paths[collection + "/{name}"] = [
            "get": operation("get"), "put": operation("put"), "patch": operation("patch"),
            "delete": operation("delete"),
        ]
    }
}
