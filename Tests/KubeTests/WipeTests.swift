import Foundation
import JSON
import KubeObjects
import Support
import Testing

@testable import Kube

/// Reads by way of the kernel: the memory may have been given back, so it is not the test's to read.
private func text(at address: UInt, _ count: Int) throws -> String {
    let file = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/mem"))
    defer { try? file.close() }
    try file.seek(toOffset: UInt64(address))
    return String(decoding: (try? file.read(upToCount: count)) ?? Data(), as: UTF8.self)
}

private func address(_ bytes: [UInt8]) -> UInt { bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }

@Suite("What held a Secret is zeroed")
struct WipeTests {
    private let line =
        #"{"type":"MODIFIED","object":{"kind":"Secret","metadata":{"name":"s","resourceVersion":"2"},"#
        + #""data":{"token":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}}}"#

    @Test("Bytes are zeroed, also those left behind when an array grows")
    func bytes() throws {
        var bytes = Array("secret secret secret secret secret".utf8)
        let (place, count) = (address(bytes), bytes.count)
        bytes.growWiping(by: 1 << 16)
        #expect(address(bytes) != place && bytes.count == count)
        #expect(!(try text(at: place, count)).contains("secret"))
        let second = address(bytes)
        bytes.wipe()
        #expect(bytes.isEmpty)
        #expect(!(try text(at: second, count)).contains("secret"))
    }

    @Test("A copy of a Secret in its annotations is not kept")
    func lastApplied() throws {
        let copy = #"{\"data\":{\"token\":\"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\"}}"#
        let annotations: JSON = [
            "kubectl.kubernetes.io/last-applied-configuration": .string(copy), "multicluster.flyte.org/hosts": "a, b",
            "backup": .string(String(repeating: "c2VjcmV0", count: 2_000)),
        ]
        let secret = try Secret(
            json: ["metadata": ["name": "s", "annotations": annotations], "data": ["token": "c2VjcmV0"]])
        #expect(secret.metadata.annotations == ["multicluster.flyte.org/hosts": "a, b"])
        #expect(secret["token"] == Sensitive("secret"))
    }

    @Test("The pieces of a watch are zeroed once their events are handed out")
    func watch() throws {
        var decoder = WatchDecoder<Secret>(operation: "watch secrets", maximumLine: 1 << 20, wipes: true)
        func isGone(_ place: UInt, _ count: Int) throws -> Bool {
            !(try text(at: place, count)).contains("c2VjcmV0")
        }
        func feed(_ text: String) -> (place: UInt, count: Int) {
            let piece = Array(text.utf8)
            decoder.feed(piece)
            return (address(piece), piece.count)
        }
        func token(_ event: WatchEvent<Secret>?) -> Sensitive? {
            if case .applied(let object)? = event { object.object?["token"] } else { nil }
        }
        let whole = feed(line + "\n")
        #expect(try token(decoder.next()) == Sensitive("secretsecretsecretsecret"))
        #expect(try decoder.next() == nil)
        #expect(try isGone(whole.place, whole.count))
        let half = feed(String(line.dropLast(10)))
        #expect(try decoder.next() == nil)
        #expect(try isGone(half.place, half.count))
        _ = feed(String(line.suffix(10)) + "\n")
        #expect(try token(decoder.next()) == Sensitive("secretsecretsecretsecret"))
    }
}
