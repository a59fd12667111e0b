import JSON
import KubeObjects
import YAML

public enum OutputFormat: String, Sendable, Hashable, CaseIterable { case text, json, yaml }

/// The result of a command.
public protocol Report: Sendable {
    /// For scripts. docs/commands.md describes its form.
    var json: JSON { get }
    /// For people.
    func write(to page: inout Page)
    var outcome: Outcome { get }
}

extension Report {
    /// The whole output, with a line break at the end.
    public func rendered(as format: OutputFormat, hasColors: Bool = false) -> String {
        switch format {
        case .text:
            var page = Page(hasColors: hasColors)
            write(to: &page)
            return page.text
        case .json: return String(decoding: json.withShownText.serialized(pretty: true), as: UTF8.self) + "\n"
        case .yaml: return YAML.emit(json.withShownText)
        }
    }
}

extension JSON {
    /// The same with every text and key free of control characters except line breaks. JSON's own escapes are not
    /// enough: they leave C1 controls and direction marks, and terminals act on these.
    var withShownText: JSON {
        switch self {
        case .string(let text): .string(text.shownOnTerminal(keepsLines: true))
        case .array(let elements): .array(elements.map(\.withShownText))
        case .object(let members):
            .object(
                Dictionary(
                    members.map { ($0.key.shownOnTerminal(), $0.value.withShownText) },
                    uniquingKeysWith: { _, last in last }
                ))
        case .null, .bool, .int, .double: self
        }
    }
}

extension String {
    /// A text from a peer or an object, safe for a terminal.
    func shownOnTerminal(limit: Int = 1 << 20, keepsLines: Bool = false) -> String {
        shown(limit: limit, keepsLines: keepsLines)
    }
}
