import JSON
import KubeObjects
import Support
import YAML

/// kubectl's configuration: the clusters, the users, and the pairs of both that contexts name.
///
/// Entries keep the JSON that they came from. Only the entries of the context in use are read further, so an entry of
/// an unsupported kind (an exec plugin) disturbs only those who use it.
public struct Kubeconfig: Sendable {
    /// A named entry and its place, for errors and for the files that it names.
    struct Entry: Sendable {
        var name: String
        var file: String
        /// `users[0].user`.
        var path: String
        var content: JSON

        /// The folder that relative file names start from.
        var folder: String {
            guard let slash = file.lastIndex(of: "/") else { return "." }
            return slash == file.startIndex ? "/" : String(file[..<slash])
        }

        func failure(_ field: String, _ message: String) -> EndpointFailure {
            EndpointFailure(file: file, path: field.isEmpty ? path : "\(path).\(field)", message: message)
        }
    }

    /// Nil if it is not set.
    public private(set) var currentContext: String?
    var clusters: [Entry] = []
    var users: [Entry] = []
    var contexts: [Entry] = []

    /// In the order of the files and of their entries.
    public var contextNames: [String] { contexts.map(\.name) }

    /// The contexts whose cluster has this server.
    public func contextNames(withServer server: String) -> [String] {
        let wanted = server.withoutSlashesAtTheEnd
        let known = Set(
            clusters.filter { $0.content["server"]?.string?.withoutSlashesAtTheEnd == wanted }.map(\.name))
        return contexts.filter { $0.content["cluster"]?.string.map(known.contains) ?? false }.map(\.name)
    }

    /// The places where kubectl looks: the files of `KUBECONFIG`, otherwise `~/.kube/config`.
    public static func defaultFiles(kubeconfig: String?, home: String?) -> [String] {
        let listed = (kubeconfig ?? "").split(separator: ":").map(String.init)
        guard listed.isEmpty, let home, !home.isEmpty else { return listed }
        return ["\(home)/.kube/config"]
    }

    /// Reads the files in order. As in kubectl, the first of two entries with one name is used. With several files,
    /// those that do not exist (`KUBECONFIG` lists often name some) or are empty are skipped. With a single file, both
    /// are errors.
    public static func load(_ files: [String]) throws(EndpointFailure) -> Kubeconfig {
        var merged: Kubeconfig?
        var skipped: EndpointFailure?
        for file in files {
            var bytes: [UInt8]
            do {
                bytes = try FileContents.read(file, limit: 4 << 20)
            } catch {
                let failure = EndpointFailure(file: error.path, message: error.message)
                guard error.isMissingFile, files.count > 1 else { throw failure }
                skipped = failure
                continue
            }
            defer { bytes.wipe() }
            let json = try document(bytes, file: file)
            guard !json.isNull || files.count == 1 else {
                skipped = EndpointFailure(file: file, message: "is not a kubeconfig: it is empty")
                continue
            }
            let next = try Kubeconfig(json, file: file)
            if merged == nil { merged = next } else { merged?.add(next) }
        }
        guard let merged else { throw skipped ?? EndpointFailure(message: "no kubeconfig is given") }
        return merged
    }

    /// `file` names it in errors. Relative file names start from its folder.
    public init(parsing bytes: [UInt8], file: String) throws(EndpointFailure) {
        try self.init(Self.document(bytes, file: file), file: file)
    }

    /// Null for an empty text or a text of comments only.
    private static func document(_ bytes: [UInt8], file: String) throws(EndpointFailure) -> JSON {
        do {
            return try YAML.parse(bytes)
        } catch {
            throw EndpointFailure(file: file, message: error.description)
        }
    }

    private init(_ json: JSON, file: String) throws(EndpointFailure) {
        guard json.object != nil else {
            throw EndpointFailure(file: file, message: "is not a kubeconfig: not a mapping")
        }
        if let kind = json["kind"]?.string, kind != "Config" {
            throw EndpointFailure(file: file, path: "kind", message: "is \(kind), not Config")
        }
        do {
            currentContext = try Fields(json).string("current-context")?.nonEmpty
        } catch {
            throw EndpointFailure(file: file, path: error.path, message: error.message)
        }
        clusters = try Self.entries(json, "clusters", "cluster", file)
        users = try Self.entries(json, "users", "user", file)
        contexts = try Self.entries(json, "contexts", "context", file)
    }

    private mutating func add(_ other: Kubeconfig) {
        currentContext = currentContext ?? other.currentContext
        clusters += other.clusters.filter { new in !clusters.contains { $0.name == new.name } }
        users += other.users.filter { new in !users.contains { $0.name == new.name } }
        contexts += other.contexts.filter { new in !contexts.contains { $0.name == new.name } }
    }

    private static func entries(
        _ json: JSON, _ list: String, _ member: String, _ file: String
    ) throws(EndpointFailure) -> [Entry] {
        guard let value = json[list], value != .null else { return [] }
        guard let array = value.array else { throw EndpointFailure(file: file, path: list, message: "is not a list") }
        var result: [Entry] = []
        for (index, item) in array.enumerated() {
            let path = "\(list)[\(index)]"
            guard let name = item["name"]?.string, !name.isEmpty else {
                throw EndpointFailure(file: file, path: "\(path).name", message: "is missing or not a string")
            }
            let content = item[member] ?? .null
            guard content.isNull || content.object != nil else {
                throw EndpointFailure(file: file, path: "\(path).\(member)", message: "is not a mapping")
            }
            guard !result.contains(where: { $0.name == name }) else {
                throw EndpointFailure(file: file, path: "\(path).name", message: "\(name) appears twice")
            }
            result.append(Entry(name: name, file: file, path: "\(path).\(member)", content: content))
        }
        return result
    }
}
