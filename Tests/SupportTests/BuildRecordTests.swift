import Testing

@testable import Support

@Suite("The record of the build")
struct BuildRecordTests {
    @Test("It has commit and date, and a build by hand has neither")
    func reads() {
        let record = BuildRecord("0123abc 2026-01-02T03:04:05Z")
        #expect(record.commit == "0123abc" && record.date == "2026-01-02T03:04:05Z")
        for text in ["", "0123abc", "a b c"] { #expect(BuildRecord(text).commit == "unknown") }
        #expect(BuildRecord.ofThisProgram.commit == "unknown")
    }
}
