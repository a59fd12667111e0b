import Testing

@testable import Operator

@Suite("Log lines")
struct LogLineTests {
    @Test("A message is one line, without control or formatting characters")
    func oneLine() {
        let line = LineLogHandler.oneLine("a\r\nERROR forged\u{1b}[2J\u{9b}31m\u{202e}\u{7f}")
        #expect(line == "a  ERROR forged [2J\u{fffd}31m\u{fffd}\u{fffd}")
        #expect(LineLogHandler.oneLine("Grüße k=v") == "Grüße k=v")
    }
}
