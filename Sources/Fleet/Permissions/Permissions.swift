import JSON
import KubeObjects

/// A right that the operator needs in a data plane.
public struct Permission: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var verb: String
    public var group: String
    public var resource: String

    public init(verb: String, group: String, resource: String) {
        self.verb = verb
        self.group = group
        self.resource = resource
    }
    /// For example "patch serviceaccounts" or "create roles.rbac.authorization.k8s.io".
    public var description: String { "\(verb) \(resource)\(group.isEmpty ? "" : "." + group)" }
    public static func < (left: Permission, right: Permission) -> Bool {
        (left.group, left.resource, order(left.verb), left.verb) < (
            right.group, right.resource, order(right.verb), right.verb
        )
    }
    private static func order(_ verb: String) -> Int { Permission.verbs.firstIndex(of: verb) ?? verbs.count }
    /// The verbs of server-side apply and a watch. A PATCH that creates an object needs `create` too.
    static let verbs = ["get", "list", "watch", "create", "patch"]

    /// Without it no project-domain gets its namespace or its cloud role, so the data plane is not Available. Further
    /// rights for `prune` or a template hold back only their own objects.
    public var isEssential: Bool {
        Permissions.essentials.contains { $0.group == group && $0.plural == resource } && Self.verbs.contains(verb)
    }
}

public enum Permissions {
    /// Without these kinds a data plane is not Available.
    public static let essentials: Set<ResourceType> = [.namespace, .serviceAccount]

    /// The rights that the templates need in a data plane: for Namespaces (`get` also for `kube-system`, which
    /// identifies the cluster) and for the kinds that are made in them. ServiceAccounts always count, so that a
    /// workload identity that is set later has its rights.
    ///
    /// - Parameters:
    ///   - deletes: whether `prune: true` needs to list and delete what the templates have, or once had, in namespaces.
    ///   - copies: whether Secrets are copied (`replicateSecrets`).
    public static func required(
        by templates: TemplateSet, kinds: RESTMapper = .wellKnown, deletes: Bool = false, copies: Bool = false
    ) -> [Permission] {
        let types = essentials.union(templates.kinds.compactMap { kinds[$0] })
            .union(copies ? [Secret.resourceType] : [])
        let pruned = deletes ? types.union(Pruning.kinds).subtracting([.namespace]) : []
        // Sorted as permissions are: by kind, then by verb.
        return types.union(pruned).sorted { ($0.group, $0.plural) < ($1.group, $1.plural) }.flatMap { type in
            let verbs =
                (types.contains(type) ? Permission.verbs : ["list", "watch"])
                + (pruned.contains(type) ? ["delete"] : [])
            return verbs.map { Permission(verb: $0, group: type.group, resource: type.plural) }
        }
    }

    /// The ClusterRole rules to add, as YAML for pasting: one rule for each group and set of verbs.
    public static func rules(adding missing: [Permission]) -> String {
        var verbs: [Permission: [String]] = [:]
        for permission in missing.sorted() {
            var resource = permission
            resource.verb = ""
            verbs[resource, default: []].append(permission.verb)
        }
        struct Rule: Hashable {
            var group: String
            var verbs: [String]
        }
        var rules: [Rule: [String]] = [:]
        for (resource, verbs) in verbs {
            rules[Rule(group: resource.group, verbs: verbs), default: []].append(resource.resource)
        }
        return rules.map { rule, resources in
            """
            - apiGroups: ["\(rule.group)"]
              resources: [\(resources.sorted().joined(separator: ", "))]
              verbs: [\(rule.verbs.joined(separator: ", "))]

            """
        }.sorted().joined()
    }

    /// For example "create, patch serviceaccounts; list namespaces".
    public static func text(_ missing: [Permission]) -> String {
        var parts: [(resource: String, verbs: [String])] = []
        for permission in missing.sorted() {
            let resource = permission.resource + (permission.group.isEmpty ? "" : "." + permission.group)
            if parts.last?.resource == resource {
                parts[parts.count - 1].verbs.append(permission.verb)
            } else {
                parts.append((resource, [permission.verb]))
            }
        }
        return parts.map { "\($0.verbs.joined(separator: ", ")) \($0.resource)" }.joined(separator: "; ")
    }
}

/// The answer of a SelfSubjectRulesReview. Ask it for a namespace without RoleBindings, which need not exist. Then the
/// answer has only what is allowed in all namespaces, and that is what we need.
public struct RulesReview: Sendable, Hashable {
    public struct Rule: Sendable, Hashable {
        public var verbs: [String]
        public var apiGroups: [String]
        public var resources: [String]
        /// Empty for all names.
        public var resourceNames: [String]

        public init(verbs: [String], apiGroups: [String], resources: [String], resourceNames: [String] = []) {
            self.verbs = verbs
            self.apiGroups = apiGroups
            self.resources = resources
            self.resourceNames = resourceNames
        }

        /// `resource` has no subresource, so `pods/*` and `*/status` don't cover it.
        func covers(_ permission: Permission) -> Bool {
            resourceNames.isEmpty && (verbs.contains("*") || verbs.contains(permission.verb))
                && (apiGroups.contains("*") || apiGroups.contains(permission.group))
                && (resources.contains("*") || resources.contains(permission.resource))
        }
    }
    public var rules: [Rule]
    /// The server could not list all rules, for example because a webhook decides. Other rights may still be granted.
    public var isIncomplete: Bool

    public init(rules: [Rule], isIncomplete: Bool) {
        self.rules = rules
        self.isIncomplete = isIncomplete
    }

    /// Reads the object's `status`. Rules that can't be read are left out, and make the review incomplete.
    public init(json: JSON) {
        let status = json["status"]
        isIncomplete = status?["incomplete"]?.bool ?? (status == nil)
        rules = []
        for rule in status?["resourceRules"]?.array ?? [] {
            func strings(_ key: String) -> [String]? {
                guard let value = rule[key], !value.isNull else { return [] }
                let texts = value.array?.compactMap(\.string)
                return texts?.count == value.array?.count ? texts : nil
            }
            if let verbs = strings("verbs"), let groups = strings("apiGroups"), let resources = strings("resources"),
                let names = strings("resourceNames")
            {
                rules.append(Rule(verbs: verbs, apiGroups: groups, resources: resources, resourceNames: names))
            } else {
                isIncomplete = true
            }
        }
    }

    public enum Answer: Sendable, Hashable {
        case granted
        case missing([Permission])
        /// Ask for these one by one, with SelfSubjectAccessReviews.
        case undecided([Permission])
    }

    public func check(_ required: [Permission]) -> Answer {
        let missing = required.filter { permission in !rules.contains { $0.covers(permission) } }
        if missing.isEmpty { return .granted }
        return isIncomplete ? .undecided(missing) : .missing(missing)
    }
}
