import JSON
import YAML

/// A compiled part of a template. A part without placeholders is a ready value, which all renderings share.
///
/// Values are put into scalars of this tree, and never into the text behind it. So no value can add a key, a document
/// or a kind.
indirect enum TemplateNode: Sendable {
    case literal(JSON)
    /// Always a string, because the template quotes it, or Kubernetes wants a string in that place.
    case string(Pattern)
    /// Not quoted. After the substitution YAML decides about the whole text, so `5` is a number.
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

/// The values of one rendering by placeholder. `Renderer` has checked that none is missing.
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
            // A text that YAML would refuse here (`.inf`) stays a string.
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
                // A value in a key must not replace a key of the template.
                guard object.updateValue(value, forKey: key) == nil else {
                    throw TemplateFailure(
                        .templateInvalid, file: file, line: member.line,
                        "the key \(key.quotedForMessage) appears twice after substitution")
                }
            }
            return .object(object)
        }
    }
}
