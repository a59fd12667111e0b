import JSON
import KubeObjects

/// CRDs. They are checked, get the defaults of their names, and are accepted at once.
struct CustomResourceDefinitionStrategy: ResourceStrategy {
    let compiler: any SchemaCompiling
    static let cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"

    func applyDefaults(to object: inout JSON) {
        guard var spec = object["spec"], spec.object != nil else { return }
        if var names = spec["names"], names.object != nil {
            let kind = names["kind"]?.string ?? ""
            if (names["singular"]?.string ?? "").isEmpty { names["singular"] = .string(kind.lowercased()) }
            if (names["listKind"]?.string ?? "").isEmpty, !kind.isEmpty { names["listKind"] = .string(kind + "List") }
            spec["names"] = names
        }
        if spec["conversion"] == nil { spec["conversion"] = ["strategy": "None"] }
        if spec["preserveUnknownFields"]?.bool == false { spec["preserveUnknownFields"] = nil }
        object["spec"] = spec
        if object["status"]?.object != nil, object["status"]?["storedVersions"]?.array?.isEmpty ?? true {
            object[path: ["status", "storedVersions"]] = .array(CustomResourceVersions.storage(spec))
        }
    }

    func prepareForCreate(_ object: inout JSON) {
        object["status"] = [
            "conditions": nil, "acceptedNames": ["plural": "", "kind": ""],
            "storedVersions": .array(CustomResourceVersions.storage(object["spec"] ?? [:])),
        ]
    }

    func prepareForUpdate(_ object: inout JSON, old: JSON) {
        object["status"] = old["status"]
        let storage = (object["spec"]?["versions"]?.array ?? []).first { $0["storage"]?.bool == true }?["name"]
        if let storage, var stored = old["status"]?["storedVersions"]?.array, !stored.contains(storage) {
            stored.append(storage)
            object[path: ["status", "storedVersions"]] = .array(stored)
        }
    }

    func validate(_ object: JSON, old: JSON?) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        let names = spec["names"] ?? [:]
        let group = spec["group"]?.string ?? ""
        let plural = names["plural"]?.string ?? ""
        let name = object["metadata"]?["name"]?.string ?? ""
        var errors: [FieldError] = []
        if name != "\(plural).\(group)" {
            errors.append(.invalid("metadata.name", .string(name), "must be spec.names.plural+\".\"+spec.group"))
        }
        if group.isEmpty {
            errors.append(.required("spec.group"))
        } else if !group.contains(".") {
            errors.append(.invalid("spec.group", .string(group), "should be a domain with at least one dot"))
        }
        let scope = spec["scope"]?.string ?? ""
        if scope != "Namespaced" && scope != "Cluster" {
            errors.append(
                scope.isEmpty
                    ? .required("spec.scope") : .unsupported("spec.scope", .string(scope), ["Cluster", "Namespaced"]))
        }
        for field in ["plural", "singular", "kind", "listKind"] {
            let value = names[field]?.string ?? ""
            if value.isEmpty {
                errors.append(.required("spec.names.\(field)"))
            } else {
                errors += Names.label1035Problems(value.lowercased()).map {
                    .invalid("spec.names.\(field)", .string(value), $0)
                }
            }
        }
        errors += versionErrors(spec)
        errors += CustomResourceVersions.errors(spec, status: object["status"])
        if let old, old["spec"]?["scope"] != spec["scope"] {
            errors.append(.invalid("spec.scope", .string(scope), "field is immutable"))
        }
        if let old, old["spec"]?["names"]?["kind"] != names["kind"] {
            errors.append(.invalid("spec.names.kind", names["kind"] ?? .null, "field is immutable"))
        }
        return errors
    }

    private func versionErrors(_ spec: JSON) -> [FieldError] {
        let versions = spec["versions"]?.array ?? []
        var errors: [FieldError] = []
        if versions.isEmpty { errors.append(.required("spec.versions", "must have at least one version")) }
        for (index, version) in versions.enumerated() {
            let path = "spec.versions[\(index)]"
            let name = version["name"]?.string ?? ""
            errors += Names.label1035Problems(name).map { .invalid("\(path).name", .string(name), $0) }
            errors +=
                PrinterColumns.parse(
                    version["additionalPrinterColumns"], at: FieldPath("\(path).additionalPrinterColumns")
                ).errors
            guard let schema = version["schema"]?["openAPIV3Schema"] else {
                errors.append(.required("\(path).schema.openAPIV3Schema", "schemas are required"))
                continue
            }
            if schema["type"]?.string != "object" {
                errors.append(
                    .invalid("\(path).schema.openAPIV3Schema.type", schema["type"] ?? "", "must be object at the root"))
            }
            // With one version the real server names the field in which the schema was before versions had schemas.
            let schemaPath = versions.count == 1 ? "spec.validation.openAPIV3Schema" : "\(path).schema.openAPIV3Schema"
            errors += compiler.compile(schema: schema, path: schemaPath).errors
        }
        return errors
    }

    /// The status that the naming controller gives. Here no name ever conflicts.
    static func established(_ object: JSON, at time: String) -> JSON {
        var object = object
        func condition(_ type: String, _ reason: String, _ message: String) -> JSON {
            [
                "type": .string(type), "status": "True", "reason": .string(reason), "message": .string(message),
                "lastTransitionTime": .string(time),
            ]
        }
        var status = object["status"] ?? [:]
        status["acceptedNames"] = object["spec"]?["names"]
        let old = status["conditions"]?.array ?? []
        if !old.contains(where: { $0["type"] == "Established" }) {
            status["conditions"] = .array([
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ])
        }
        object["status"] = status
        return object
    }
}

extension ResourceDefinition {
    /// The versions that a CRD serves. Empty for an unusable CRD.
    static func all(of crd: JSON, compiled: (JSON) -> any SchemaProcessing) -> [ResourceDefinition] {
        guard let spec = crd["spec"], let group = spec["group"]?.string, let names = spec["names"],
            let plural = names["plural"]?.string, let kind = names["kind"]?.string,
            let versions = spec["versions"]?.array,
            let storage = versions.first(where: { $0["storage"]?.bool == true })?["name"]?.string
        else { return [] }
        let isDeleted = crd["metadata"]?["deletionTimestamp"] != nil
        var schemas: [String: any SchemaProcessing] = [:]
        for version in versions {
            guard let name = version["name"]?.string else { continue }
            schemas["\(group)/\(name)"] = compiled(version["schema"]?["openAPIV3Schema"] ?? ["type": "object"])
        }
        return versions.filter { $0["served"]?.bool == true }.compactMap { version in
            guard let name = version["name"]?.string else { return nil }
            let schema = version["schema"]?["openAPIV3Schema"] ?? ["type": "object"]
            var definition = ResourceDefinition(
                group, name, kind, plural, namespaced: spec["scope"]?.string == "Namespaced")
            definition.singular = names["singular"]?.string ?? kind.lowercased()
            definition.shortNames = (names["shortNames"]?.array ?? []).compactMap(\.string)
            definition.categories = (names["categories"]?.array ?? []).compactMap(\.string)
            definition.type = FieldType(schema: schema, isRoot: true)
            definition.storedAPIVersion = "\(group)/\(storage)"
            definition.hasGeneration = true
            definition.allowsUnconditionalUpdate = false
            definition.namesUnsupportedFieldsShortly = true
            if version["subresources"]?["status"] != nil { definition.subresources = ["status"] }
            definition.columns = CustomColumns(version["additionalPrinterColumns"])
            definition.strategy = CustomResourceStrategy(hasStatus: !definition.subresources.isEmpty)
            var custom = CustomResource(
                listKind: names["listKind"]?.string ?? kind + "List", schema: compiled(schema),
                definedAt: crd["metadata"]?["resourceVersion"]?.string.flatMap { Int64($0) } ?? 0, schemaJSON: schema)
            for field in version["selectableFields"]?.array ?? [] {
                guard let path = field["jsonPath"]?.string, path.hasPrefix(".") else { continue }
                definition.selectableFields.insert(String(path.dropFirst()))
                custom.selectablePaths[String(path.dropFirst())] = path.dropFirst().split(separator: ".").map(
                    String.init)
            }
            custom.versions = schemas
            definition.custom = custom
            if version["deprecated"]?.bool == true {
                definition.deprecationWarning =
                    version["deprecationWarning"]?.string
                    ?? CustomResourceVersions.deprecation(of: name, versions, group: group, kind: kind)
            }
            // While a CRD is being deleted, its objects can only be read and deleted.
            definition.verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
            if isDeleted { definition.verbs.removeAll { $0 == "create" } }
            return definition
        }
    }
}

struct CustomResourceStrategy: ResourceStrategy {
    var hasStatus: Bool

    func prepareForCreate(_ object: inout JSON) { if hasStatus { object["status"] = nil } }
    func prepareForUpdate(_ object: inout JSON, old: JSON) { if hasStatus { object["status"] = old["status"] } }
}
