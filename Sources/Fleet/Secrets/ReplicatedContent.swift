import Crypto
import JSON
import KubeObjects
import Support

/// A Secret of the control plane that is copied. It is held once, however many namespaces get a copy.
public final class ReplicatedContent: Sendable, Hashable, CustomStringConvertible {
    public let name: String
    /// For example `Opaque` or `kubernetes.io/dockerconfigjson`.
    let type: String
    private let entries: [String: Sensitive]
    /// A hash of name, type and entries. If it is equal, nothing needs to be written. It is an annotation of each copy,
    /// so nobody may be able to compute a value from it.
    let digest: String
    /// The keys without the values. With them, a copy's metadata shows whether all of it is ours.
    let keys: JSON

    public init(name: String, _ secret: SecretContent) {
        self.name = name
        type = secret.type.isEmpty ? "Opaque" : secret.type
        entries = secret.entries
        digest = Self.digest(name, type, secret.entries)
        keys = .object(secret.entries.mapValues { _ in "" })
    }

    func holds(_ secret: SecretContent) -> Bool {
        entries == secret.entries && type == (secret.type.isEmpty ? "Opaque" : secret.type)
    }

    /// The bytes of all values.
    var size: Int { entries.values.reduce(0) { $0 + $1.count } }

    /// The object's `data`. The caller clears it (`JSON.wipe`).
    var data: JSON { .object(entries.mapValues { entry in .string(entry.withBytes { Base64.encode($0) }) }) }

    public var description: String { "Secret \(name), <redacted>" }
    public static func == (left: ReplicatedContent, right: ReplicatedContent) -> Bool {
        left === right || (left.name == right.name && left.digest == right.digest)
    }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(digest)
    }

    private static func digest(_ name: String, _ type: String, _ entries: [String: Sensitive]) -> String {
        var hash = SHA256()
        // Each part follows its length, since the end of one could otherwise be the start of the next.
        func add(_ bytes: UnsafeRawBufferPointer) {
            withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(bufferPointer: bytes)
        }
        for text in ["squadron-replicated-secret", name, type] { Array(text.utf8).withUnsafeBytes(add) }
        for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
            Array(key.utf8).withUnsafeBytes(add)
            value.withBytes(add)
        }
        return hash.finalize().prefix(20).map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
    }
}
