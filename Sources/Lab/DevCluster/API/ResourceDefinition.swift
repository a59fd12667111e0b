import JSON

/// One resource in one version, as the server serves it.
struct ResourceDefinition: Sendable {
    var group: String
    var version: String
    var kind: String
    var plural: String
    var singular: String
    var isNamespaced: Bool
    var shortNames: [String] = []
    var categories: [String] = []
    var verbs = Self.allVerbs
    var type: FieldType
    var strategy: any ResourceStrategy = PlainStrategy()
    var columns: any TableColumns = NameAndAge()
    /// `status`, `finalize`.
    var subresources: [String] = []
    /// Whether `generation` counts changes of `spec`.
    var hasGeneration = false
    /// Whether `generation` counts changes of annotations, too. Kubernetes does that for Deployments.
    var generationCountsAnnotations = false
    /// Whether PUT creates an object that does not exist.
    var createsOnUpdate = false
    /// Whether PUT without a resourceVersion overwrites.
    var allowsUnconditionalUpdate = true
    var selectableFields: Set<String> = ["metadata.name", "metadata.namespace"]
    var namesUnsupportedFieldsShortly = false
    /// The collection in the store, and the apiVersion and kind of its objects.
    var storage: GroupResource
    var storedAPIVersion: String
    var conversion: Conversion = .none
    /// Nil for built-in kinds.
    var custom: CustomResource?
    /// The warning about a deprecated version.
    var deprecationWarning: String?

    enum Conversion: Sendable {
        /// Versions differ in `apiVersion` only.
        case none
        /// `events.k8s.io/v1` shows core events.
        case events
    }

    static let allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

    var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    var groupResource: GroupResource { GroupResource(plural, group: group) }
    var listKind: String { custom?.listKind ?? kind + "List" }
    var isCustom: Bool { custom != nil }

    init(
        _ group: String, _ version: String, _ kind: String, _ plural: String, namespaced: Bool, type: String? = nil
    ) {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        singular = kind.lowercased()
        isNamespaced = namespaced
        self.type = .named(type ?? kind)
        storage = GroupResource(plural, group: group)
        storedAPIVersion = group.isEmpty ? version : "\(group)/\(version)"
    }

    /// An object as this version shows it.
    func presented(_ object: JSON) -> JSON {
        switch conversion {
        case .events: return EventConversion.fromCore(object)
        case .none:
            return converted(object, to: apiVersion)
        }
    }

    /// The conversion of a CRD with the strategy None: it changes the apiVersion, and drops the fields that the version
    /// does not have.
    private func converted(_ object: JSON, to version: String) -> JSON {
        guard object["apiVersion"]?.string != version else { return object }
        var copy = custom?.versions[version]?.pruned(object) ?? object
        copy["apiVersion"] = .string(version)
        return copy
    }

    /// The stored form of an object of this version.
    func stored(_ object: JSON) -> JSON {
        switch conversion {
        case .events: return EventConversion.toCore(object)
        case .none:
            return converted(object, to: storedAPIVersion)
        }
    }

    /// The value of a selectable field. Nil if it is absent.
    func value(of field: String, in object: JSON) -> String? {
        let path = custom?.selectablePaths[field] ?? field.split(separator: ".").map(String.init)
        switch object[path: path] {
        case .string(let text): return text
        case .bool(let flag): return flag ? "true" : "false"
        case .int(let number): return String(number)
        default: return nil
        }
    }
}

/// One version of a CRD.
struct CustomResource: Sendable {
    var listKind: String
    var schema: any SchemaProcessing
    /// The schemas of all versions, by apiVersion. Objects may still be stored in a version that is not served.
    var versions: [String: any SchemaProcessing] = [:]
    /// The revision of the CRD's last change. Older objects get the defaults when they are read.
    var definedAt: Int64
    /// `openAPIV3Schema`, for OpenAPI.
    var schemaJSON: JSON
    var selectablePaths: [String: [String]] = [:]
}
