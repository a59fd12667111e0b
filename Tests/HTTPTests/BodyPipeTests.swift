import Foundation
import Testing

@testable import HTTP

/// Reads by way of the kernel: the memory may have been given back, so it is not the test's to read.
private func text(at place: Place) throws -> String {
    let file = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/mem"))
    defer { try? file.close() }
    try file.seek(toOffset: UInt64(place.address))
    return String(decoding: (try? file.read(upToCount: place.count)) ?? Data(), as: UTF8.self)
}

private struct Place: Equatable {
    var address: UInt
    var count: Int
}

extension BodyPipe {
    fileprivate func offer(_ bytes: [UInt8], beyondCapacity: Bool = false) -> Bool {
        bytes.withUnsafeBytes { offer($0, beyondCapacity: beyondCapacity) }
    }

    fileprivate var place: Place {
        state.withLock { state in
            Place(
                address: state.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }, count: state.bytes.count)
        }
    }
}

@Suite struct BodyPipeTests {
    @Test("A full pipe refuses new pieces, takes put-aside bytes, and keeps the order")
    func capacity() async throws {
        func piece(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: BodyPipe.capacity) }
        let pipe = BodyPipe()
        var resumes = 0
        #expect(pipe.offer(piece(1)))
        #expect(!pipe.offer([2]))
        let first = try await pipe.next { resumes += 1 }.get()
        #expect(first == piece(1) && resumes == 1)

        for byte: UInt8 in [2, 3, 4] { #expect(pipe.offer(piece(byte), beyondCapacity: true)) }
        #expect(!pipe.offer([5]))
        let second = try await pipe.next { resumes += 1 }.get()
        #expect(second == piece(2) + piece(3) + piece(4) && resumes == 2)

        #expect(pipe.offer([5]))
        pipe.finish(nil)
        let third = try await pipe.next { resumes += 1 }.get()
        let end = try await pipe.next { resumes += 1 }.get()
        #expect(third == [5] && end == nil && resumes == 2)
    }

    @Test("An answer with secrets leaves no untaken bytes in memory")
    func wipes() throws {
        let secret = Array("secret secret secret secret secret secret".utf8)
        let pipe = BodyPipe(wipes: true)
        #expect(pipe.offer(secret))
        let before = pipe.place
        #expect(pipe.offer([UInt8](repeating: 0, count: 1 << 16)))
        let outgrown = try text(at: before)
        let after = pipe.place
        #expect(after.address != before.address && !outgrown.contains("secret"))
        pipe.finish(HTTPError(.cancelled, "test", mayHaveBeenProcessed: true))
        let letGo = try text(at: Place(address: after.address, count: before.count))
        #expect(!letGo.contains("secret"))

        // Nobody reads what came before the connection broke.
        func abandoned() -> Place {
            let pipe = BodyPipe(wipes: true)
            _ = pipe.offer(secret)
            pipe.finish(HTTPError(.connectionLost, "test", mayHaveBeenProcessed: true))
            return pipe.place
        }
        let place = abandoned()
        let left = try text(at: place)
        #expect(place.count == secret.count && !left.contains("secret"))
    }
}
