import JSON

extension YAMLNode {
    /// The value as kubectl (sigs.k8s.io/yaml) would send it: YAML 1.1 scalars, merge keys, keys as strings. Two equal
    /// keys in one mapping are an error, since the text can't mean both.
    public func json() throws(YAML.Failure) -> JSON {
        switch content {
        case .scalar(let text, let style):
            return try Scalar.resolve(text, isPlain: style == .plain, tag: tag, at: self)
        case .sequence(let nodes):
            var elements: [JSON] = []
            elements.reserveCapacity(nodes.count)
            for node in nodes { elements.append(try node.json()) }
            return .array(elements)
        case .mapping(let pairs):
            var members = [String: JSON](minimumCapacity: pairs.count)
            var merged: [YAMLNode] = []
            for pair in pairs {
                if pair.key.isMergeKey {
                    merged.append(pair.value)
                    continue
                }
                let key = try pair.key.memberKey()
                guard members.updateValue(try pair.value.json(), forKey: key) == nil else {
                    throw pair.key.failure("the key \"\(key)\" appears twice")
                }
            }
            for source in merged { try source.merge(into: &members) }
            return .object(members)
        }
    }

    private var isMergeKey: Bool { content == .scalar("<<", .plain) && (tag == nil || tag == "!!merge") }

    /// Adds the members that are missing. A mapping's own keys win over merged keys, and earlier sources over later
    /// ones.
    private func merge(into members: inout [String: JSON]) throws(YAML.Failure) {
        switch content {
        case .mapping:
            guard case .object(let own) = try json() else { return }
            members.merge(own) { present, _ in present }
        case .sequence(let nodes):
            for node in nodes {
                guard node.mapping != nil else { throw node.failure("only mappings can be merged with <<") }
                try node.merge(into: &members)
            }
        case .scalar:
            throw failure("only mappings can be merged with <<")
        }
    }

    private func memberKey() throws(YAML.Failure) -> String {
        guard scalar != nil else { throw failure("a key must be a scalar") }
        switch try json() {
        case .string(let text): return text
        case .bool(let flag): return flag ? "true" : "false"
        case .null: throw failure("a key can't be null")
        case let number: return number.serializedString
        }
    }
}
