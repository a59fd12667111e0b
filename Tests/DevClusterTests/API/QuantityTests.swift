import Testing

@testable import DevCluster

@Suite("Quantities")
struct QuantityTests {
    @Test(
        "Amounts are written as Go writes them",
        arguments: [
            ("4", "4"), ("1000m", "1"), ("0.5", "500m"), ("1000", "1k"), ("1024Mi", "1Gi"), ("1500Mi", "1500Mi"),
            ("1e3", "1e3"), ("1e4", "10e3"), ("100u", "1m"), ("-0", "0"), ("-100u", "-1m"), (".5", "500m"), (".", "0"),
            ("m", "0"), ("0.1Ki", "102400m"), ("9Ei", "9223372036854775807"), ("-9Ei", "-9223372036854775807"),
            ("0.5Gi", "512Mi"), ("1.0001Ki", "1024103m"), ("999.9999", "1k"), ("1.500", "1.500"), ("1.5000", "1500m"),
            ("0100Ti", "100Ti"), ("1e-3", "1e-3"), ("+1", "+1"),
        ])
    func canonical(_ sent: String, _ written: String) throws {
        let once = try Quantity(sent).text
        #expect(once == written)
        #expect(try Quantity(once).text == once, "and stay so")
    }

    @Test("A text that is not a quantity is refused", arguments: ["", "x", "1 m", "1..2", "1_000", "٣"])
    func malformed(_ text: String) { #expect(throws: Quantity.Malformed.format) { try Quantity(text) } }

    @Test(
        "Unknown suffixes are refused",
        arguments: ["--1", "1mm", "1ki", "1e", "1e99999999999999999999", "1Mi3"])
    func suffixes(_ text: String) { #expect(throws: Quantity.Malformed.self) { try Quantity(text) } }
}
