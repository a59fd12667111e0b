import JSON
import Testing
import YAML

@Suite("What YAML scalars mean")
struct ScalarTests {
    @Test(
        "Plain scalars resolve as in kubectl",
        arguments: [
            ("yes", true), ("On", true), ("TRUE", true), ("y", true), ("no", false), ("OFF", false), ("n", false),
            ("~", nil), ("null", nil), ("Null", nil), ("", nil),
            ("12", 12), ("-7", -7), ("+3", 3), ("0x1F", 31), ("0b101", 5), ("0o17", 15), ("017", 15), ("1_000", 1000),
            ("-0x10", -16), ("9223372036854775807", .int(.max)), ("9223372036854775808", .double(0x1p63)),
            ("08", .double(8)), ("1.5", 1.5), (".5", 0.5), ("1.", .double(1)), ("1e3", .double(1000)), ("-1.5e-3", -0.0015),
            ("2026-01-02", "2026-01-02"), ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"), ("12:30", "12:30"),
            ("1.2.3", "1.2.3"), ("--1", "--1"), ("+-1", "+-1"), ("0x", "0x"), ("1e", "1e"), (".", "."), ("tRue", "tRue"),
            ("NaN", "NaN"), ("0xZZ", "0xZZ"), ("500m", "500m"), ("v1", "v1"), ("1e999", "1e999"), ("1__", 1),
        ] as [(String, JSON)])
    func plain(text: String, expected: JSON) throws {
        #expect(try YAML.parse("a: \(text)") == ["a": expected])
    }

    @Test("Quoted scalars and blocks are strings")
    func quoted() throws {
        let text = """
            a: "yes"
            b: '12'
            c: |
              true
            d: >-
              null
            e: !!str 1.5
            f: ! 7
            g: !custom 8
            """
        let expected: JSON = [
            "a": "yes", "b": "12", "c": "true\n", "d": "null", "e": "1.5", "f": "7", "g": "8",
        ]
        #expect(try YAML.parse(text) == expected)
    }

    @Test("Core tags convert or refuse")
    func tags() throws {
        #expect(try YAML.parse("[!!int \"3\", !!float 3, !!bool 'on', !!null '', !!binary aGk=]") == [3, .double(3), true, nil, "hi"])
        for text in ["!!int x", "!!bool 1", "!!binary '*'", "!!binary /w==", "!!null 1"] {
            #expect(throws: YAML.Failure.self) { try YAML.parse(text) }
        }
    }

    @Test("Keys take their string form", arguments: [("1: a", "1"), ("yes: a", "true"), ("1.5: a", "1.5"), ("'1': a", "1")])
    func keys(text: String, key: String) throws {
        #expect(try YAML.parse(text) == JSON.object([key: "a"]))
    }

    @Test("Numbers that JSON does not have are refused", arguments: [".inf", "-.INF", ".nan"])
    func notFinite(text: String) {
        #expect(throws: YAML.Failure.self) { try YAML.parse(text) }
    }
}
