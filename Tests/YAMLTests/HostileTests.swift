import JSON
import TestSupport
import Testing
import YAML

@Suite("Hostile YAML", .timeLimit(.minutes(patience)))
struct HostileTests {
    @Test(
        "Deep nesting is refused without deep recursion",
        arguments: [
            String(repeating: "[", count: 200_000), String(repeating: "{a: ", count: 200_000),
            String(repeating: "- ", count: 200_000), String(repeating: "? ", count: 200_000),
            String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
        ])
    func deep(text: String) {
        #expect(throws: YAML.Failure.self) { try YAML.parse(text) }
    }

    @Test("Nesting up to the limit is read")
    func allowed() throws {
        let text = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try YAML.parse(text) }
    }

    @Test("Nesting through aliases counts")
    func deepAliases() {
        var text = "a0: &a0 []\n"
        for level in 1...80 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(throws: YAML.Failure.self) { try YAML.parse(text) }
    }

    @Test("A billion laughs are not laughed")
    func laughs() {
        var text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for level in 1...12 {
            let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(alias)]\n"
        }
        let failure = #expect(throws: YAML.Failure.self) { try YAML.parse(text) }
        #expect(failure?.message == "more than 100000 nodes, aliases expanded")
    }

    @Test("A large scalar repeated by aliases is refused")
    func largeAliases() {
        let text =
            "a: &a \(String(repeating: "x", count: 1 << 20))\nb: [\(Array(repeating: "*a", count: 1000).joined(separator: ","))]"
        #expect(throws: YAML.Failure.self) { try YAML.parse(text) }
    }

    @Test("A large scalar is read, a text beyond the limit is not")
    func large() throws {
        let text = String(repeating: "x", count: 3 << 20)
        #expect(try YAML.parse(text) == .string(text))
        #expect(try YAML.parse("\"\(text)\"") == .string(text))
        #expect(throws: YAML.Failure.self) { try YAML.parse(text + text) }
        #expect(throws: YAML.Failure.self) { try YAML.parse("abc", limits: .init(bytes: 2)) }
    }

    @Test(
        "Bytes that are not text are refused",
        arguments: [
            [0x61, 0xFF], [0x61, 0x00, 0x62], [0x00], [0x22, 0xC0, 0x80, 0x22], [0x61, 0xED, 0xA0, 0x80], [0xE2, 0x82],
            [0xFE, 0xFF, 0x00, 0x61], [0xFF, 0xFE, 0x61, 0x00], [0x61, 0x07],
        ] as [[UInt8]])
    func bytes(bytes: [UInt8]) {
        #expect(throws: YAML.Failure.self) { try YAML.parse(bytes) }
    }

    @Test("Tabs can't indent")
    func tabs() {
        let failure = #expect(throws: YAML.Failure.self) { try YAML.parse("a:\n\tb: 1\n") }
        #expect(failure?.line == 2)
        #expect(throws: YAML.Failure.self) { try YAML.parse("\t- a") }
    }

    @Test(
        "Broken structure is refused",
        arguments: [
            "a: b: c", "[a", "{a: 1", "\"a", "'a", "a: 1\n b: 2", "- a\nb: 1", "%FOO", "&", "*", "!<", "@a", "`a",
            "a: |x\n b",
        ])
    func broken(text: String) {
        #expect(throws: YAML.Failure.self) { try YAML.parse(text) }
    }

    @Test("Damaged texts never crash")
    func damaged() {
        let text = Array(
            """
            apiVersion: v1
            items: &items
            - {name: "a\\u00e9", n: [1, -2.5e3, ~]}
            - |
              block
            more: *items
            merged: {<<: {a: 1}, ? b : c}
            ---
            'x'

            """.utf8)
        var state: UInt64 = 1
        func random(below bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let alphabet = Array("{}[]&*!|>'\"%@`,:?-#\n\t \\0a~<=\u{85}".utf8)
        for _ in 0..<5_000 {
            var damaged = text
            for _ in 0...random(below: 4) {
                damaged[random(below: damaged.count)] = alphabet[random(below: alphabet.count)]
            }
            guard let nodes = try? YAML.documents(damaged) else { continue }
            for node in nodes {
                guard let value = try? node.json() else { continue }
                #expect((try? YAML.parse(YAML.emit(value)))?.serialized() == value.serialized())
            }
        }
    }
}
