/// A Flyte project in one of its domains. Flyte gives each of them a namespace.
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

/// The name of a project-domain's namespace, or why it can't have one.
public enum NamespaceAnswer: Sendable, Hashable {
    case name(String)
    /// The message of reason `InvalidName`.
    case invalid(String)
    /// The message of reason `UnknownDomain`.
    case unknownDomain(String)

    /// The answer for domains that the registry does not have.
    public static func unknown(domains: [String], of registry: [String]) -> NamespaceAnswer {
        let names = domains.map(\.quotedForMessage).listed()
        let known = registry.isEmpty ? "none" : registry.listed(limit: 32)
        return .unknownDomain("the ClusterRegistry does not have the domain \(names); its spec.domains: \(known)")
    }

    public var name: String? { if case .name(let name) = self { name } else { nil } }
}

/// Flyte's `namespace_mapping.template`, compiled: `{{ project }}-{{ domain }}`.
public struct NamespaceTemplate: Sendable, Hashable {
    private let pattern: Pattern
    /// These namespaces are never touched.
    private let operatorNamespace: String
    private let reserved: [NamePattern]

    /// Fails if the text has a placeholder other than `project` and `domain`, or if a pattern can't be used.
    ///
    /// - Parameter reserved: patterns of further namespaces that are never touched.
    public init(_ text: String, operatorNamespace: String, reserved: [String] = []) throws(SpecProblem) {
        guard text.utf8.count <= 1024 else { throw SpecProblem("spec.namespaceTemplate", "is longer than 1024 bytes") }
        pattern = Pattern(text)
        self.operatorNamespace = operatorNamespace
        var patterns: [NamePattern] = []
        for (index, text) in reserved.enumerated() {
            guard let pattern = NamePattern(text) else {
                throw SpecProblem(
                    "spec.reservedNamespaces[\(index)]",
                    "\(text.quotedForMessage) is not a pattern: lower-case letters, digits, \"-\" and \"*\", at most 63"
                )
            }
            patterns.append(pattern)
        }
        self.reserved = patterns
        if let other = pattern.names.first(where: { $0 != "project" && $0 != "domain" }) {
            let message = "{{ \(other) }} can't be there: only {{ project }} and {{ domain }} can"
            throw SpecProblem("spec.namespaceTemplate", message)
        }
    }

    public func namespace(of key: ProjectDomain) -> NamespaceAnswer {
        for (what, text) in [("project", key.project), ("domain", key.domain)] {
            // Both become label values, even if the template leaves one of them out of the name.
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
        if let pattern = reserved.first(where: { $0.matches(name) }) {
            return .invalid(
                "namespace \(name) is reserved: the ClusterRegistry has \(pattern) in spec.reservedNamespaces")
        }
        return .name(name)
    }
}

extension NamespaceTemplate {
    /// Whether each project-domain should have its own namespace. If the template leaves out project or domain, several
    /// are meant to share one.
    public var separates: Bool { Set(pattern.names) == ["project", "domain"] }
}

/// A name in which each `*` stands for any characters.
public struct NamePattern: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    private let pieces: [[UInt8]]

    /// Nil for a text that could match no namespace's name.
    public init?(_ text: String) {
        let isGood = text.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "*")
        }
        guard isGood, !text.isEmpty, text.utf8.count <= 63 else { return nil }
        description = text
        pieces = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map { Array($0) }
    }

    public func matches(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard let first = pieces.first, let last = pieces.last, bytes.starts(with: first) else { return false }
        if pieces.count == 1 { return bytes == first }
        guard bytes.count >= first.count + last.count, bytes.suffix(last.count).elementsEqual(last) else {
            return false
        }
        // Each piece is taken where it comes first, which leaves the most for the pieces after it.
        var rest = bytes[first.count..<(bytes.count - last.count)]
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let range = rest.firstRange(of: piece) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }
}

extension SpecProblem: Error {}
