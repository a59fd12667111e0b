import Fleet
import JSON
import Kube
import KubeObjects

/// The objects that a data plane has. Of an object that is as it should be, nothing is kept.
struct ObjectsThere: Sendable {
    struct Place: Sendable, Hashable {
        var type: ResourceType
        var key: ObjectKey
    }
    enum Seen: Sendable {
        case asWanted
        /// The whole object.
        case other(DynamicObject)
    }
    private(set) var seen: [Place: Seen] = [:]
    private(set) var standings: [String: NamespaceStanding] = [:]
    /// Our objects that nothing wants, by namespace.
    private(set) var surplus: [String: [(object: Place, json: JSON)]] = [:]
    /// The number of our objects, without Namespaces.
    private(set) var managed = 0
    /// The kinds that can't be listed, with the reason.
    private(set) var refused: [ResourceType: (reason: FailureReason, message: String)] = [:]

    static func holdsSecrets(_ type: ResourceType) -> Bool { type == Secret.resourceType }

    /// - Parameter namespaceOf: the namespace to which an object outside of any namespace belongs.
    static func read(
        _ types: [ResourceType], client: KubeClient, wanted: Set<String>, _ rendering: NamespaceRendering,
        identity: RegistryIdentity, keepsSurplus: Bool, namespaceOf: (ProjectDomain) -> String?
    ) async throws(KubeError) -> ObjectsThere {
        var there = ObjectsThere()
        var last: (namespace: String, objects: [DesiredObject]) = ("", [])
        // Namespaces come first, since objects in another registry's namespaces are ignored.
        for type in types {
            let isNamespace = type == Namespace.resourceType
            // A Namespace that is to be created may exist already and belong to somebody else.
            let collection = KubeCollection(type, labelSelector: isNamespace ? nil : Ownership.selector)
            do throws(KubeError) {
                var token: String?
                repeat {
                    let page = try await client.list(
                        DynamicObject.self, of: collection, limit: 500, continueToken: token)
                    for object in page.items.compactMap(\.object) {
                        let metadata = object.metadata
                        let namespace =
                            isNamespace
                            ? metadata.name
                            : type.isNamespaced
                                ? metadata.namespace ?? ""
                                : Ownership.projectDomain(of: metadata).flatMap(namespaceOf) ?? ""
                        guard wanted.contains(namespace) else { continue }
                        if last.namespace != namespace { last = (namespace, rendering.objects(of: namespace)) }
                        there.take(object, type, namespace, last.objects, identity, keepsSurplus: keepsSurplus)
                    }
                    token = page.continueToken
                } while token != nil
            } catch {
                guard !isNamespace, error.isForbidden || error.isNotServed else { throw error }
                there.refused[type] = (error.isNotServed ? .kindNotServed : .forbidden, error.description)
            }
        }
        return there
    }

    private mutating func take(
        _ object: DynamicObject, _ type: ResourceType, _ namespace: String, _ wanted: [DesiredObject],
        _ identity: RegistryIdentity, keepsSurplus: Bool
    ) {
        let metadata = object.metadata
        let place = Place(
            type: type, key: ObjectKey(namespace: type.isNamespaced ? metadata.namespace : nil, name: metadata.name))
        if type == Namespace.resourceType { standings[namespace] = identity.standing(of: metadata) }
        let isOurs = metadata.isApplied(by: Ownership.fieldManager) && metadata.isInInventory
        var isForeign = false
        if case .foreign? = standings[namespace] { isForeign = true }
        if isOurs, !isForeign, type != Namespace.resourceType { managed += 1 }
        guard let desired = wanted.first(where: { $0.type == type && $0.name == metadata.name }) else {
            guard keepsSurplus, isOurs, !isForeign, metadata.deletionTimestamp == nil,
                !Pruning.spares(type, metadata.name)
            else { return }
            surplus[namespace, default: []].append((place, object.json))
            return
        }
        seen[place] = desired.matches(metadata) ? .asWanted : .other(object)
    }
}

extension NamespaceRendering {
    fileprivate func objects(of namespace: String) -> [DesiredObject] {
        if case .objects(let objects, _)? = content(of: namespace) { objects } else { [] }
    }
}
