import JSON
import KubeObjects

/// `apiVersion` and `kind` of an object, as a template names it.
public struct GroupVersionKind: Sendable, Hashable, CustomStringConvertible {
    public var group: String
    public var version: String
    public var kind: String

    public init(group: String, version: String, kind: String) {
        self.group = group
        self.version = version
        self.kind = kind
    }
    /// Nil for what is no apiVersion.
    public init?(apiVersion: String, kind: String) {
        let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }), let version = parts.last else { return nil }
        self.init(group: parts.count == 2 ? String(parts[0]) : "", version: String(version), kind: kind)
    }
    public init(_ type: ResourceType) { self.init(group: type.group, version: type.version, kind: type.kind) }

    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    public var description: String { "\(kind) (\(apiVersion))" }
}

/// One object of a template file, compiled.
struct TemplateDocument: Sendable {
    var file: String
    var line: Int
    var kind: GroupVersionKind
    var root: TemplateNode
    /// The placeholders in it, each with the line of its first use.
    var names: [String: Int]
}

/// The templates of a registry, compiled once and rendered for every project-domain and data plane.
public struct TemplateSet: Sendable {
    let documents: [TemplateDocument]

    /// What is made without a ConfigMap of templates. Nothing is in it: the Namespace, and the `default` ServiceAccount
    /// where there is a workload identity, come from `Renderer` in any case.
    public static let standard = TemplateSet(documents: [])

    private init(documents: [TemplateDocument]) { self.documents = documents }

    /// - Parameter files: a ConfigMap's data. They are taken in lexical order, as Flyte does; what doesn't end in
    ///   `.yaml` is none of its templates.
    public init(files: [String: String]) throws(TemplateFailure) {
        var documents: [TemplateDocument] = []
        for (file, text) in files.sorted(by: { $0.key < $1.key }) where file.hasSuffix(".yaml") {
            documents += try TemplateCompiler.compile(file: file, text: text)
        }
        self.init(documents: documents)
    }

    /// How many objects there are.
    public var count: Int { documents.count }

    /// What the templates are made of, for discovery and for the permissions that they need.
    public var kinds: Set<GroupVersionKind> { Set(documents.map(\.kind)) }

    /// Every placeholder that needs a value.

    /// Fails where a value is missing, naming all that are: half a set of objects is worse than none.
    func checkResolved(_ values: [String: String]) throws(TemplateFailure) {
        for document in documents where document.names.contains(where: { values[$0.key] == nil }) {
            let missing = document.names.filter { values[$0.key] == nil }.sorted {
                ($0.value, $0.key) < ($1.value, $1.key)
            }
            let list = missing.map { "{{ \($0.key) }}" }.listed()
            throw TemplateFailure(
                .placeholderUnresolved, file: document.file, line: missing[0].value, "no value for \(list)")
        }
    }
}
