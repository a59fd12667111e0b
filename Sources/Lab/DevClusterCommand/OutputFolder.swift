import DevCluster

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The folder for kubeconfigs and CA certificates.
struct OutputFolder {
    struct Failure: Error, CustomStringConvertible {
        var path: String
        var code: Int32
        var description: String { "\(path): \(String(cString: strerror(code)))" }
    }
    private let path: String

    init(_ path: String) throws(Failure) {
        self.path = path
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/" + part
            if mkdir(made, 0o755) != 0, errno != EEXIST { throw Failure(path: made, code: errno) }
        }
    }

    func write(_ fleet: DevFleet) throws {
        for cluster in fleet.clusters {
            try write("\(cluster.name).ca.crt", cluster.caPEM, mode: 0o644)
            try write("\(cluster.name).kubeconfig", try cluster.kubeconfig(), mode: 0o600)
        }
    }

    /// Writes a new file that takes the name when it is complete. So no reader sees half a file, and an old file's
    /// wider mode does not stay.
    private func write(_ name: String, _ text: String, mode: mode_t) throws(Failure) {
        let (final, temporary) = ("\(path)/\(name)", "\(path)/.\(name).\(getpid())")
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw Failure(path: temporary, code: errno) }
        defer { close(file) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { throw Failure(path: temporary, code: errno) }
            rest = rest.dropFirst(max(0, count))
        }
        guard rename(temporary, final) == 0 else { throw Failure(path: final, code: errno) }
    }
}
