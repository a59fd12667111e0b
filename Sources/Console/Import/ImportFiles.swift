import Kube
import Support

/// Reads the files that a user names, within limits.
public enum ImportFiles {
    static let bytes = 4 << 20
    /// The limits for all files of a folder together.
    static let files = 20_000
    static let allBytes = 64 << 20

    /// Reads a file, or standard input for "-".
    public static func text(_ path: String) throws(ImportFailure) -> ImportText {
        let content: [UInt8]
        do {
            content = try FileContents.read(path == "-" ? "/dev/stdin" : path, limit: bytes)
        } catch {
            throw ImportFailure("\(error)", .usage)
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw ImportFailure("\(path): is not UTF-8", .usage)
        }
        return ImportText(place: path, text: text)
    }

    /// Reads files, and the `.yaml`, `.yml` and `.json` files of folders.
    public static func texts(_ paths: [String]) throws(ImportFailure) -> [ImportText] {
        var texts: [ImportText] = []
        var size = 0
        for path in paths {
            for file in try manifests(path) {
                let text = try text(file)
                size += text.text.utf8.count
                guard texts.count < files, size <= allBytes else {
                    throw ImportFailure("\(path): more than \(files) files or \(allBytes >> 20) MiB in all", .usage)
                }
                texts.append(text)
            }
        }
        return texts
    }

    private static func manifests(_ path: String) throws(ImportFailure) -> [String] {
        // One more than is allowed, so that it is told.
        do throws(FileContents.Failure) { return try FileContents.manifests(path, most: files + 1) } catch {
            throw ImportFailure("\(error)", .usage)
        }
    }
}
