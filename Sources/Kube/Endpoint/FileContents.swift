import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads whole small files, without Foundation. They may hold credentials, so only the result holds what was read.
package enum FileContents {
    package struct Failure: Error, CustomStringConvertible {
        var path: String
        var message: String
        var isMissingFile = false
        package var description: String { "\(path): \(message)" }
    }

    /// Reads at most `limit` bytes. A larger file is an error, it is never cut.
    package static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
        let descriptor = retrying { open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else {
            let code = errno
            throw Failure(path: path, message: "can't be opened: \(reason(code))", isMissingFile: code == ENOENT)
        }
        defer { close(descriptor) }
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        defer { buffer.wipe() }
        while true {
            let count = retrying { readBytes(descriptor, &buffer, buffer.count) }
            if count < 0 { throw Failure(path: path, message: "can't be read: \(reason(errno))") }
            if count == 0 { return result }
            guard result.count + count <= limit else {
                throw Failure(path: path, message: "is larger than \(limit) bytes")
            }
            result.growWiping(by: count)
            result += buffer[..<count]
        }
    }

    /// What kubectl would read of a path: the `.yaml`, `.yml` and `.json` files of a folder, by name; else the path itself.
    ///
    /// - Parameter most: further names of a folder are not read.
    package static func manifests(_ path: String, most: Int = 100_000) throws(Failure) -> [String] {
        guard path != "-", let folder = opendir(path) else { return [path] }
        defer { closedir(folder) }
        var names: [String] = []
        while names.count < most, let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if [".yaml", ".yml", ".json"].contains(where: name.hasSuffix) { names.append(name) }
        }
        guard !names.isEmpty else { throw Failure(path: path, message: "has no .yaml, .yml or .json file") }
        return names.sorted().map { path.hasSuffix("/") ? path + $0 : path + "/" + $0 }
    }

    /// A signal may interrupt any of these calls, which says nothing about the file.
    private static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}

// Inside of `FileContents` the name `read` is the method's.
private func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
