import JSON
import KubeObjects

/// `apiVersion` and `kind` of an object in a template.
public struct GroupVersionKind: Sendable, Hashable, CustomStringConvertible {
    public var group: String
    public var version: String
    public var kind: String

    public init(group: String, version: String, kind: String) {
        self.group = group
        self.version = version
        self.kind = kind
    }
    /// Nil if the text is not an apiVersion.
    public init?(apiVersion: String, kind: String) {
        let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }), let version = parts.last else { return nil }
        self.init(group: parts.count == 2 ? String(parts[0]) : "", version: String(version), kind: kind)
    }
    public init(_ type: ResourceType) { self.init(group: type.group, version: type.version, kind: type.kind) }

    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    public var description: String { "\(kind) (\(apiVersion))" }
}

/// One compiled object of a template file.
struct TemplateDocument: Sendable {
    var file: String
    var line: Int
    var kind: GroupVersionKind
    var root: TemplateNode
    /// Its placeholders, each with the line of its first use.
    var names: [String: Int]

    /// The placeholders without a value, in the order of their lines.
    func unresolved(_ values: [String: String]) -> [(name: String, line: Int)] {
        names.filter { values[$0.key] == nil }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map {
            ($0.key, $0.value)
        }
    }

    /// The name in the template with its placeholders, for messages about objects that could not be rendered.
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
        /// Whether its last good version stays in force. Otherwise nothing of the file is known.
        public var hasLastGood: Bool
    }
    private struct File: Sendable {
        var text: String
        var documents: [TemplateDocument]
    }
    /// The files in force, by name.
    private let files: [String: File]
    let documents: [TemplateDocument]
    /// In the alphabetical order of the files.
    public let broken: [BrokenFile]
    /// The ConfigMap's other keys, in alphabetical order. Flyte reads only keys that end in `.yaml`.
    public let ignoredKeys: [String]

    /// The templates without a ConfigMap. The set is empty, since `Renderer` always makes the Namespace and, with a
    /// workload identity, the `default` ServiceAccount.
    public static let standard = TemplateSet(files: [:])

    /// - Parameters:
    ///   - files: the data of a ConfigMap, taken in alphabetical order as in Flyte.
    ///   - previous: the set in force before. The last good version of a file that has broken stays.
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

    /// The texts of the files in force, by name.
    public var texts: [String: String] { files.mapValues(\.text) }

    /// The number of objects.
    public var count: Int { documents.count }

    /// The kinds in the templates, for discovery and for the needed rights.
    public var kinds: Set<GroupVersionKind> { Set(documents.map(\.kind)) }

    /// Whether unknown objects and fields may exist, because a file broke before it was ever read.
    public var isIncomplete: Bool { broken.contains { !$0.hasLastGood } }

    /// Equal for sets that render the same. Compare it only within one process.
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
