import Support
import Testing

@Suite("Durations")
struct DurationTests {
    @Test(
        "A typed duration is seconds, or has units",
        arguments: [
            ("10", .seconds(10)), ("10s", .seconds(10)), ("500ms", .milliseconds(500)), ("1m30s", .seconds(90)),
            ("2h", .seconds(7200)), ("0", .zero),
        ] as [(String, Duration)])
    func typed(_ entry: (text: String, duration: Duration)) {
        #expect(Duration(typed: entry.text) == entry.duration)
    }

    @Test(
        "Anything else, and more than a year, is refused",
        arguments: [
            "", "s", "10 s", "-1", "1.5s", "10d", "s10", "10s5", "9223372036854775807", "9223372036854775807h",
            "99999999999999999999", "9000h", "٣",
        ])
    func refused(_ text: String) { #expect(Duration(typed: text) == nil) }
}
