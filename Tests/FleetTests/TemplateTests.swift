import JSON
import KubeObjects
import TestSupport
import Testing

@testable import Fleet

/// Flyte's own templates, as the flyte-core chart has them.
let flyteTemplates = FlyteCoreTemplates.files

@Suite("Templates in Flyte's syntax")
struct TemplateTests {
    func render(_ text: String, _ values: [String: String] = [:]) throws -> JSON {
        let document = try #require(TemplateCompiler.compile(file: "t.yaml", text: text).first)
        return try document.root.render(Substitution(values: values), file: document.file)
    }
    /// The value of `data.x`.
    func value(_ scalar: String, _ values: [String: String]) throws -> JSON? {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  x: \(scalar)\n"
        return try render(text, values)[path: ["data", "x"]]
    }

    @Test("A placeholder is {{ name }} with one space on each side, and nothing else")
    func placeholders() {
        #expect(Pattern("a{{ b }}c").names == ["b"])
        #expect(Pattern("{{ a }}{{ b-c.d_e }}").names == ["a", "b-c.d_e"])
        for other in [
            "{{a}}", "{{  a }}", "{{ a  }}", "{ { a } }", "{{ a b }}", "{{ 1a }}", "{{ }}", "{{ a }", "{{ .Values.x }}",
            "{{ a|b }}",
        ] {
            #expect(Pattern(other).names == [], "\(other)")
            #expect(Pattern(other).text { _ in "!" } == other)
        }
        #expect(Pattern("{{{ a }}}").text { _ in "v" } == "{v}")
        #expect(Pattern("{{ {{ a }} }}").text { _ in "v" } == "{{ v }}")
    }

    static let typed: [(String, String, JSON)] = [
        ("{{ v }}", "5", 5), ("{{ v }}", "0.5", 0.5), ("{{ v }}", "true", true), ("{{ v }}", "no", false),
        ("{{ v }}", "", nil), ("{{ v }}", "~", nil), ("{{ v }}", "500m", "500m"), ("{{ v }}", "0x10", 16),
        ("{{ v }}", "x\nkind: Evil", "x\nkind: Evil"), ("{{ v }}", "{a: b}", "{a: b}"), ("{{ v }}", "[1]", "[1]"),
        ("{{ v }}", "&a", "&a"), ("{{ v }}", "*a", "*a"), ("{{ v }}", "!!int 5", "!!int 5"),
        ("{{ v }}", "a # b", "a # b"),
        ("{{ v }}", "\"5\"", "\"5\""), ("{{ v }}", ".inf", ".inf"), ("{{ v }}", "1e999", "1e999"),
        ("{{ v }}", "--- \n", "---"),
        ("{{ v }}", " 5 ", 5), ("{{ v }}", " \t ", nil), ("x {{ v }} y", " z ", "x  z  y"), ("x{{ v }}", " z\n", "x z"),
        ("!!str {{ v }}", "5 ", "5"), ("\"{{ v }}\"", " 5 ", " 5 "), ("'{{ v }}'", "5 ", "5 "),
        ("|-\n    {{ v }}", "5 ", "5 "),
        ("{{ v }}", "2026-01-02", "2026-01-02"), ("{{ v }}", "{{ w }}", "{{ w }}"),
        ("\"{{ v }}\"", "5", "5"), ("'{{ v }}'", "it's", "it's"), ("\"{{ v }}\"", "a\"b\\n", "a\"b\\n"),
        ("!!str {{ v }}", "5", "5"), ("{{ v }}Gi", "5", "5Gi"), ("1{{ v }}", "5", 15), ("-{{ v }}", "5", -5),
        ("a-{{ v }}-b", "5", "a-5-b"), ("|\n    {{ v }}\n    z", "5\n6", "5\n6\nz\n"),
        (">-\n    {{ v }}\n    z", "5", "5 z"),
        ("[{{ v }}, \"{{ v }}\"]", "5", [5, "5"]), ("{a: {{ v }}}", "5", ["a": 5]),
        ("{{ v }} # comment {{ nothing }}", "5", 5),
        ("{{ v }}:{{ v }}", "5", "5:5"),
    ]
    @Test(
        "A value is text in a scalar: YAML types it unquoted, quoted it is a string", arguments: typed)
    func types(_ entry: (scalar: String, value: String, result: JSON)) throws {
        #expect(try value(entry.scalar, ["v": entry.value]) == entry.result)
    }

    @Test("Names, labels and annotations are strings, whatever they look like")
    func stringPlaces() throws {
        let json = try render(
            """
            apiVersion: v1
            kind: ConfigMap
            metadata:
              name: {{ n }}
              namespace: {{ n }}
              creationTimestamp: null
              resourceVersion: "5"
              labels: {account: {{ n }}, fixed: 5}
              annotations: {on: {{ b }}, role: {{ r }}, quoted: "{{ r }}"}
            status: {a: b}
            """, ["n": "2024", "b": "yes", "r": " arn:aws:iam::1:role/x "])
        let expected: JSON = [
            "name": "2024", "namespace": "2024", "labels": ["account": "2024", "fixed": "5"],
            "annotations": ["true": "yes", "role": "arn:aws:iam::1:role/x", "quoted": " arn:aws:iam::1:role/x "],
        ]
        #expect(json["metadata"] == expected)
        #expect(json["status"] == nil)
    }

    @Test("Keys can hold placeholders, but a value can't replace a key that is there")
    func keys() throws {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  {{ k }}: a\n  fixed: b\n"
        #expect(try render(text, ["k": "x: y"])["data"] == ["x: y": "a", "fixed": "b"])
        #expect(try render(text, ["k": " x "])["data"] == ["x": "a", "fixed": "b"])
        #expect(throws: TemplateFailure.self) { try render(text, ["k": "fixed"]) }
    }

    @Test("Anchors, merge keys and several documents work as in YAML")
    func yaml() throws {
        let text = """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: a}
            data:
              base: &base {x: {{ v }}, z: 1}
              more: {<<: *base, z: 2}
            ---
            # nothing but a comment
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: b}
            """
        let documents = try TemplateCompiler.compile(file: "t.yaml", text: text)
        #expect(documents.map(\.kind.kind) == ["ConfigMap", "Secret"])
        let json = try documents[0].root.render(Substitution(values: ["v": "5"]), file: "")
        #expect(json[path: ["data", "more"]] == ["x": 5, "z": 2])
        #expect(documents[1].root.literal != nil)
    }

    static let invalidCases: [(String, Int, String)] = [
        ("a: b\n c: d", 2, ""), ("just text", 1, "mapping is expected"), ("- a", 1, "mapping is expected"),
        ("{{ x }}", 1, "mapping is expected"), ("kind: ConfigMap\nmetadata: {name: a}", 1, "apiVersion and kind"),
        ("apiVersion: v1\nkind: {{ k }}\nmetadata: {name: a}", 1, "without placeholders"),
        ("apiVersion: {{ v }}\nkind: A\nmetadata: {name: a}", 1, "without placeholders"),
        ("apiVersion: a/b/c\nkind: A\nmetadata: {name: a}", 1, "apiVersion and kind"),
        ("apiVersion: v1\nkind: List\nitems: []", 1, "documents of their own"),
        ("apiVersion: v1\nkind: ConfigMap", 1, "no metadata"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}", 1, "no metadata.name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a}", 1, "no metadata.name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n{{ k }}: b", 4, "can't be a key here"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  {{ k }}: b", 5, "can't be a key here"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b, a: c}", 4, "twice"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nkind: Secret", 4, "twice"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{name}}}", 3, ""),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: *nowhere", 4, ""),
        ("a: \"\u{0}\"", 0, ""), ("\tx: y", 1, ""),
        (String(repeating: "[", count: 100_000), 1, ""), (String(repeating: "{{ x ", count: 50_000), 0, ""),
    ]
    @Test("An invalid template is reported with file and line", arguments: invalidCases)
    func invalid(_ entry: (text: String, line: Int, words: String)) throws {
        let set = TemplateSet(files: ["t.yaml": entry.text])
        let error = try #require(set.broken.first?.failure, "accepted: \(entry.text.prefix(80))")
        #expect(error.reason == .templateInvalid)
        #expect(error.file == "t.yaml")
        if entry.line > 0 { #expect(error.line == entry.line, "\(error)") }
        #expect(entry.words.isEmpty || error.message.contains(entry.words), "\(error)")
        #expect(error.description.utf8.count < 400)
    }

    @Test("A file that does not compile affects no other; its last good version stays")
    func broken() throws {
        var files = flyteTemplates
        let good = TemplateSet(files: files)
        files["ab_project_resource_quota.yaml"] = "apiVersion: v1\nkind: [\n"
        files["ac_more.yaml"] = "{apiVersion: v1, kind: Secret, metadata: {name: s}}"
        let first = TemplateSet(files: files)
        #expect(first.documents.map(\.kind.kind) == ["Namespace", "ServiceAccount", "Secret"])
        #expect(first.broken.map(\.failure.file) == ["ab_project_resource_quota.yaml"])
        #expect(first.broken.map(\.hasLastGood) == [false] && first.isIncomplete)
        let later = TemplateSet(files: files, previous: good)
        #expect(later.documents.map(\.kind.kind) == ["Namespace", "ServiceAccount", "ResourceQuota", "Secret"])
        #expect(later.broken.map(\.hasLastGood) == [true] && !later.isIncomplete)
        #expect(Set([good, first, later].map(\.fingerprint)).count == 3)
        // Still broken, otherwise: what was good is not forgotten. Taken away: it is gone.
        files["ab_project_resource_quota.yaml"] = "x"
        #expect(TemplateSet(files: files, previous: later).documents.count == 4)
        files["ab_project_resource_quota.yaml"] = nil
        let without = TemplateSet(files: files, previous: later)
        #expect(without.documents.count == 3 && without.broken.isEmpty)
    }

    @Test("Files are taken in lexical order; a key that doesn't end in .yaml is named")
    func files() throws {
        let set = TemplateSet(files: flyteTemplates.merging(["README.md": "{{{", "quota": "x"]) { a, _ in a })
        #expect(set.ignoredKeys == ["README.md", "quota"] && set.broken.isEmpty)
        #expect(set.documents.map(\.kind.kind) == ["Namespace", "ServiceAccount", "ResourceQuota"])
        #expect(
            Set(set.documents.flatMap(\.names.keys)) == [
                "namespace", "defaultIamRole", "projectQuotaCpu", "projectQuotaMemory",
            ])
    }

    @Test("A text that looks like our own stand-ins keeps its meaning")
    func lookalikes() throws {
        let first = try #require(PlaceholderTokens("a: {{ v }}"))
        let word = String(first.text.dropFirst(3))
        // The word in the text: another one is chosen. The word spelled with an escape: it stands for itself.
        #expect(try value("[\"{{ v }}\", \(word)]", ["v": "5"]) == ["5", .string(word)])
        #expect(Pattern(parts: first.pattern("sqdrn0z").parts).text { _ in "!" } == "sqdrn0z")
        #expect(first.pattern(String(word.dropLast()) + "99999999999999999999999z").names == [])
    }
}
