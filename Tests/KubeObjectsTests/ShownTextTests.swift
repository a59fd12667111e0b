import JSON
import Testing

@testable import KubeObjects

@Suite("Texts from outside")
struct ShownTextTests {
    static let evil = "a\u{1b}[31m\r\u{9b}\u{7f}\u{202e}\u{0}b"

    @Test("Control and formatting characters go, and other texts stay")
    func shown() {
        #expect(Self.evil.shown(bytes: 100) == "a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}b")
        for text in ["", "plain", "Grüße, 世界 🌍", "a\nb"] { #expect(text.isShowable(keepsLines: true), "\(text)") }
        #expect(!"a\nb".isShowable() && !Self.evil.isShowable(keepsLines: true))
    }

    @Test("All texts of a value are cleaned, keys included")
    func json() {
        let value: JSON = ["list": [.string(Self.evil), 1, "fine\nlines"], "object": .object([Self.evil: .null])]
        let text = value.shown.serializedString
        #expect(value.shown["list"]?[2] == "fine\nlines")
        for escape in ["\\u001b", "\\r", "\u{9b}", "\u{7f}", "\u{202e}", "\\u0000"] {
            #expect(!text.contains(escape), "\(escape)")
        }
        #expect(value.shown.shown == value.shown)
    }

    @Test("A failure about a label shows its key cleaned and cut")
    func labelKey() {
        let key = Self.evil + String(repeating: "x", count: 10_000)
        let error = #expect(throws: DecodingFailure.self) {
            try ObjectMeta(json: ["name": "a", "labels": .object([key: 1])])
        }
        let text = error?.description ?? ""
        #expect(text.contains("expected a string") && text.isShowable() && text.utf8.count < 400)
    }

    @Test("What identifies an object has a limit", arguments: ["name", "namespace", "uid", "resourceVersion"])
    func identifiers(field: String) {
        var metadata: JSON = ["name": "a"]
        metadata[field] = .string(String(repeating: "x", count: 4_000))
        let error = #expect(throws: DecodingFailure.self) { try ObjectMeta(json: metadata) }
        #expect(error?.path == field)
    }
}
