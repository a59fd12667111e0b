/// Builds nodes from events, and counts what they expand to.
///
/// An alias costs nothing to store, since its node is shared. But whatever walks the tree pays for each repetition, so
/// the limits count repetitions.
struct Composer: ~Copyable {
    private struct Cost {
        var nodes = 1
        var bytes = 0
        /// Levels of nesting below and including this node; 0 for a scalar.
        var height = 0

        mutating func add(_ child: Cost) {
            nodes += child.nodes
            bytes += child.bytes
            height = max(height, child.height + 1)
        }
    }

    private let reader: EventReader
    private let limits: YAML.Limits
    private var anchors: [String: (node: YAMLNode, cost: Cost)] = [:]
    private var nodes = 0
    private var bytes = 0

    init(_ text: UnsafeRawBufferPointer, limits: YAML.Limits) throws(YAML.Failure) {
        guard text.count <= limits.bytes else {
            throw YAML.Failure(message: "the text has \(text.count) bytes, the limit is \(limits.bytes)")
        }
        reader = try EventReader(text)
        self.limits = limits
    }

    mutating func documents() throws(YAML.Failure) -> [YAMLNode] {
        var documents: [YAMLNode] = []
        while true {
            let event = try reader.next()
            switch event.kind {
            case .streamEnd: return documents
            case .streamStart, .documentStart, .documentEnd: anchors = [:]
            default:
                let node = try compose(event, depth: 0).node
                if !node.isVoid { documents.append(node) }
            }
        }
    }

    private mutating func compose(_ event: Event, depth: Int) throws(YAML.Failure) -> (node: YAMLNode, cost: Cost) {
        var node = YAMLNode(.scalar("", .plain), tag: event.tag, line: event.line, column: event.column)
        var cost = Cost()
        switch event.kind {
        case .alias(let name):
            guard let target = anchors[name] else {
                throw node.failure("the alias *\(name) has no anchor before it, or is within it")
            }
            guard depth + target.cost.height <= limits.depth else { throw tooDeep(node) }
            try charge(nodes: target.cost.nodes, bytes: target.cost.bytes, at: node)
            node.content = target.node.content
            node.tag = target.node.tag
            return (node, target.cost)
        case .scalar(let text, let style):
            node.content = .scalar(text, style)
            cost.bytes = text.utf8.count
            try charge(nodes: 1, bytes: cost.bytes, at: node)
        case .sequenceStart:
            guard depth < limits.depth else { throw tooDeep(node) }
            try charge(nodes: 1, bytes: 0, at: node)
            cost.height = 1
            var elements: [YAMLNode] = []
            while let child = try composeNext(depth: depth + 1) {
                elements.append(child.node)
                cost.add(child.cost)
            }
            node.content = .sequence(elements)
        case .mappingStart:
            guard depth < limits.depth else { throw tooDeep(node) }
            try charge(nodes: 1, bytes: 0, at: node)
            cost.height = 1
            var pairs: [YAMLNode.Pair] = []
            while let key = try composeNext(depth: depth + 1), let value = try composeNext(depth: depth + 1) {
                pairs.append(.init(key: key.node, value: value.node))
                cost.add(key.cost)
                cost.add(value.cost)
            }
            node.content = .mapping(pairs)
        default:
            throw node.failure("the document ends too early")
        }
        if let anchor = event.anchor { anchors[anchor] = (node, cost) }
        return (node, cost)
    }

    /// Nil at the end of a collection.
    private mutating func composeNext(depth: Int) throws(YAML.Failure) -> (node: YAMLNode, cost: Cost)? {
        let event = try reader.next()
        switch event.kind {
        case .sequenceEnd, .mappingEnd: return nil
        default: return try compose(event, depth: depth)
        }
    }

    private mutating func charge(nodes: Int, bytes: Int, at node: YAMLNode) throws(YAML.Failure) {
        // Neither sum can overflow, since each cost was within the limits.
        self.nodes += nodes
        self.bytes += bytes
        guard self.nodes <= limits.nodes else {
            throw node.failure("more than \(limits.nodes) nodes, aliases expanded")
        }
        guard self.bytes <= limits.expandedBytes else {
            throw node.failure("more than \(limits.expandedBytes) bytes, aliases expanded")
        }
    }

    private func tooDeep(_ node: YAMLNode) -> YAML.Failure {
        node.failure("nested more than \(limits.depth) levels deep")
    }
}
