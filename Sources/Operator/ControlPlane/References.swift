import Fleet
import Support

/// The Secrets and ConfigMaps that the custom resources name: all that the operator watches of either.
struct References: Sendable {
    private(set) var secrets: Set<String> = []
    private(set) var configMaps: Set<String> = []

    init(dataPlanes: some Sequence<DataPlane>, projects: some Sequence<FlyteProject>, registry: ClusterRegistrySpec) {
        for dataPlane in dataPlanes {
            if !dataPlane.spec.inCluster { secrets.insert(dataPlane.spec.credentials.secretName) }
            add(dataPlane.spec.valuesFrom)
        }
        for project in projects { add(project.spec.valuesFrom) }
        add(registry.valuesFrom)
        if !registry.templatesConfigMap.isEmpty { configMaps.insert(registry.templatesConfigMap) }
        if registry.publish?.clustersConfigMap != nil { secrets.insert(PublishedCredentials.secretName) }
        let admin = registry.flyteAdmin
        let named = [admin?.caCertRef, admin?.auth?.tokenRef, admin?.auth?.oauth2?.clientSecretRef]
        secrets.formUnion(named.compactMap { $0?.name })
    }

    private mutating func add(_ sources: [ValueSource]) {
        for source in sources {
            if let name = source.secretKeyRef?.name { secrets.insert(name) }
            if let name = source.configMapKeyRef?.name { configMaps.insert(name) }
        }
    }
}

extension Caches {
    /// Whether template values are read from that Secret.
    func isValueSource(secret name: String) -> Bool {
        let specs = [
            dataPlanes.valid().values.map(\.spec.valuesFrom), projects.valid().values.map(\.spec.valuesFrom),
            registries.valid().values.map(\.spec.valuesFrom),
        ]
        return specs.joined().joined().contains { $0.secretKeyRef?.name == name }
    }

    /// What a source of `valuesFrom` holds now.
    func read(_ source: ValueSource) -> ValueReading {
        if let reference = source.secretKeyRef {
            return Self.reading("Secret", reference, secrets[reference.name]) { $0.text }
        }
        guard let reference = source.configMapKeyRef else { return .missing("names no Secret and no ConfigMap") }
        return Self.reading("ConfigMap", reference, configMaps[reference.name]) { $0 }
    }

    private static func reading<Object, Value>(
        _ kind: String, _ reference: KeyReference, _ reading: NamedObjects<Object, [String: Value]>.Reading,
        _ text: (Value) -> String?
    ) -> ValueReading {
        switch reading {
        case .unknown: return .pending
        case .absent: return .missing("\(kind) \(reference.name) does not exist")
        case .unreadable(let problem): return .missing("\(kind) \(reference.name) can't be read: \(problem)")
        case .present(let data):
            guard let value = data[reference.key] else {
                return .missing("\(kind) \(reference.name) has no key \(reference.key)")
            }
            return text(value).map { .text($0) }
                ?? .missing("\(kind) \(reference.name), key \(reference.key): no UTF-8")
        }
    }
}

extension Sensitive {
    /// Nil for bytes that are no UTF-8. A value for templates: it ends up in objects of the data planes, as asked.
    fileprivate var text: String? { withBytes { String(validating: $0, as: UTF8.self) } }
}
