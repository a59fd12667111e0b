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

    /// What the credentials in a Secret come to; nil while it has not been read.
    func credentials(secret name: String, tokenKey: String, caCertKey: String, now: Instant) -> CredentialsVerdict? {
        let data: [String: Sensitive]?
        switch secrets[name] {
        case .unknown: return nil
        case .unreadable(let text): return .invalid(.secretNotFound, "Secret \(name) can't be read: \(text)")
        case .absent: data = nil
        case .present(let content): data = content
        }
        return CredentialsVerdict.read(
            secret: data, secretName: name, tokenKey: tokenKey, caCertKey: caCertKey, now: now)
    }

    /// What a source of `valuesFrom` holds now.
    func read(_ source: ValueSource) -> ValueReading {
        if let reference = source.secretKeyRef {
            return Self.reading(reference, secrets[reference.name]) { $0.text }
        }
        guard let reference = source.configMapKeyRef else { return .missing("names no Secret and no ConfigMap") }
        return Self.reading(reference, configMaps[reference.name]) { $0 }
    }

    private static func reading<Object, Value>(
        _ reference: KeyReference, _ reading: NamedObjects<Object, [String: Value]>.Reading,
        _ text: (Value) -> String?
    ) -> ValueReading {
        if let problem = reading.problem(reference.name) { return .missing(problem) }
        guard case .present(let data) = reading else { return .pending }
        let place = "\(Object.resourceType.kind) \(reference.name)"
        guard let value = data[reference.key] else { return .missing("\(place) has no key \(reference.key)") }
        // As Flyte's own `valueFrom`, pasted into YAML, and as `--from-file` makes them: the last line has its end.
        return text(value).map { .text($0.withoutLineEnd) }
            ?? .missing("\(place), key \(reference.key): no UTF-8")
    }
}

extension NamedObjects.Reading {
    /// Why there is nothing: "Secret x does not exist". Nil where there is something, or where it isn't known yet.
    func problem(_ name: String) -> String? {
        switch self {
        case .unknown, .present: nil
        case .absent: "\(Object.resourceType.kind) \(name) does not exist"
        case .unreadable(let why): "\(Object.resourceType.kind) \(name) can't be read: \(why)"
        }
    }
}

extension String {
    fileprivate var withoutLineEnd: String {
        var text = self[...]
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}

extension Sensitive {
    /// Nil for bytes that are no UTF-8. A value for templates: it ends up in objects of the data planes, as asked.
    fileprivate var text: String? { withBytes { String(validating: $0, as: UTF8.self) } }
}
