import JSON
import Testing

@Suite("Serialising JSON")
struct SerializerTests {
    @Test("Members are sorted and the text is compact")
    func compact() {
        let value: JSON = ["b": [1, nil, true], "a": ["z": "x", "y": [:]], "c": []]
        #expect(value.serializedString == #"{"a":{"y":{},"z":"x"},"b":[1,null,true],"c":[]}"#)
        var bytes: [UInt8] = [0x3E]
        value.append(to: &bytes)
        #expect(bytes == [0x3E] + value.serialized())
    }

    @Test("Pretty text has an element a line, indented by two spaces")
    func pretty() {
        let value: JSON = ["b": [1, 2], "a": [:], "c": []]
        let expected = """
            {
              "a": {},
              "b": [
                1,
                2
              ],
              "c": []
            }
            """
        #expect(String(decoding: value.serialized(pretty: true), as: UTF8.self) == expected)
    }

    @Test("Only control characters, quotes and backslashes are escaped")
    func strings() throws {
        let value: JSON = "a\"\\/\u{8}\u{1F}\n\r\t\u{7F}é😀\u{2028}<&>"
        #expect(value.serializedString == "\"a\\\"\\\\/\\u0008\\u001f\\n\\r\\t\u{7F}é😀\u{2028}<&>\"")
        #expect(try JSON(parsing: value.serializedString) == value)
    }

    @Test(
        "Doubles read back as the same number",
        arguments: [
            0.1, 0.25, 1.0 / 3, Double.leastNonzeroMagnitude, 1.7976931348623157e308, 1e21, -123.456, 1e-7, 0x1p53,
            0x1p63, 1e16,
        ])
    func doubles(number: Double) throws {
        #expect(try JSON(parsing: JSON.double(number).serializedString).double == number)
    }

    @Test("Whole doubles have no fraction, integers are exact, infinity and NaN become null")
    func numbers() {
        #expect(JSON.double(1).serializedString == "1")
        #expect(JSON.double(-3).serializedString == "-3")
        #expect(JSON.double(0.5).serializedString == "0.5")
        #expect(JSON.int(.min).serializedString == "-9223372036854775808")
        #expect(JSON.int(.max).serializedString == "9223372036854775807")
        #expect(JSON.double(.nan).serializedString == "null")
        #expect(JSON.double(-.infinity).serializedString == "null")
    }
}
