#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A TCP socket on a loopback port without a server. It keeps the port ours while a server is stopped, and it can act
/// as a host that does not answer.
final class ServerSocket: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var call: String
        var code: Int32
        var description: String { "\(call): \(String(cString: strerror(code)))" }
    }

    let port: Int
    private let descriptors: [Int32]

    /// A socket that is bound but does not listen: the kernel refuses connections, and gives the port to no other
    /// program.
    static func refusing(port: Int) throws(Failure) -> ServerSocket {
        let descriptor = try open()
        do throws(Failure) {
            try bind(descriptor, port: port)
            return ServerSocket(port: port, descriptors: [descriptor])
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// A socket that listens with a full queue: the kernel drops every further SYN, so that connecting times out.
    static func unanswering(port: Int) throws(Failure) -> ServerSocket {
        let listener = try open()
        var descriptors = [listener]
        do throws(Failure) {
            try bind(listener, port: port)
            // A backlog of zero holds one connection on Linux. The second one is for kernels that hold more.
            guard listen(listener, 0) == 0 else { throw Failure(call: "listen", code: errno) }
            for _ in 0..<2 {
                let filler = try open(nonBlocking: true)
                descriptors.append(filler)
                withAddress(port: port) { _ = connect(filler, $0, $1) }
            }
            return ServerSocket(port: port, descriptors: descriptors)
        } catch {
            for descriptor in descriptors { close(descriptor) }
            throw error
        }
    }

    private init(port: Int, descriptors: [Int32]) {
        self.port = port
        self.descriptors = descriptors
    }

    /// Gives the port back.
    deinit { for descriptor in descriptors { close(descriptor) } }

    private static func open(nonBlocking: Bool = false) throws(Failure) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, nonBlocking ? type | Int32(SOCK_NONBLOCK.rawValue) : type, 0)
        guard descriptor >= 0 else { throw Failure(call: "socket", code: errno) }
        return descriptor
    }

    private static func bind(_ descriptor: Int32, port: Int) throws(Failure) {
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let result = withAddress(port: port) { Glibc.bind(descriptor, $0, $1) }
        guard result == 0 else { throw Failure(call: "bind", code: errno) }
    }

    private static func withAddress<Result>(
        port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
