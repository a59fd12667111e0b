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

    /// The placeholders that have no value, in the order of their lines.
    func unresolved(_ values: [String: String]) -> [(name: String, line: Int)] {
        names.filter { values[$0.key] == nil }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map {
            ($0.key, $0.value)
        }
    }

    /// The name as the template has it, placeholders included: for messages about what could not be rendered.
    var writtenName: String {
        switch root {
        case .literal(let json): return json[path: ["metadata", "name"]]?.string ?? ""
        case .object(let members):
            guard let metadata = members.first(where: { $0.key == Pattern("metadata") })?.value else { return "" }
            if case .literal(let json) = metadata { return json["name"]?.string ?? "" }
            guard case .object(let fields) = metadata,
                let name = fields.first(where: { $0.key == Pattern("name") })?.value
            else { return "" }
            return name.written
        default: return ""
        }
    }
}

extension TemplateNode {
    fileprivate var written: String {
        switch self {
        case .literal(let json): json.string ?? ""
        case .string(let pattern), .scalar(let pattern, _): pattern.written
        case .array, .object: ""
        }
    }
}

/// The templates of a registry, compiled once and rendered for every project-domain and data plane.
///
/// A file that does not compile affects no other file.
public struct TemplateSet: Sendable {
    /// A file that does not compile.
    public struct BrokenFile: Sendable, Hashable {
        public var failure: TemplateFailure
        /// Whether the version that was read before it stays in force. Else nothing of the file is known.
        public var hasLastGood: Bool
    }
    private struct File: Sendable {
        var text: String
        var documents: [TemplateDocument]
    }
    /// What is in force, by the file's name.
    private let files: [String: File]
    let documents: [TemplateDocument]
    /// In lexical order of the files.
    public let broken: [BrokenFile]
    /// The ConfigMap's other keys, in lexical order: Flyte takes only what ends in `.yaml`.
    public let ignoredKeys: [String]

    /// What is made without a ConfigMap of templates. Nothing is in it: the Namespace, and the `default` ServiceAccount
    /// where there is a workload identity, come from `Renderer` in any case.
    public static let standard = TemplateSet(files: [:])

    /// - Parameters:
    ///   - files: a ConfigMap's data. They are taken in lexical order, as Flyte does.
    ///   - previous: what was in force before. Of a file that broke since, its last good version stays.
    public init(files texts: [String: String], previous: TemplateSet? = nil) {
        var files: [String: File] = [:]
        var broken: [BrokenFile] = []
        var ignored: [String] = []
        var documents: [TemplateDocument] = []
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            guard name.hasSuffix(".yaml") else {
                ignored.append(name)
                continue
            }
            let before = previous?.files[name]
            do throws(TemplateFailure) {
                if let before, before.text == text {
                    files[name] = before
                } else {
                    files[name] = File(text: text, documents: try TemplateCompiler.compile(file: name, text: text))
                }
            } catch {
                files[name] = before
                broken.append(BrokenFile(failure: error, hasLastGood: before != nil))
            }
            documents += files[name]?.documents ?? []
        }
        self.files = files
        self.broken = broken
        self.documents = documents
        ignoredKeys = ignored
    }

    /// The files in force, by name.
    public var texts: [String: String] { files.mapValues(\.text) }

    /// How many objects there are.
    public var count: Int { documents.count }

    /// What the templates are made of, for discovery and for the permissions that they need.
    public var kinds: Set<GroupVersionKind> { Set(documents.map(\.kind)) }

    /// Whether there may be objects and fields that aren't known, since a file broke before it was ever read.
    public var isIncomplete: Bool { broken.contains { !$0.hasLastGood } }

    /// Equal for sets that render the same; compared within one process only.
    public var fingerprint: Int {
        var hasher = Hasher()
        for (name, file) in files.sorted(by: { $0.key < $1.key }) {
            hasher.combine(name)
            hasher.combine(file.text)
        }
        hasher.combine(broken)
        return hasher.finalize()
    }
}
