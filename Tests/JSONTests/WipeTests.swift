import Foundation
import Testing

@testable import JSON

@Suite("Secrets are zeroed")
struct WipeTests {
    private let secret = String(repeating: "c2VjcmV0", count: 40)

    /// What the kernel says stands there now: the memory may have been given back, so it is not ours to read.
    private func memory(at address: UInt, _ count: Int) throws -> String {
        let file = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/mem"))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(address))
        return String(decoding: (try? file.read(upToCount: count)) ?? Data(), as: UTF8.self)
    }

    private func address(_ text: String?) throws -> UInt {
        try #require(text?.utf8.withContiguousStorageIfAvailable { UInt(bitPattern: $0.baseAddress) })
    }

    @Test("All texts of a parsed value are zeroed, wherever they are in it")
    func parsed() throws {
        var json = try JSON(parsing: #"{"data": {"token": "\#(secret)"}, "list": [{"x": "\#(secret)"}]}"#)
        let places = [
            try address(json[path: ["data", "token"]]?.string), try address(json["list"]?[0]?["x"]?.string),
        ]
        for place in places { #expect(try memory(at: place, 320) == secret) }
        json.wipe()
        #expect(json == .null)
        for place in places { #expect(!(try memory(at: place, 320)).contains("c2VjcmV0")) }
    }

    @Test("A text with a second holder stays as it is")
    func shared() throws {
        var json = try JSON(parsing: #"{"name": "\#(secret)"}"#)
        let name = json["name"]?.string
        json.wipe()
        #expect(name == secret && json == .null)
    }
}
