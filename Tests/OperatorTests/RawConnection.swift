import Glibc
import TestSupport
import Testing

/// A TCP connection to this machine that says whatever a test wants, also what no HTTP client would.
final class RawConnection: Sendable {
    private let descriptor: Int32

    init(port: Int, host: String = "127.0.0.1") throws {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICHOST
        var list: UnsafeMutablePointer<addrinfo>?
        try #require(getaddrinfo(host, String(port), &hints, &list) == 0)
        defer { freeaddrinfo(list) }
        let address = try #require(list?.pointee)
        descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        try #require(connect(descriptor, address.ai_addr, address.ai_addrlen) == 0)
    }

    deinit { close(descriptor) }

    /// Sends as much as the other side takes at once. Returns how much that was.
    @discardableResult
    func send(_ text: String) -> Int {
        Array(text.utf8).withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
    }

    enum Piece { case bytes([UInt8]), nothing, end }

    func receive() -> Piece {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = buffer.withUnsafeMutableBytes {
            recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
        }
        if count > 0 { return .bytes(Array(buffer[..<count])) }
        return count < 0 && errno == EAGAIN ? .nothing : .end
    }

    /// All bytes until the other side closes, or until the expected text has come.
    func read(until enough: ([UInt8]) -> Bool = { _ in false }) async throws -> [UInt8] {
        var all: [UInt8] = []
        let end = ContinuousClock.now + .seconds(20)
        while !enough(all) {
            switch receive() {
            case .bytes(let more): all += more
            case .end: return all
            case .nothing:
                try #require(ContinuousClock.now < end, "neither an answer nor the end of the connection")
                try await timePasses(.milliseconds(5))
            }
        }
        return all
    }

    func text() async throws -> String { String(decoding: try await read(), as: UTF8.self) }

    /// Whether the other side has closed; takes what has come.
    var hasEnded: Bool {
        while true {
            switch receive() {
            case .bytes: continue
            case .nothing: return false
            case .end: return true
            }
        }
    }
}
