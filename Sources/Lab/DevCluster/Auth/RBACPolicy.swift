import JSON

/// The roles and bindings of a cluster, compiled. A pure value: the same policy and request give the same decision.
struct RBACPolicy: Sendable {
    struct Rule: Sendable, Hashable {
        var verbs: Set<String>
        var apiGroups: Set<String>
        var resources: Set<String>
        var resourceNames: Set<String>
        var nonResourceURLs: [String]
        /// The rule as in the role, for SelfSubjectRulesReview.
        var json: JSON
    }
    struct Subject: Sendable, Hashable {
        var kind: String
        var name: String
        var namespace: String
    }
    struct Binding: Sendable {
        var name: String
        var roleKind: String
        var roleName: String
        var subjects: [Subject]
    }
    struct Decision: Sendable, Hashable {
        var isAllowed: Bool
        /// Why it is allowed. If it is refused: what could not be read.
        var reason: String
    }

    var clusterRoles: [String: [Rule]] = [:]
    var roles: [String: [String: [Rule]]] = [:]
    var clusterBindings: [Binding] = []
    var bindings: [String: [Binding]] = [:]

    func decide(_ user: User, _ request: RequestAttributes) -> Decision {
        if user.groups.contains("system:masters") { return Decision(isAllowed: true, reason: "") }
        var missing: [String] = []
        for binding in clusterBindings {
            guard let subject = binding.subjects.first(where: { $0.matches(user, namespace: "") }) else { continue }
            guard let rules = clusterRoles[binding.roleName] else {
                missing.append("clusterrole.rbac.authorization.k8s.io \"\(binding.roleName)\" not found")
                continue
            }
            if rules.contains(where: { $0.allows(request) }) {
                return Decision(
                    isAllowed: true,
                    reason: "RBAC: allowed by ClusterRoleBinding \"\(binding.name)\" of ClusterRole "
                        + "\"\(binding.roleName)\" to \(subject)")
            }
        }
        guard request.isResourceRequest, !request.namespace.isEmpty else { return .denied(missing) }
        for binding in bindings[request.namespace] ?? [] {
            guard let subject = binding.subjects.first(where: { $0.matches(user, namespace: request.namespace) })
            else { continue }
            guard let rules = self.rules(of: binding, in: request.namespace) else {
                missing.append(
                    "\(binding.roleKind.lowercased()).rbac.authorization.k8s.io \"\(binding.roleName)\" not found")
                continue
            }
            if rules.contains(where: { $0.allows(request) }) {
                return Decision(
                    isAllowed: true,
                    reason: "RBAC: allowed by RoleBinding \"\(binding.name)/\(request.namespace)\" of "
                        + "\(binding.roleKind) \"\(binding.roleName)\" to \(subject)")
            }
        }
        return .denied(missing)
    }

    /// Every rule that applies to a user in a namespace, cluster-wide ones first.
    func rules(for user: User, namespace: String) -> [Rule] {
        var result: [Rule] = []
        for binding in clusterBindings where binding.subjects.contains(where: { $0.matches(user, namespace: "") }) {
            result += clusterRoles[binding.roleName] ?? []
        }
        for binding in bindings[namespace] ?? []
        where binding.subjects.contains(where: { $0.matches(user, namespace: namespace) }) {
            result += rules(of: binding, in: namespace) ?? []
        }
        return result
    }

    private func rules(of binding: Binding, in namespace: String) -> [Rule]? {
        binding.roleKind == "ClusterRole" ? clusterRoles[binding.roleName] : roles[namespace]?[binding.roleName]
    }
}

extension RBACPolicy.Decision {
    fileprivate static func denied(_ missing: [String]) -> Self {
        switch missing.count {
        case 0: Self(isAllowed: false, reason: "")
        case 1: Self(isAllowed: false, reason: "RBAC: \(missing[0])")
        default: Self(isAllowed: false, reason: "RBAC: [\(missing.joined(separator: ", "))]")
        }
    }
}

extension RBACPolicy.Rule {
    func allows(_ request: RequestAttributes) -> Bool {
        guard verbs.contains(request.verb) || verbs.contains("*") else { return false }
        guard request.isResourceRequest else { return nonResourceURLs.contains { Self.covers($0, request.path) } }
        return (apiGroups.contains(request.apiGroup) || apiGroups.contains("*"))
            && (resources.contains("*") || resources.contains(request.resourceWithSubresource)
                || (!request.subresource.isEmpty && resources.contains("*/\(request.subresource)")))
            && (resourceNames.isEmpty || resourceNames.contains(request.name))
    }

    private static func covers(_ pattern: String, _ path: String) -> Bool {
        if pattern == "*" || pattern == path { return true }
        return pattern.hasSuffix("*") && path.hasPrefix(pattern.dropLast())
    }
}

extension RBACPolicy.Subject: CustomStringConvertible {
    /// `namespace` is the binding's, for a ServiceAccount without one.
    func matches(_ user: User, namespace: String) -> Bool {
        switch kind {
        case "User": user.name == name
        case "Group": user.groups.contains(name)
        case "ServiceAccount":
            user.name == "system:serviceaccount:\(self.namespace.isEmpty ? namespace : self.namespace):\(name)"
        default: false
        }
    }
    var description: String { kind == "ServiceAccount" ? "\(kind) \"\(name)/\(namespace)\"" : "\(kind) \"\(name)\"" }
}
