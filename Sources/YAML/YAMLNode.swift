import JSON

/// A node as it is written, with each alias replaced by its content. Unlike JSON it keeps the order of keys and the
/// quotes of a scalar. So a placeholder can be replaced in the tree, where a value can't change the document's
/// structure.
public struct YAMLNode: Sendable, Hashable {
    public enum ScalarStyle: Sendable, Hashable {
        case plain, singleQuoted, doubleQuoted, literal, folded
    }
    public struct Pair: Sendable, Hashable {
        public var key: YAMLNode
        public var value: YAMLNode
        public init(key: YAMLNode, value: YAMLNode) {
            self.key = key
            self.value = value
        }
    }
    public enum Content: Sendable, Hashable {
        /// Only a plain scalar without a tag can mean something other than its text.
        case scalar(String, ScalarStyle)
        case sequence([YAMLNode])
        case mapping([Pair])
    }

    public var content: Content
    /// As the text has it, with `!!` for `tag:yaml.org,2002:`: `!!str`, `!local`, `!`.
    public var tag: String?
    /// The line where the node begins, counted from 1. For an alias it is the line of its use.
    public var line: Int
    public var column: Int

    public init(_ content: Content, tag: String? = nil, line: Int = 0, column: Int = 0) {
        self.content = content
        self.tag = tag
        self.line = line
        self.column = column
    }

    /// The text of a scalar, whatever its meaning.
    public var scalar: String? { if case .scalar(let text, _) = content { text } else { nil } }
    public var isPlain: Bool { if case .scalar(_, .plain) = content { true } else { false } }
    public var sequence: [YAMLNode]? { if case .sequence(let nodes) = content { nodes } else { nil } }
    public var mapping: [Pair]? { if case .mapping(let pairs) = content { pairs } else { nil } }
    /// The value of the first key with this text.
    public subscript(key: String) -> YAMLNode? { mapping?.first { $0.key.scalar == key }?.value }

    /// Whether the text has nothing at this place.
    var isVoid: Bool { tag == nil && content == .scalar("", .plain) }

    func failure(_ message: String) -> YAML.Failure { YAML.Failure(line: line, column: column, message: message) }
}
