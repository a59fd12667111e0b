import Fleet
import JSON
import YAML

/// A text to import: the file or the key that it is from, and its YAML.
public struct ImportText: Sendable, Hashable {
    /// `clusters.yaml`, `ConfigMap flyte-admin-clusters-config, key clusters.yaml`.
    public var place: String
    public var text: String
    /// How a command ends if the text can't be used: a file that the user names is a part of the usage.
    public var outcome: Outcome

    public init(place: String, text: String, outcome: Outcome = .usage) {
        (self.place, self.text, self.outcome) = (place, text, outcome)
    }

    func failure(_ message: String) -> ImportFailure { ImportFailure("\(place)\(message)", outcome) }
}

/// A text that can't be read at all: then nothing is imported.
public struct ImportFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    /// How the command ends.
    public var outcome: Outcome
    public init(_ description: String, _ outcome: Outcome = .failed) {
        (self.description, self.outcome) = (description, outcome)
    }
}

/// Something that was not taken over, and its place.
public struct ImportGap: Sendable, Hashable {
    public var place: String
    public var message: String

    public init(_ place: String, _ message: String) { (self.place, self.message) = (place, message) }
}

/// A piece of YAML, and the text that it is from.
struct ImportNode: Sendable, Hashable {
    var place: String
    var node: YAMLNode

    /// "clusters.yaml, line 7"
    var line: String { node.line > 0 ? "\(place), line \(node.line)" : place }

    func with(_ node: YAMLNode) -> ImportNode { ImportNode(place: place, node: node) }

    /// Flyte's configuration library ignores the case of keys.
    subscript(key: String) -> ImportNode? {
        let found = node.mapping?.first { $0.key.scalar?.lowercased() == key.lowercased() }
        return found.map { with($0.value) }
    }
    func at(_ path: String...) -> ImportNode? { path.reduce(Optional(self)) { $0?[$1] } }

    var elements: [ImportNode] { (node.sequence ?? []).map(with) }
    var members: [(key: String, value: ImportNode)] {
        (node.mapping ?? []).compactMap { pair in pair.key.scalar.map { ($0, with(pair.value)) } }
    }
    var json: JSON { (try? node.json()) ?? .null }
    /// The text of a scalar that means a text or a number. Nil for anything else.
    var text: String? {
        switch json {
        case .string(let text): text
        case .int, .double: node.scalar
        case .bool(let flag): flag ? "true" : "false"
        default: nil
        }
    }
    var isNull: Bool { json.isNull && node.mapping == nil && node.sequence == nil }

    func gap(_ message: String) -> ImportGap { ImportGap(line, message) }
}

extension ImportText {
    /// The documents of the text. For a ConfigMap, alone or in a List, the documents of the texts in its keys.
    func documents() throws(ImportFailure) -> [ImportNode] {
        var found: [ImportNode] = []
        for node in try parsed() {
            let root = ImportNode(place: place, node: node)
            let items = root["items"]?.elements ?? [root]
            for item in items {
                guard item["kind"]?.text == "ConfigMap", let data = item["data"] else {
                    found.append(item)
                    continue
                }
                let name = item.at("metadata", "name")?.text ?? ""
                for (key, value) in data.members.sorted(by: { $0.key < $1.key }) where key.hasSuffix(".yaml") {
                    let place = "\(place), ConfigMap \(name.shortForMessage), key \(key.shortForMessage)"
                    let inner = ImportText(place: place, text: value.text ?? "", outcome: outcome)
                    found += try inner.parsed().map { ImportNode(place: place, node: $0) }
                }
            }
        }
        return found
    }

    private func parsed() throws(ImportFailure) -> [YAMLNode] {
        do throws(YAML.Failure) {
            let nodes = try YAML.documents(text)
            // This finds duplicate keys, and keys that are not texts.
            for node in nodes { _ = try node.json() }
            return nodes
        } catch {
            let advice = HelmExpressions.isIn(text) ? ": " + HelmExpressions.whereRendered : ""
            throw failure(", line \(error.line): \(error.message.shortForMessage)\(advice)")
        }
    }
}

extension HelmExpressions {
    /// Said of a file that Helm has not rendered.
    static let whereRendered =
        "it has expressions of Helm's. Take what Helm made of it, from the ConfigMaps flyte-admin-clusters-config "
        + "(clusters.yaml) and flyte-clusterresourcesync-config (cluster_resources.yaml), or import `configmap`"
}
