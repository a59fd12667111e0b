import JSON
import KubeObjects

/// Something that the operator must be allowed to do in a data plane.
public struct Permission: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var verb: String
    public var group: String
    public var resource: String

    public init(verb: String, group: String, resource: String) {
        self.verb = verb
        self.group = group
        self.resource = resource
    }
    /// "patch serviceaccounts", "create roles.rbac.authorization.k8s.io".
    public var description: String { "\(verb) \(resource)\(group.isEmpty ? "" : "." + group)" }
    public static func < (left: Permission, right: Permission) -> Bool {
        (left.group, left.resource, order(left.verb), left.verb) < (
            right.group, right.resource, order(right.verb), right.verb
        )
    }
    private static func order(_ verb: String) -> Int { Permission.verbs.firstIndex(of: verb) ?? verbs.count }
    /// What server-side apply and a watch take: a PATCH that creates needs `create` as well.
    static let verbs = ["get", "list", "watch", "create", "patch"]

    /// Without it no project-domain has its namespace or its cloud role: the data plane can't be worked with. What
    /// `prune` or a template needs beside that keeps back its own objects alone.
    public var isEssential: Bool {
        Permissions.essentials.contains { $0.group == group && $0.plural == resource } && Self.verbs.contains(verb)
    }
}

public enum Permissions {
    /// Without these kinds a data plane can't be worked with.
    public static let essentials: Set<ResourceType> = [.namespace, .serviceAccount]

    /// What the templates need in a data plane: Namespaces (`get` for `kube-system`, which says which cluster it is)
    /// and whatever kinds are made in them. ServiceAccounts count in any case, so that a workload identity that is set
    /// later finds its permissions.
    ///
    /// - Parameters:
    ///   - deletes: with `prune: true`, looking through and deleting what the templates have, or once had, in namespaces.
    ///   - copies: with `replicateSecrets`, Secrets.
    public static func required(
        by templates: TemplateSet, kinds: KindTable = .wellKnown, deletes: Bool = false, copies: Bool = false
    ) -> [Permission] {
        let types = essentials.union(templates.kinds.compactMap { kinds[$0] })
            .union(copies ? [Secret.resourceType] : [])
        let pruned = deletes ? types.union(Pruning.kinds).subtracting([.namespace]) : []
        return types.union(pruned).flatMap { type in
            let verbs =
                (types.contains(type) ? Permission.verbs : ["list", "watch"])
                + (pruned.contains(type) ? ["delete"] : [])
            return verbs.map { Permission(verb: $0, group: type.group, resource: type.plural) }
        }.sorted()
    }

    /// The ClusterRole rules to add, as YAML that can be pasted: one for each group and set of verbs.
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

    /// "create, patch serviceaccounts; list namespaces".
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

/// What a SelfSubjectRulesReview answers. Ask it for a namespace that has no RoleBindings (one that isn't there will
/// do): then only what is allowed everywhere is in it, and that is what is needed.
public struct RulesReview: Sendable, Hashable {
    public struct Rule: Sendable, Hashable {
        public var verbs: [String]
        public var apiGroups: [String]
        public var resources: [String]
        /// Empty: all.
        public var resourceNames: [String]

        public init(verbs: [String], apiGroups: [String], resources: [String], resourceNames: [String] = []) {
            self.verbs = verbs
            self.apiGroups = apiGroups
            self.resources = resources
            self.resourceNames = resourceNames
        }

        /// `resource` without a subresource: `pods/*` and `*/status` don't cover it.
        func covers(_ permission: Permission) -> Bool {
            resourceNames.isEmpty && (verbs.contains("*") || verbs.contains(permission.verb))
                && (apiGroups.contains("*") || apiGroups.contains(permission.group))
                && (resources.contains("*") || resources.contains(permission.resource))
        }
    }
    public var rules: [Rule]
    /// The server couldn't list all rules (a webhook decides, say): what isn't among them may still be allowed.
    public var isIncomplete: Bool

    public init(rules: [Rule], isIncomplete: Bool) {
        self.rules = rules
        self.isIncomplete = isIncomplete
    }

    /// Reads the object's `status`. Rules that don't fit are no rules: they leave the review incomplete.
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
