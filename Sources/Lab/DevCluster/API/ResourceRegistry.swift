import JSON
import Support

/// Every resource that is served at one moment: the built-in ones and those of the CRDs.
struct ResourceRegistry: Sendable {
    struct Key: Hashable {
        var group: String
        var version: String
        var plural: String
    }
    private(set) var definitions: [Key: ResourceDefinition] = [:]
    /// Group by group, versions and resources in the order in which they were defined.
    private(set) var ordered: [ResourceDefinition] = []

    init(_ definitions: [ResourceDefinition]) { for definition in definitions { add(definition) } }

    mutating func add(_ definition: ResourceDefinition) {
        let key = Key(group: definition.group, version: definition.version, plural: definition.plural)
        guard definitions[key] == nil else { return }
        definitions[key] = definition
        ordered.append(definition)
    }

    func definition(group: String, version: String, plural: String) -> ResourceDefinition? {
        definitions[Key(group: group, version: version, plural: plural)]
    }

    /// Groups with their versions, the preferred one first; the core group is "".
    var groups: [(name: String, versions: [String])] {
        var order: [String] = []
        var versions: [String: [String]] = [:]
        for (group, version) in ordered.map({ ($0.group, $0.version) })
            + BuiltInResources.reviews.map({ ($0.group, "v1") })
        {
            if versions[group] == nil { order.append(group) }
            if !(versions[group] ?? []).contains(version) { versions[group, default: []].append(version) }
        }
        return order.map { group in (group, (versions[group] ?? []).sorted(by: KubeVersion.isPreferred)) }
    }
}

/// v1 before v1beta2 before v1beta1 before v1alpha1 before anything else.
enum KubeVersion {
    static func isPreferred(_ left: String, _ right: String) -> Bool {
        switch (rank(left), rank(right)) {
        case (let a?, let b?): a.lexicographicallyPrecedes(b)
        case (_?, nil): true
        case (nil, _?): false
        case (nil, nil): left < right
        }
    }

    private static func rank(_ version: String) -> [Int]? {
        guard version.hasPrefix("v") else { return nil }
        let rest = version.dropFirst()
        let major = rest.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(major) else { return nil }
        let stage = rest.dropFirst(major.count)
        if stage.isEmpty { return [0, -number, 0] }
        for (order, name) in [(1, "beta"), (2, "alpha")] where stage.hasPrefix(name) {
            guard let minor = Int(stage.dropFirst(name.count)) else { return nil }
            return [order, -number, -minor]
        }
        return nil
    }
}

/// Keeps the registry up to date with the CRDs in the store. The process shares compiled schemas, since 500 servers
/// have the same CRDs.
final class RegistryCache: Sendable {
    private struct State: Sendable {
        /// The revisions of the CRDs that the registry was made from.
        var fingerprint: [String: Int64]?
        var registry: ResourceRegistry
    }
    private let store: ObjectStore
    private let compiler: any SchemaCompiling
    private let builtIn: [ResourceDefinition]
    private let state: Locked<State>

    init(store: ObjectStore, compiler: any SchemaCompiling) {
        self.store = store
        self.compiler = compiler
        builtIn = BuiltInResources.all(compiler: compiler)
        state = Locked(State(registry: ResourceRegistry(builtIn)))
    }

    var current: ResourceRegistry {
        guard let page = try? store.read(.customResourceDefinitions, from: "", to: nil) else {
            return state.withLock { $0.registry }
        }
        var fingerprint: [String: Int64] = [:]
        for entry in page.entries { fingerprint[entry.key] = entry.object.revision }
        if let registry = state.withLock({ $0.fingerprint == fingerprint ? $0.registry : nil }) { return registry }
        var registry = ResourceRegistry(builtIn)
        for entry in page.entries {
            let definitions = ResourceDefinition.all(of: entry.object.content.json) {
                CompiledSchemas.shared.schema(for: $0, compiler: compiler)
            }
            for definition in definitions { registry.add(definition) }
        }
        state.withLock {
            $0.fingerprint = fingerprint
            $0.registry = registry
        }
        return registry
    }
}

/// Compiled schemas by their text, the latest few hundred.
private final class CompiledSchemas: Sendable {
    static let shared = CompiledSchemas()
    private let schemas = Locked<[JSON: any SchemaProcessing]>([:])

    func schema(for json: JSON, compiler: any SchemaCompiling) -> any SchemaProcessing {
        // Compilers of different types must not share, since tests use several.
        let key: JSON = [.string("\(type(of: compiler))"), json]
        if let known = schemas.withLock({ $0[key] }) { return known }
        let compiled = compiler.compile(schema: json, path: "spec.versions[0].schema.openAPIV3Schema").schema
        schemas.withLock {
            if $0.count >= 512 { $0.removeAll() }
            $0[key] = compiled
        }
        return compiled
    }
}
