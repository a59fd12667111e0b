#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Writes files into a new folder. It overwrites no file.
public enum NewFolder {
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public var description: String
    }

    public static func write(_ files: [FlyteExport.File], to folder: String) throws(Failure) {
        try make(folder)
        for file in files {
            if let slash = file.name.firstIndex(of: "/") { try make(folder + "/" + file.name[..<slash]) }
            let path = folder + "/" + file.name
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw failure(path) }
            defer { close(descriptor) }
            var rest = Array(file.text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { writeBytes(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure(path) }
                rest = rest.dropFirst(count)
            }
        }
    }

    private static func make(_ folder: String) throws(Failure) {
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw failure(folder) }
    }

    private static func failure(_ path: String) -> Failure {
        Failure(description: "\(path): \(String(cString: strerror(errno)))")
    }
}

// Inside of `NewFolder` the name `write` is the method's.
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
