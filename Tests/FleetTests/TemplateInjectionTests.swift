import JSON
import KubeObjects
import Testing

@testable import Fleet

@Suite("A value never changes a document's structure")
struct TemplateInjectionTests {
    static let template = """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: quota-{{ a }}
          namespace: {{ namespace }}
          labels:
            who: {{ b }}
        data:
          plain: {{ a }}
          quoted: "{{ b }}"
          single: '{{ a }}'
          both: x{{ a }}y{{ b }}
          block: |
            first {{ a }}
            second
          flow: [{{ a }}, {b: {{ b }}}]
          list:
          - {{ a }}
          - name: {{ b }}
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: "{{ b }}", namespace: {{ namespace }}}
        stringData: {key: {{ a }}}
        """

    /// Key paths with the kind of container at each, scalars all alike.
    static func shape(_ value: JSON) -> String {
        switch value {
        case .object(let members):
            "{" + members.sorted { $0.key < $1.key }.map { $0.key + ":" + shape($0.value) }.joined(separator: ",") + "}"
        case .array(let elements): "[" + elements.map(shape).joined(separator: ",") + "]"
        default: "."
        }
    }

    static let pieces = [
        "\n", "\nkind: Evil", "\n---\n", "\n...\n", "{", "}", "[", "]", ":", ": ", ",", "#", " # ", "'", "\"", "\\",
        "\\n", "|", ">", "&a",
        "*a", "!!binary ", "<<", "? ", "- ", "%YAML 1.1", "@", "`", "\t", "\r", "\u{85}", "\u{2028}", "\u{0}",
        "\u{feff}", "{{ a }}", "{{ b }}",
        "{{ ", " }}", "null", "~", "true", "0x1", "1e400", ".nan", "\u{1F600}", "e\u{301}", "metadata:", "  ",
        "kind: Evil\napiVersion: v1",
    ]

    @Test("Random values, thousands of them, only ever change scalars")
    func random() throws {
        let documents = try TemplateCompiler.compile(file: "t", text: Self.template)
        let plain = Substitution(values: ["a": "x", "b": "y", "namespace": "n"])
        let shapes = try documents.map { Self.shape(try $0.root.render(plain, file: "")) }
        var random = SplitMix(seed: 42)
        for _ in 0..<3_000 {
            func value() -> String {
                (0..<Int.random(in: 0..<6, using: &random)).map { _ in Self.pieces.randomElement(using: &random) ?? "" }
                    .joined()
            }
            let values = ["a": value(), "b": value(), "namespace": "n"]
            for (document, shape) in zip(documents, shapes) {
                let json = try document.root.render(Substitution(values: values), file: "")
                #expect(Self.shape(json) == shape)
                #expect(json["kind"]?.string == document.kind.kind)
                if document.kind.kind == "ConfigMap" {
                    #expect(json[path: ["data", "quoted"]]?.string == values["b"])
                    #expect(json[path: ["data", "single"]]?.string == values["a"])
                }
                // What is sent parses back to the same.
                #expect(Self.shape(try JSON(parsing: json.serialized())) == shape)
            }
        }
    }

    @Test("The values of the workload identity stay in their annotation")
    func identity() throws {
        let renderer = Renderer(
            templates: .standard, identity: .init(aws: .init(roleARN: "arn:{{ role }}")), controlPlaneUID: "u")
        let evil = "x\nkind: Evil"
        let rendered = renderer.render(.init(project: "p", domain: "d"), namespace: "p-d", values: ["role": evil])
        #expect(rendered.objects.map(\.description) == ["namespaces/p-d", "serviceaccounts/default"])
        #expect(rendered.objects[1].annotations == ["eks.amazonaws.com/role-arn": "arn:" + evil])
    }
}
