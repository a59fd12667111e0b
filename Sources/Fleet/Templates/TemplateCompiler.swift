import JSON
import YAML

/// Compiles one file's text into documents.
struct TemplateCompiler {
    let file: String
    let tokens: PlaceholderTokens

    /// Fails for the whole file, because half a file may not be what its author meant.
    static func compile(file: String, text: String) throws(TemplateFailure) -> [TemplateDocument] {
        guard let tokens = PlaceholderTokens(text) else {
            throw TemplateFailure(.templateInvalid, file: file, line: 0, "can't be read")
        }
        let compiler = TemplateCompiler(file: file, tokens: tokens)
        let nodes: [YAMLNode]
        do {
            nodes = try YAML.documents(tokens.text)
        } catch {
            throw compiler.failure(error)
        }
        var documents: [TemplateDocument] = []
        for node in nodes where node.scalar != "" { documents.append(try compiler.document(node)) }
        return documents
    }

    private func document(_ node: YAMLNode) throws(TemplateFailure) -> TemplateDocument {
        guard let pairs = node.mapping else { throw invalid(node, "is not a Kubernetes object: a mapping is expected") }
        guard case .object(var members) = try object(pairs, place: .root, at: node) else {
            // It has no placeholders. It is unpacked, since name and namespace are checked below all the same.
            return try document(fixed: try object(pairs, place: .root, at: node), node)
        }
        members.removeAll { $0.key == Pattern("status") }
        let literals = Dictionary(
            members.compactMap { member in member.value.literal.map { (member.key.text { $0 }, $0) } },
            uniquingKeysWith: { _, last in last })
        let gvk = try kind(apiVersion: literals["apiVersion"], kind: literals["kind"], node)
        guard let metadata = members.first(where: { $0.key == Pattern("metadata") })?.value else {
            throw invalid(node, "has no metadata")
        }
        try checkName(metadata, node)
        var names: [String: Int] = [:]
        Self.collect(.object(members), line: node.line, into: &names)
        return TemplateDocument(file: file, line: node.line, kind: gvk, root: .object(members), names: names)
    }

    private func document(fixed: TemplateNode, _ node: YAMLNode) throws(TemplateFailure) -> TemplateDocument {
        guard case .literal(var value) = fixed else { throw invalid(node, "can't be read") }
        value["status"] = nil
        let gvk = try kind(apiVersion: value["apiVersion"], kind: value["kind"], node)
        guard let metadata = value["metadata"] else { throw invalid(node, "has no metadata") }
        try checkName(.literal(metadata), node)
        return TemplateDocument(file: file, line: node.line, kind: gvk, root: .literal(value), names: [:])
    }

    private func kind(apiVersion: JSON?, kind: JSON?, _ node: YAMLNode) throws(TemplateFailure) -> GroupVersionKind {
        guard let apiVersion = apiVersion?.string, let kind = kind?.string, !kind.isEmpty,
            let gvk = GroupVersionKind(apiVersion: apiVersion, kind: kind)
        else {
            throw invalid(node, "is not a Kubernetes object: apiVersion and kind must be there, without placeholders")
        }
        if kind.hasSuffix("List"), gvk.group.isEmpty {
            throw invalid(node, "is a \(kind): write the objects as documents of their own")
        }
        return gvk
    }

    private func checkName(_ metadata: TemplateNode, _ node: YAMLNode) throws(TemplateFailure) {
        let hasName =
            switch metadata {
            case .literal(let value): value["name"]?.string?.isEmpty == false
            case .object(let members):
                members.contains { member in
                    member.key == Pattern("name") && member.value.literal.map { $0.string?.isEmpty == false } ?? true
                }
            default: false
            }
        if !hasName { throw invalid(node, "has no metadata.name") }
    }

    // MARK: The tree

    /// The place of a node, since parts of metadata only accept strings.
    private enum Place {
        case root, metadata, stringMap, string, other

        func below(_ key: String) -> Place {
            switch (self, key) {
            case (.root, "metadata"): .metadata
            case (.metadata, "labels"), (.metadata, "annotations"): .stringMap
            case (.metadata, "name"), (.metadata, "namespace"), (.stringMap, _): .string
            default: .other
            }
        }
    }
    /// Fields of stored objects that a template must not have, although it may be a copy of one. The API server would
    /// refuse or ignore them.
    private static let serverFields: Set<String> = [
        "managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink",
        "deletionTimestamp", "deletionGracePeriodSeconds",
    ]

    private func compile(_ node: YAMLNode, place: Place) throws(TemplateFailure) -> TemplateNode {
        switch node.content {
        case .scalar(let text, let style):
            let pattern = tokens.pattern(text)
            guard pattern.hasPlaceholders else {
                let value = try json(node)
                return .literal(place == .string && !value.isNull ? .string(text) : value)
            }
            guard style == .plain else { return .string(pattern) }
            let isString = place == .string || node.tag == "!!str" || node.tag == "!"
            return isString ? .string(pattern.asPlainScalar) : .scalar(pattern.asPlainScalar, tag: node.tag)
        case .sequence(let nodes):
            var elements: [TemplateNode] = []
            for node in nodes { elements.append(try compile(node, place: .other)) }
            let literals = elements.compactMap(\.literal)
            return literals.count == elements.count ? .literal(.array(literals)) : .array(elements)
        case .mapping(let pairs):
            return try object(pairs, place: place, at: node)
        }
    }

    private func object(_ pairs: [YAMLNode.Pair], place: Place, at node: YAMLNode) throws(TemplateFailure)
        -> TemplateNode
    {
        var members: [TemplateNode.Member] = []
        var seen: Set<Pattern> = []
        for pair in try merged(pairs) {
            let key = try key(pair.key)
            if key.hasPlaceholders, place == .root || place == .metadata {
                throw invalid(
                    pair.key, "a placeholder can't be a key here: a value would decide what kind of object it is")
            }
            let text = key.text { $0 }
            if place == .metadata, !key.hasPlaceholders, Self.serverFields.contains(text) { continue }
            guard seen.insert(key).inserted else {
                throw invalid(pair.key, "the key \(text.quotedForMessage) appears twice")
            }
            let below = place.below(key.hasPlaceholders ? "" : text)
            members.append(.init(key: key, value: try compile(pair.value, place: below), line: pair.key.line))
        }
        var object: [String: JSON] = [:]
        for member in members {
            guard !member.key.hasPlaceholders, let value = member.value.literal else { return .object(members) }
            object[member.key.text { $0 }] = value
        }
        return .literal(.object(object))
    }

    private func key(_ node: YAMLNode) throws(TemplateFailure) -> Pattern {
        if let text = node.scalar {
            let pattern = tokens.pattern(text)
            if pattern.hasPlaceholders { return node.isPlain ? pattern.asPlainScalar : pattern }
        } else if node.mapping != nil {
            throw invalid(
                node, "a key must be a scalar; a placeholder is written {{ name }}, with one space on each side")
        }
        // The YAML module knows the name of a key of another type, so it is asked with a mapping that has this key.
        let single = YAMLNode(
            .mapping([.init(key: node, value: YAMLNode(.scalar("", .doubleQuoted)))]), line: node.line,
            column: node.column)
        return Pattern(parts: [.text(try json(single).object?.keys.first ?? "")])
    }

    /// Replaces `<<` by the mappings that it names. Own keys win over merged ones, and earlier sources over later ones.
    private func merged(_ pairs: [YAMLNode.Pair]) throws(TemplateFailure) -> [YAMLNode.Pair] {
        func isMerge(_ pair: YAMLNode.Pair) -> Bool { pair.key.content == .scalar("<<", .plain) && pair.key.tag == nil }
        guard pairs.contains(where: isMerge) else { return pairs }
        var result = pairs.filter { !isMerge($0) }
        var seen = Set(result.compactMap(\.key.scalar))
        for pair in pairs where isMerge(pair) {
            for source in pair.value.sequence ?? [pair.value] {
                guard let more = source.mapping else { throw invalid(source, "only mappings can be merged with <<") }
                for pair in try merged(more) where pair.key.scalar.map({ seen.insert($0).inserted }) ?? true {
                    result.append(pair)
                }
            }
        }
        return result
    }

    /// Every placeholder with its line, as near as it is known.
    private static func collect(_ node: TemplateNode, line: Int, into names: inout [String: Int]) {
        func add(_ pattern: Pattern) { for name in pattern.names where names[name] == nil { names[name] = line } }
        switch node {
        case .literal: break
        case .string(let pattern), .scalar(let pattern, _): add(pattern)
        case .array(let nodes): for node in nodes { collect(node, line: line, into: &names) }
        case .object(let members):
            for member in members {
                for name in member.key.names where names[name] == nil { names[name] = member.line }
                collect(member.value, line: member.line, into: &names)
            }
        }
    }

    private func json(_ node: YAMLNode) throws(TemplateFailure) -> JSON {
        do {
            return try node.json()
        } catch {
            throw failure(error)
        }
    }
    private func failure(_ failure: YAML.Failure) -> TemplateFailure {
        TemplateFailure(.templateInvalid, file: file, line: failure.line, failure.message.shortForMessage)
    }
    private func invalid(_ node: YAMLNode, _ message: String) -> TemplateFailure {
        TemplateFailure(.templateInvalid, file: file, line: node.line, message)
    }
}
