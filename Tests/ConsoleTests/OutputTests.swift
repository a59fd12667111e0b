import Foundation
import JSON
import Testing

@testable import Console

@Suite("Output")
struct OutputTests {
    private struct Sample: Report {
        var message: String
        var outcome = Outcome.findings
        var json: JSON { ["message": .string(message), "list": [.string(message)]] }
        func write(to page: inout Page) {
            page.line("message: ", Span(message, .bad))
            page.table(["A", "B"], [[Span(message), "x"], ["long name", ""]])
        }
    }

    @Test("No control character of an object reaches the output, in any format")
    func cleaned() {
        let hostile = "a\u{1B}[2J\u{9B}31m\r\u{202E}b\u{7}"
        for format in OutputFormat.allCases {
            let output = Sample(message: hostile).rendered(as: format)
            let left = output.unicodeScalars.filter { scalar in
                let category = scalar.properties.generalCategory
                return category == .format || (category == .control && scalar != "\n")
            }
            #expect(left.isEmpty, "\(format): \(output.debugDescription)")
            #expect(output.contains("a") && output.contains("b"))
        }
    }

    @Test("A message can't forge a line of the page")
    func oneLine() {
        let lines = text(Sample(message: "a\nregistry: Ready")).split(separator: "\n")
        #expect(lines.count == 4)
    }

    @Test("Columns are as wide as their widest cell, and no line ends with blanks")
    func table() {
        #expect(text(Sample(message: "m")) == "message: m\nA          B\nm          x\nlong name\n")
    }

    @Test("Colours are there only where they are asked for, and don't count as width")
    func colours() {
        let sample = Sample(message: "m")
        #expect(!sample.rendered(as: .text).contains("\u{1B}"))
        #expect(sample.rendered(as: .text, hasColors: true).contains("\u{1B}[31mm\u{1B}[0m"))
        #expect(!sample.rendered(as: .json, hasColors: true).contains("\u{1B}"))
    }

    @Test("NO_COLOR and a dumb terminal want none")
    func noColor() {
        #expect(Screen.wantsColors([:]))
        #expect(Screen.wantsColors(["NO_COLOR": "", "TERM": "xterm"]))
        #expect(!Screen.wantsColors(["NO_COLOR": "1"]))
        #expect(!Screen.wantsColors(["TERM": "dumb"]))
    }

    @Test("Lost output is an error, and a slow reader gets all of it")
    func written() async throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        defer { close(full) }
        #expect(writeAll("a report", to: full) == ENOSPC)

        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        #expect(fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0)
        // More than the pipe holds.
        let text = String(repeating: "a line of a report\n", count: 20_000)
        async let read = Task.detached { pipe.fileHandleForReading.readDataToEndOfFile() }.value
        await Task.detached { #expect(writeAll(text, to: descriptor) == nil) }.value
        try pipe.fileHandleForWriting.close()
        #expect(await read == Data(text.utf8))
    }

    @Test("A failure goes before findings")
    func outcomes() {
        #expect(Outcome.findings.and(.failed) == .failed)
        #expect(Outcome.failed.and(.findings) == .failed)
        #expect(Outcome.done.and(.findings) == .findings)
        #expect(Outcome.done.and(.done) == .done)
    }

    @Test(
        "Ages have one unit",
        arguments: [(5, "5s"), (119, "119s"), (120, "2m"), (7200, "2h"), (172_800, "2d"), (-3, "0s")])
    func ages(seconds: Double, expected: String) { #expect(Age.text(seconds) == expected) }

    @Test("An age that no calendar has is shown without a crash")
    func hostileAge() {
        #expect(Age.text(.infinity) == "for ever")
        #expect(Age.text(1e300) == "for ever")
        #expect(Age.text(-.infinity) == "for ever")
    }
}
