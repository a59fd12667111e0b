/// What Flyte gives a namespace to.
public struct ProjectDomain: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var project: String
    public var domain: String

    public init(project: String, domain: String) {
        self.project = project
        self.domain = domain
    }
    public var description: String { "\(project)/\(domain)" }
    public static func < (left: ProjectDomain, right: ProjectDomain) -> Bool {
        (left.project, left.domain) < (right.project, right.domain)
    }
}

/// What a project-domain's namespace is called, or why it can't have one.
public enum NamespaceAnswer: Sendable, Hashable {
    case name(String)
    /// The message of reason `InvalidName`.
    case invalid(String)

    public var name: String? { if case .name(let name) = self { name } else { nil } }
}

/// Flyte's `namespace_mapping.template`, compiled: `{{ project }}-{{ domain }}`.
public struct NamespaceTemplate: Sendable, Hashable {
    private let pattern: Pattern
    /// The namespaces that are never touched, whatever they are asked for.
    private let operatorNamespace: String

    /// Fails where the text has a placeholder other than `project` and `domain`.
    public init(_ text: String, operatorNamespace: String) throws(SpecProblem) {
        guard text.utf8.count <= 1024 else { throw SpecProblem("spec.namespaceTemplate", "is longer than 1024 bytes") }
        pattern = Pattern(text)
        self.operatorNamespace = operatorNamespace
        if let other = pattern.names.first(where: { $0 != "project" && $0 != "domain" }) {
            let message = "{{ \(other) }} can't be there: only {{ project }} and {{ domain }} can"
            throw SpecProblem("spec.namespaceTemplate", message)
        }
    }

    public func namespace(of key: ProjectDomain) -> NamespaceAnswer {
        for (what, text) in [("project", key.project), ("domain", key.domain)] {
            // Both become label values, also where the template leaves one out of the name.
            if NameRules.problem(ofLabel: text) != nil {
                return .invalid("\(what) \(text.quotedForMessage) can't be a Kubernetes label value")
            }
        }
        let name = pattern.text { $0 == "project" ? key.project : key.domain }
        if let problem = NameRules.problem(ofNamespace: name) {
            return .invalid(
                "project \(key.project.quotedForMessage), domain \(key.domain.quotedForMessage): \(problem)")
        }
        if name == "default" || name.hasPrefix("kube-") || name == operatorNamespace {
            return .invalid("namespace \(name) is reserved: Squadron never touches \"default\", \"kube-*\" and its own")
        }
        return .name(name)
    }
}

extension SpecProblem: Error {}
