import JSON
import Support

extension RBACPolicy {
    /// Compiles the roles and bindings in the store. Malformed entries grant nothing.
    init(_ store: ObjectStore) {
        for role in store.list(.clusterRoles) { clusterRoles[role.objectName] = Self.rules(role) }
        for role in store.list(.roles) { roles[role.objectNamespace, default: [:]][role.objectName] = Self.rules(role) }
        clusterBindings = store.list(.clusterRoleBindings).map(Self.binding)
        for binding in store.list(.roleBindings) {
            bindings[binding.objectNamespace, default: []].append(Self.binding(binding))
        }
    }

    private static func rules(_ role: JSON) -> [Rule] {
        (role["rules"]?.array ?? []).map { rule in
            Rule(
                verbs: strings(rule["verbs"]), apiGroups: strings(rule["apiGroups"]),
                resources: strings(rule["resources"]),
                resourceNames: strings(rule["resourceNames"]),
                nonResourceURLs: (rule["nonResourceURLs"]?.array ?? []).compactMap(\.string), json: rule)
        }
    }

    private static func binding(_ object: JSON) -> Binding {
        Binding(
            name: object.objectName, roleKind: object["roleRef"]?["kind"]?.string ?? "",
            roleName: object["roleRef"]?["name"]?.string ?? "",
            subjects: (object["subjects"]?.array ?? []).map { subject in
                Subject(
                    kind: subject["kind"]?.string ?? "", name: subject["name"]?.string ?? "",
                    namespace: subject["namespace"]?.string ?? "")
            })
    }

    private static func strings(_ value: JSON?) -> Set<String> { Set((value?.array ?? []).compactMap(\.string)) }
}

extension JSON {
    var objectName: String { self["metadata"]?["name"]?.string ?? "" }
    var objectNamespace: String { self["metadata"]?["namespace"]?.string ?? "" }
}

/// The current policy. It is compiled again only after a role or binding changed, so that a decision parses nothing.
final class RBACPolicyCache: Sendable {
    private struct Entry {
        var store: ObjectIdentifier
        var version: Int64
        var policy: RBACPolicy
    }
    private let entry = Locked<Entry?>(nil)

    /// Call it after a restore, which may give versions out a second time.
    func invalidate() { entry.withLock { $0 = nil } }

    func policy(of store: ObjectStore) -> RBACPolicy {
        // The version is read before the list, so that a change in between makes the entry look older than it is, never
        // newer.
        let version = store.policyVersion
        let known = entry.withLock { entry in
            entry.flatMap { $0.store == ObjectIdentifier(store) && $0.version == version ? $0.policy : nil }
        }
        if let known { return known }
        let policy = RBACPolicy(store)
        entry.withLock { $0 = Entry(store: ObjectIdentifier(store), version: version, policy: policy) }
        return policy
    }
}

extension ObjectStore {
    private static let policyResources: [GroupResource] = [.clusterRoles, .clusterRoleBindings, .roles, .roleBindings]

    /// A number that changes whenever a role or binding changes.
    var policyVersion: Int64 {
        state.withLock { state in
            Self.policyResources.reduce(0) { version, resource in
                guard let collection = state.collections[resource] else { return version }
                return max(version, collection.history.last?.revision ?? collection.floor)
            }
        }
    }
}
