import JSON
import Testing
import YAML

@Suite("YAML documents")
struct DocumentTests {
    @Test("Nodes keep order, styles, tags and places")
    func nodes() throws {
        let node = try #require(try YAML.documents("b: 'x'\na: [plain, \"{{ y }}\", !t z]\n").first)
        #expect(node.mapping?.map(\.key.scalar) == ["b", "a"])
        #expect(node["b"]?.content == .scalar("x", .singleQuoted))
        let elements = try #require(node["a"]?.sequence)
        #expect(elements.map(\.scalar) == ["plain", "{{ y }}", "z"])
        #expect(elements.map(\.isPlain) == [true, false, true])
        #expect(elements[2].tag == "!t")
        #expect(elements[1].line == 2)
        #expect(elements[1].column == 12)
    }

    @Test("A stream gives every document that has content")
    func stream() throws {
        let text = "# only a comment\n---\na: 1\n---\n# nothing\n---\n- b\n...\n---\n''\n"
        #expect(try YAML.documents(text).map { node throws(YAML.Failure) in try node.json() } == [["a": 1], ["b"], ""])
        #expect(try YAML.documents("") == [])
        #expect(try YAML.documents("\u{FEFF}a: 1").count == 1)
        #expect(try YAML.parse("\u{FEFF}a: 1\r\nb:\r\n  c: 2\r\n") == ["a": 1, "b": ["c": 2]])
        #expect(try YAML.documents("\u{FEFF}") == [])
    }

    @Test("parse wants one document and takes none for null")
    func single() throws {
        #expect(try YAML.parse("") == .null)
        #expect(try YAML.parse("# x\n") == .null)
        #expect(throws: YAML.Failure.self) { try YAML.parse("a\n---\nb\n") }
    }

    @Test("Aliases stand for their anchor, in one document only")
    func aliases() throws {
        #expect(try YAML.parse("a: &x {b: 1}\nc: *x\nd: [*x]") == ["a": ["b": 1], "c": ["b": 1], "d": [["b": 1]]])
        #expect(throws: YAML.Failure.self) { try YAML.parse("a: *x") }
        #expect(throws: YAML.Failure.self) { try YAML.parse("a: &x [*x]") }
        #expect(throws: YAML.Failure.self) { try YAML.documents("&x a\n---\n*x\n") }
    }

    @Test("Merge keys add what is not there, own keys win, earlier sources win")
    func merge() throws {
        let text = """
            base: &base {a: 1, b: 2}
            more: &more {b: 3, c: 4}
            one: {<<: *base, b: 9}
            two: {<<: [*more, *base]}
            three: {"<<": x}
            """
        let value = try YAML.parse(text)
        #expect(value["one"] == ["a": 1, "b": 9])
        #expect(value["two"] == ["a": 1, "b": 3, "c": 4])
        #expect(value["three"] == ["<<": "x"])
        #expect(throws: YAML.Failure.self) { try YAML.parse("{<<: 1}") }
        #expect(throws: YAML.Failure.self) { try YAML.parse("{<<: [1]}") }
    }

    @Test("Equal keys and keys without a string form are refused, with their line")
    func keys() {
        let failure = #expect(throws: YAML.Failure.self) { try YAML.parse("a: 1\nb: 2\na: 3\n") }
        #expect(failure?.description == "line 3, column 1: the key \"a\" appears twice")
        #expect(throws: YAML.Failure.self) { try YAML.parse("{1: a, '1': b}") }
        #expect(throws: YAML.Failure.self) { try YAML.parse("? [a]\n: b\n") }
        #expect(throws: YAML.Failure.self) { try YAML.parse("~: b\n") }
    }

    @Test("decode names the field that does not fit")
    func decode() throws {
        struct Item: Decodable { var size: Int }
        #expect(try YAML.decode([Item].self, from: "[{size: 1}]").map(\.size) == [1])
        let failure = #expect(throws: YAML.Failure.self) { try YAML.decode([Item].self, from: "[{size: x}]") }
        #expect(failure?.description == "[0].size: expected a number, found a string")
    }
}
