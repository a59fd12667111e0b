import Fleet
import Support

/// The Secrets and ConfigMaps that the custom resources name. The operator watches no others.
package struct References: Sendable, Hashable {
    package private(set) var secrets: Set<String> = []
    package private(set) var configMaps: Set<String> = []
    /// The names of the Secrets that are copied.
    private(set) var replicated: Set<String> = []
    /// The entries of `valuesFrom` of all objects.
    private(set) var sources: Set<ValueSource> = []

    /// - Parameter sources: entries of earlier revisions of the settings, which some data planes still have.
    init(_ snapshot: FleetSnapshot, beside sources: [ValueSource] = []) {
        self.init(
            dataPlanes: snapshot.dataPlanes.values, projects: snapshot.projects.values,
            registry: snapshot.settings.spec)
        add(sources)
    }

    package init(
        dataPlanes: some Sequence<DataPlane>, projects: some Sequence<FlyteProject>, registry: ClusterRegistrySpec
    ) {
        for dataPlane in dataPlanes {
            if !dataPlane.spec.inCluster {
                secrets.insert(dataPlane.spec.credentials.secretName)
                if let name = dataPlane.spec.connection.proxyCredentialsRef?.name { secrets.insert(name) }
            }
            add(dataPlane.spec.valuesFrom)
        }
        for project in projects { add(project.spec.valuesFrom) }
        add(registry.valuesFrom)
        if !registry.templatesConfigMap.isEmpty { configMaps.insert(registry.templatesConfigMap) }
        if let name = registry.importFrom?.name { configMaps.insert(name) }
        if registry.publish?.clustersConfigMap != nil || registry.flyteHealth.enabled {
            secrets.insert(PublishedCredentials.secretName)
        }
        replicated = Set(registry.replicateSecrets.map(\.name)).subtracting([""])
        secrets.formUnion(replicated)
        let admin = registry.flyteAdmin
        let named = [admin?.caCertRef, admin?.auth?.tokenRef, admin?.auth?.oauth2?.clientSecretRef]
        secrets.formUnion(named.compactMap { $0?.name })
    }

    /// Whether template values are read from that Secret.
    func readsValues(fromSecret name: String) -> Bool { sources.contains { $0.secretKeyRef?.name == name } }

    private mutating func add(_ sources: [ValueSource]) {
        self.sources.formUnion(sources)
        for source in sources {
            if let name = source.secretKeyRef?.name { secrets.insert(name) }
            if let name = source.configMapKeyRef?.name { configMaps.insert(name) }
        }
    }
}

extension Informers {
    /// Judges the credentials in a Secret. Nil while the Secret has not been read.
    func credentials(_ place: CredentialsPlace, now: Instant) -> CheckedCredentials? {
        let name = place.secretName
        switch secrets[name] {
        case .unknown: return nil
        case .unreadable(let text): return .invalid(.secretNotFound, "Secret \(name) can't be read: \(text)")
        case .absent: return CheckedCredentials.read(place, in: nil, now: now)
        case .present(let content): return CheckedCredentials.read(place, in: content, now: now)
        }
    }

    /// The same for a data plane whose token renews itself. Nil while a Secret that it needs has not been read.
    func renewed(_ object: DataPlane, clouds: CloudHosts, now: Instant) -> CheckedRenewal? {
        let place = object.credentialsPlace
        let isFederated = place.provider == .federated
        let audience =
            isFederated
            ? AudienceRequest(object.spec.credentials.federatedSettings, clusterName: object.clusterName) : nil
        func read(_ content: SecretContent?) -> CheckedRenewal {
            CheckedRenewal.read(place, in: content, clouds: clouds, audience: audience, now: now)
        }
        if place.provider.isOfCloud, place.caCert == .system { return read(nil) }
        switch secrets[place.secretName] {
        case .unknown: return nil
        case .unreadable(let text):
            return .invalid(.secretNotFound, "Secret \(place.secretName) can't be read: \(text)")
        case .absent: return read(nil)
        case .present(let content): return read(content)
        }
    }

    /// Why flyteadmin would fail on its entries of a data plane, although Squadron can use them. Nil if it would not.
    func unreadableByFlyteAdmin(of object: DataPlane, now: Instant) -> String? {
        guard !object.spec.inCluster, case .present(let content) = secrets[PublishedCredentials.secretName] else {
            return nil
        }
        let entries = PublishedCredentials(of: object)
        // Separate entries for flyteadmin follow the same rules. If they are not valid, flyteadmin does not get the
        // data plane.
        if object.spec.flyteAdmin != nil, case .invalid(let reason, let why)? = credentials(entries.place, now: now),
            reason != .tokenExpired
        {
            return "left out of what is published for flyteadmin: \(reason.rawValue): \(why)"
        }
        return content.unreadableByFlyteAdmin(tokenKey: entries.tokenKey, caCertKey: entries.caCertKey)
    }

    /// The present content of a source of `valuesFrom`.
    func read(_ source: ValueSource) -> ValueReading {
        if let reference = source.secretKeyRef {
            let reading = secrets[reference.name]
            if let refusal = Self.refusal(of: reference, reading) { return .missing(refusal) }
            return Self.reading(reference, reading) { $0[reference.key].map(\.text) }
        }
        guard let reference = source.configMapKeyRef else { return .missing("names no Secret and no ConfigMap") }
        return Self.reading(reference, configMaps[reference.name]) { $0[reference.key].map { .some($0) } }
    }

    /// Why values must not be read from a Secret that these sources name. Nil if each may be read.
    func refusal(of sources: [ValueSource]) -> String? {
        sources.lazy.compactMap { source in
            source.secretKeyRef.flatMap { Self.refusal(of: $0, self.secrets[$0.name]) }.map {
                "valuesFrom \(source.name): \($0)"
            }
        }.first
    }

    /// Why a Secret for the connection to flyteadmin must not be used. Nil if each may be used.
    func refusal(of flyteAdmin: FlyteAdmin?) -> String? {
        guard let flyteAdmin, case .notAllowed(let why) = FlyteAdminConnection.read(flyteAdmin, { self.secrets[$0] })
        else {
            return nil
        }
        return "spec.flyteAdmin: \(why)"
    }

    private static func refusal(of reference: KeyReference, _ reading: NamedSecrets.Reading) -> String? {
        let content: SecretContent? = if case .present(let content) = reading { content } else { nil }
        return SecretRules.problem(content, named: reference.name, as: .values)
    }

    /// - Parameter text: the text under the key. Nil if there is no such key; an empty optional if it is not UTF-8
    ///   text.
    private static func reading<Object, Content>(
        _ reference: KeyReference, _ reading: NamedInformers<Object, Content>.Reading, _ text: (Content) -> String??
    ) -> ValueReading {
        if let problem = reading.problem(reference.name) { return .missing(problem) }
        guard case .present(let content) = reading else { return .pending }
        let place = "\(Object.resourceType.kind) \(reference.name)"
        return ValueReading(text(content), of: place, key: reference.key)
    }
}

extension NamedInformers.Reading {
    /// Why there is no object: "Secret x does not exist". Nil if there is one, or if it is not known yet.
    func problem(_ name: String) -> String? {
        switch self {
        case .unknown, .present: nil
        case .absent: "\(Object.resourceType.kind) \(name) does not exist"
        case .unreadable(let why): "\(Object.resourceType.kind) \(name) can't be read: \(why)"
        }
    }
}

extension Sensitive {
    /// Nil for bytes that are not UTF-8. This exposes the value on purpose: templates put it into objects of the data
    /// planes.
    fileprivate var text: String? { withBytes { String(validating: $0, as: UTF8.self) } }
}
