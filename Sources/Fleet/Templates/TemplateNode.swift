import JSON
import YAML

/// A compiled part of a template. What has no placeholder below is a ready value, shared by all renderings.
///
/// Values are put into scalars of this tree, and never into the text that it was read from: whatever a value holds, it
/// can't add a key, a document or a kind.
indirect enum TemplateNode: Sendable {
    case literal(JSON)
    /// Quoted in the template, or in a place where Kubernetes wants a string: always one.
    case string(Pattern)
    /// Not quoted: after the substitution it means what YAML makes of the whole text, so that `5` is a number.
    case scalar(Pattern, tag: String?)
    case array([TemplateNode])
    case object([Member])

    struct Member: Sendable {
        var key: Pattern
        var value: TemplateNode
        var line: Int
    }

    var literal: JSON? { if case .literal(let value) = self { value } else { nil } }
}

/// The values of one rendering, by placeholder. All that a document needs are there: `Renderer` has checked it.
struct Substitution {
    var values: [String: String]
    func text(_ pattern: Pattern) -> String { pattern.text { values[$0] ?? "" } }
}

extension TemplateNode {
    func render(_ values: Substitution, file: String) throws(TemplateFailure) -> JSON {
        switch self {
        case .literal(let value): return value
        case .string(let pattern): return .string(values.text(pattern))
        case .scalar(let pattern, let tag):
            let text = values.text(pattern)
            // What YAML would refuse here (`.inf`) stays the text that it is.
            return (try? YAMLNode(.scalar(text, .plain), tag: tag).json()) ?? .string(text)
        case .array(let nodes):
            var elements: [JSON] = []
            elements.reserveCapacity(nodes.count)
            for node in nodes { elements.append(try node.render(values, file: file)) }
            return .array(elements)
        case .object(let members):
            var object = [String: JSON](minimumCapacity: members.count)
            for member in members {
                let key = values.text(member.key)
                let value = try member.value.render(values, file: file)
                // A value as a key must not replace what the template has.
                guard object.updateValue(value, forKey: key) == nil else {
                    throw TemplateFailure(
                        .templateInvalid, file: file, line: member.line,
                        "the key \(key.quotedForMessage) is there twice after substitution")
                }
            }
            return .object(object)
        }
    }
}
