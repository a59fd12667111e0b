import JSON
import Testing
import YAML

@Suite("Emitting YAML")
struct EmitterTests {
    @Test("Block style, sorted keys, quotes only where needed")
    func layout() {
        let value: JSON = [
            "kind": "ConfigMap", "apiVersion": "v1", "empty": [:], "none": [], "nothing": nil,
            "data": ["b": "line one\nline two\n", "a": "yes", "c": "say \"hi\": ok", "url": "https://x:443/y"],
            "list": [1, 0.5, true, "1", ["name": "x", "weight": 1]], "role": "arn:aws:iam::111122223333:role/r-{{ p }}",
        ]
        let expected = """
            apiVersion: v1
            data:
              a: "yes"
              b: |
                line one
                line two
              c: 'say "hi": ok'
              url: https://x:443/y
            empty: {}
            kind: ConfigMap
            list:
            - 1
            - 0.5
            - true
            - "1"
            - name: x
              weight: 1
            none: []
            nothing: null
            role: "arn:aws:iam::111122223333:role/r-{{ p }}"

            """
        #expect(YAML.emit(value) == expected)
    }

    @Test("Several documents are separated")
    func documents() throws {
        let text = YAML.emit(documents: [["a": 1], ["b": 2]])
        #expect(text == "a: 1\n---\nb: 2\n")
        #expect(try YAML.documents(text).count == 2)
    }

    @Test(
        "Every string comes back as itself",
        arguments: [
            "", " ", "a ", " a", "yes", "NO", "~", "null", "1", "1.5", "0x1", "1e3", ".inf", "-", "--- a", "...",
            "a: b", "a:",
            "a #b", "#a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "{a}", "[a]", "a, b", "? a", "'", "\"", "\\",
            "a\nb", "a\n", "a\n\n", "\na", "\n", "\n\n", " a\nb", "a\n b\n", "a \nb", "a\n  \nb", "a\tb", "\ta",
            "a\r\nb", "a\r", "\0",
            "\u{7F}", "\u{85}", "\u{2028}a", "a\u{2029}\nb", "\u{FEFF}", "é", "é\nü\n", "😀", "😀\nx", "<<", "=",
            "2026-01-02", "12:30:45", "0o7", "Infinity",
            "\u{1B}[0m", "a\u{A0}b", "a\n---\nb\n", "a\n...\n", "# x\n# y\n", "x: |\n  y\n", "- a\n- b\n", "\tx\ny\n",
            "a\u{FFFE}",
        ])
    func strings(text: String) throws {
        for value in [
            .string(text), ["k": .string(text)], [.string(text)], [text: ["x": .string(text)]],
            [[["a": .string(text)]]],
        ] as [JSON] {
            #expect(try YAML.parse(YAML.emit(value)) == value)
        }
    }

    @Test("Long keys and long lines come back")
    func long() throws {
        let long = Array(repeating: "word", count: 200).joined(separator: " ")
        let value: JSON = .object([long: .string(long), "b": .string(long + "\n" + long)])
        #expect(try YAML.parse(YAML.emit(value)) == value)
    }

    @Test("Numbers come back", arguments: [0.1, 1e20, 1e-7, Double.leastNonzeroMagnitude, -1.5e300])
    func numbers(number: Double) throws {
        #expect(try YAML.parse(YAML.emit(.double(number))) == .double(number))
        #expect(try YAML.parse(YAML.emit([.int(.min), .int(.max)])) == [.int(.min), .int(.max)])
    }
}
