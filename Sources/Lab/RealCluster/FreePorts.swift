#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Free ports, for servers that need a port before they start.
public enum FreePorts {
    /// Ports of 127.0.0.1 that were free just now, all different.
    public static func find(_ count: Int) throws(RealClusterError) -> [Int] {
        var sockets: [Int32] = []
        // The ports are held until all are found, so that none is given twice.
        defer { for socket in sockets { close(socket) } }
        var ports: [Int] = []
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw .system(call: "socket", code: errno) }
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    bind(descriptor, address, size) == 0 && getsockname(descriptor, address, &size) == 0
                }
            }
            guard result else { throw .system(call: "bind", code: errno) }
            ports.append(Int(UInt16(bigEndian: address.sin_port)))
        }
        return ports
    }
}
