import JSON
import Testing

@Suite("Parsing JSON")
struct ParserTests {
    @Test("Every kind of value is read")
    func kinds() throws {
        let text = #" {"a": [1, -2.5, true, false, null, "x"], "b": {}, "c": [], "": 0} "#
        let expected: JSON = ["a": [1, -2.5, true, false, nil, "x"], "b": [:], "c": [], "": 0]
        #expect(try JSON(parsing: text) == expected)
        #expect(try JSON(parsing: Array(text.utf8)) == expected)
        #expect(try JSON(parsing: Array("##\(text)##".utf8).dropFirst(2).dropLast(2)) == expected)
    }

    @Test("Integers of 64 bits are exact, larger ones become doubles")
    func integers() throws {
        #expect(try JSON(parsing: "9223372036854775807") == .int(.max))
        #expect(try JSON(parsing: "-9223372036854775808") == .int(.min))
        #expect(try JSON(parsing: "9223372036854775808") == .double(0x1p63))
        #expect(try JSON(parsing: "-9223372036854775809") == .double(-0x1p63))
        #expect(try JSON(parsing: "123456789012345678901234567890") == .double(1.2345678901234568e29))
        #expect(try JSON(parsing: "-0") == .int(0))
        #expect(try JSON(parsing: "1e2") == .double(100))
        #expect(try JSON(parsing: "1.0") == .double(1))
        #expect(try JSON(parsing: "5e-324") == .double(.leastNonzeroMagnitude))
    }

    @Test("Escapes are decoded, lone surrogates become U+FFFD as in Go")
    func escapes() throws {
        #expect(try JSON(parsing: #""a\"\\\/\b\f\n\r\tz""#) == "a\"\\/\u{8}\u{C}\n\r\tz")
        #expect(try JSON(parsing: #""\u00e9\u20AC\ud83d\ude00""#) == "é€😀")
        #expect(try JSON(parsing: #""\u0000""#) == "\0")
        #expect(try JSON(parsing: #""\ud83d x""#) == "\u{FFFD} x")
        #expect(try JSON(parsing: #""\ud83d\u0041""#) == "\u{FFFD}A")
        #expect(try JSON(parsing: #""\ude00""#) == "\u{FFFD}")
        #expect(try JSON(parsing: #""\ud83d\ud83d\ude00""#) == "\u{FFFD}😀")
    }

    @Test("Strings of every length around the word size end at their quote")
    func lengths() throws {
        for length in 0...40 {
            let text = String(repeating: "x", count: length)
            #expect(try JSON(parsing: "\"\(text)\"") == .string(text))
            #expect(try JSON(parsing: "[\"\(text)\\n\", \"é\(text)\"]") == [.string(text + "\n"), .string("é" + text)])
        }
    }

    @Test("The last of equal keys wins, and long keys that share a cache slot stay apart")
    func keys() throws {
        #expect(try JSON(parsing: #"{"a": 1, "b": 2, "a": 3}"#) == ["a": 3, "b": 2])
        let keys = (0..<600).map { "a-key-longer-than-15-bytes-\($0 % 300)-tail" }
        let text = "[" + keys.map { "{\"\($0)\": 1}" }.joined(separator: ",") + "]"
        #expect(try JSON(parsing: text).array?.compactMap { $0.object?.keys.first } == keys)
    }

    @Test(
        "Text that is not JSON is refused",
        arguments: [
            "", " ", "{", "[", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "'a'", "tru", "nulL",
            "True",
            "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x10", "1e999", "\"", "\"a", "\"\\",
            "\"\\u12", "\"\\u12g4\"", "\"\\x\"", "\"a\nb\"", "\"a\0b\"", "[1]]", "1 2", "//", "\u{FEFF}1",
        ])
    func malformed(text: String) {
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: text) }
    }

    @Test(
        "Invalid UTF-8 is refused",
        arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0x80], [0xF5, 0x80, 0x80, 0x80]]
            as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        for prefix in ["", "a long beginning of a string", "an \\n escape"] {
            let text = Array("\"\(prefix)".utf8) + bytes + [0x22]
            #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: text) }
            #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: [0x7B] + text + Array(":1}".utf8)) }
        }
    }

    @Test("An error names line and column")
    func position() {
        let error = #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: "{\n  \"a\": 1,\n  b\n}") }
        #expect(error?.description == "line 3, column 3: expected a key in quotes, found 'b'")
        let atEnd = #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: "[1") }
        #expect(atEnd?.description == "line 1, column 3: expected ',' or ']' in an array, found the end")
    }

    @Test("Depth and size are limited")
    func limits() throws {
        let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(throws: Never.self) { try JSON(parsing: deep) }
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: "[\(deep)]") }
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: String(repeating: "{\"a\":", count: 1_000_000)) }
        // Siblings do not count.
        #expect(throws: Never.self) { try JSON(parsing: "[[1],[2],{\"a\":[]}]", limits: .init(depth: 3)) }
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: "[[[[]]]]", limits: .init(depth: 3)) }
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: "[1, 2]", limits: .init(bytes: 5)) }
    }

    @Test("The number of elements and members together is limited, whatever the nesting")
    func values() throws {
        let text = #"[1, {"a": [2, 3], "b": {}}, []]"#
        #expect(throws: Never.self) { try JSON(parsing: text, limits: .init(values: 7)) }
        let error = #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: text, limits: .init(values: 6)) }
        #expect(error?.message == "too many values")
        for item in ["0", "[]", "{}", #"{"a":0}"#] {
            let many = "[" + [String](repeating: item, count: 1_001).joined(separator: ",") + "]"
            #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: many, limits: .init(values: 1_000)) }
        }
        let members = "{" + (0..<1_001).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: members, limits: .init(values: 1_000)) }
        #expect(throws: Never.self) { try JSON(parsing: members, limits: .init(values: 1_001)) }
    }

    @Test("Damaged texts never crash the parser")
    func damaged() {
        let text = Array(
            #"{"metadata":{"name":"a\u00e9\ud83d\ude00","n":[-1.5e+10,true,null]},"long-key-of-a-kind":"é"}"#.utf8)
        var generator = SplitMix(state: 7)
        for _ in 0..<20_000 {
            var damaged = text
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                damaged[Int.random(in: 0..<damaged.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            damaged.removeLast(Int.random(in: 0..<damaged.count, using: &generator) / 4)
            guard let value = try? JSON(parsing: damaged) else { continue }
            // Texts, not values: a whole double comes back as an integer.
            #expect((try? JSON(parsing: value.serialized()))?.serialized() == value.serialized())
        }
    }

    @Test("A repeated member text is read like any other, and counts each time")
    func repeatedMembers() throws {
        let owned = #"{"f:a":{".":{},"k:{\"x\":\"}\"}":{}}}"#
        let others = [owned, #"{"f:b":{}}"#, #"{"f:b": {}}"#, "[1]", "7", "71", #""{""#, "{}"]
        let items = (0..<400).map { #"{"n":\#($0),"fieldsV1":\#(others[$0 * $0 % others.count])}"# }
        let text = "[" + items.joined(separator: ",") + "]"
        var limits = JSON.Limits()
        let plain = try JSON(parsing: text, limits: limits)
        limits.repeatedMember = "fieldsV1"
        #expect(try JSON(parsing: text, limits: limits) == plain)
        // Neither the number of values nor their depth may be evaded.
        for values in [1_000, 2_500] {
            var small = JSON.Limits(values: values)
            let fits = (try? JSON(parsing: text, limits: small)) != nil
            small.repeatedMember = "fieldsV1"
            #expect(((try? JSON(parsing: text, limits: small)) != nil) == fits)
        }
        let deep = text.dropLast() + #",[[{"fieldsV1":\#(owned)}]]]"#
        for depth in 3...8 {
            var shallow = JSON.Limits(depth: depth)
            let fits = (try? JSON(parsing: String(deep), limits: shallow)) != nil
            shallow.repeatedMember = "fieldsV1"
            #expect(((try? JSON(parsing: String(deep), limits: shallow)) != nil) == fits, "\(depth)")
        }
        for broken in [#"{"fieldsV1":{"a":"#, #"{"fieldsV1":{"a":}}"#, #"{"fieldsV1":{"a}"#] {
            #expect(throws: JSON.SyntaxError.self) {
                try JSON(parsing: text.dropLast() + "," + broken + "]", limits: limits)
            }
        }
    }
}

/// Seeded: a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
