import JSON

/// One step of a field path.
enum PathElement: Sendable, Hashable {
    case field(String)
    /// An element of a list of objects, by its key fields.
    case key([String: JSON])
    /// An element of a set.
    case value(JSON)
    case index(Int)

    /// The element in `fieldsV1`: `f:spec`, `k:{"name":"x"}`, `v:"y"`, `i:0`.
    var text: String {
        switch self {
        case .field(let name): "f:" + name
        case .key(let fields): "k:" + JSON.object(fields).serializedString
        case .value(let value): "v:" + value.serializedString
        case .index(let index): "i:\(index)"
        }
    }

    init?(_ text: String) {
        let rest = String(text.dropFirst(2))
        if text.hasPrefix("f:") {
            self = .field(rest)
        } else if text.hasPrefix("k:"), let fields = (try? JSON(parsing: rest))?.object {
            self = .key(fields)
        } else if text.hasPrefix("v:"), let value = try? JSON(parsing: rest) {
            self = .value(value)
        } else if text.hasPrefix("i:"), let index = Int(rest) {
            self = .index(index)
        } else {
            return nil
        }
    }

    /// The element in conflict messages: `.spec`, `[name="x"]`, `[="y"]`.
    var shown: String {
        switch self {
        case .field(let name): "." + name
        case .key(let fields):
            "[" + fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.shownInErrors)" }.joined(separator: ",")
                + "]"
        case .value(let value): "[=\(value.shownInErrors)]"
        case .index(let index): "[\(index)]"
        }
    }
}

/// A set of field paths, as a tree.
struct FieldSet: Sendable, Hashable {
    /// Paths that end here.
    private(set) var members: Set<PathElement> = []
    /// Paths that go on. A child is never empty.
    private(set) var children: [PathElement: FieldSet] = [:]

    static let empty = FieldSet()
    init() {}
    init(paths: [[String]]) { for path in paths { insert(path.map { .field($0) }[...]) } }

    var isEmpty: Bool { members.isEmpty && children.isEmpty }

    mutating func insert(_ path: ArraySlice<PathElement>) {
        guard let first = path.first else { return }
        if path.count == 1 {
            members.insert(first)
        } else {
            children[first, default: FieldSet()].insert(path.dropFirst())
        }
    }

    func contains(_ element: PathElement) -> Bool { members.contains(element) }

    private mutating func setChild(_ element: PathElement, _ child: FieldSet) {
        children[element] = child.isEmpty ? nil : child
    }

    func union(_ other: FieldSet) -> FieldSet {
        var result = self
        result.members.formUnion(other.members)
        for (element, child) in other.children {
            result.children[element] = result.children[element].map { $0.union(child) } ?? child
        }
        return result
    }

    func intersection(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        result.members = members.intersection(other.members)
        for (element, child) in children {
            if let theirs = other.children[element] { result.setChild(element, child.intersection(theirs)) }
        }
        return result
    }

    /// The paths that `other` does not have.
    func subtracting(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        result.members = members.subtracting(other.members)
        for (element, child) in children {
            result.setChild(element, other.children[element].map { child.subtracting($0) } ?? child)
        }
        return result
    }

    /// The paths that neither are in `other` nor lie below one that is.
    func subtractingRecursively(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        result.members = members.subtracting(other.members)
        for (element, child) in children where !other.members.contains(element) {
            result.setChild(element, other.children[element].map { child.subtractingRecursively($0) } ?? child)
        }
        return result
    }

    /// Adds every *named* field (of a struct, not a key of a map) on the path to a member. So a field goes when
    /// everything below it is removed.
    func ensuringNamedFieldsAreMembers(_ type: FieldType) -> FieldSet {
        var result = FieldSet()
        result.members = members
        for (element, child) in children {
            let (childType, isNamed) = type.child(element)
            if isNamed { result.members.insert(element) }
            result.children[element] = child.ensuringNamedFieldsAreMembers(childType)
        }
        return result
    }

    /// Calls `body` with all paths in order: those that end at a node before those that go on below it.
    func forEach(prefix: [PathElement] = [], _ body: ([PathElement]) -> Void) {
        for element in members.sorted(by: { $0.text < $1.text }) { body(prefix + [element]) }
        for (element, child) in children.sorted(by: { $0.key.text < $1.key.text }) {
            child.forEach(prefix: prefix + [element], body)
        }
    }

    /// `fieldsV1`.
    var json: JSON {
        var result: [String: JSON] = [:]
        for element in members { result[element.text] = [:] }
        for (element, child) in children {
            var node = child.json
            if members.contains(element) { node["."] = [:] }
            result[element.text] = node
        }
        return .object(result)
    }

    /// Nil if the value is not `fieldsV1`. The parser has bounded the depth.
    init?(json: JSON) {
        guard let nodes = json.object else { return nil }
        for (text, node) in nodes where text != "." {
            guard let element = PathElement(text), let below = node.object, let child = FieldSet(json: node) else {
                return nil
            }
            if below.isEmpty || below["."] != nil { members.insert(element) }
            if !child.isEmpty { children[element] = child }
        }
    }
}
