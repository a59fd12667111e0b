import Support

/// The words that objects have in common (field names, label keys, `v1`, `Update`). The process keeps each once. Half a
/// million objects of 500 servers then have numbers in their place.
///
/// Words are never forgotten, so their number is bounded. Further words are written out in the object.
final class WordTable: Sendable {
    static let shared = WordTable(seed: WordTable.commonValues)

    struct Word: Sendable {
        let text: String
        /// As a JSON string, with its quotes.
        let json: [UInt8]
    }
    private struct State: Sendable {
        var words: [Word] = []
        var indices: [String: Int] = [:]
    }
    private let state: Locked<State>
    private static let maximumCount = 1 << 16
    private static let maximumLength = 256

    init(seed: [String]) {
        state = Locked(State())
        for word in seed { _ = index(of: word, adding: true) }
    }

    var words: [Word] { state.withLock { $0.words } }

    func index(of text: String, adding: Bool) -> Int? {
        guard text.utf8.count <= Self.maximumLength else { return nil }
        return state.withLock { state in
            if let index = state.indices[text] { return index }
            guard adding, state.words.count < Self.maximumCount else { return nil }
            // The copy has its own storage, since a slice of a parsed body would keep the whole body alive.
            let word = String(decoding: Array(text.utf8), as: UTF8.self)
            var json: [UInt8] = []
            appendJSONString(word, to: &json)
            state.indices[word] = state.words.count
            state.words.append(Word(text: word, json: json))
            return state.words.count - 1
        }
    }

    /// Values that almost every object has.
    private static let commonValues = [
        "v1", "Update", "Apply", "FieldsV1", "Active", "Terminating", "kubernetes", "status", "True", "False",
        "Unknown",
        "Namespace", "ServiceAccount", "Secret", "ConfigMap", "ResourceQuota", "LimitRange", "RoleBinding",
        "ClusterRole",
        "default", "Opaque", "kubectl-client-side-apply", "kubectl", "squadron", "flyte", "kube-apiserver",
        "rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1", "coordination.k8s.io/v1", "events.k8s.io/v1",
    ]
}

/// `text` as a JSON string. `<`, `>` and `&` stay as they are.
func appendJSONString(_ text: String, to bytes: inout [UInt8]) {
    let hex = Array("0123456789abcdef".utf8)
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
        case 0x0A: bytes.append(contentsOf: Array("\\n".utf8))
        case 0x0D: bytes.append(contentsOf: Array("\\r".utf8))
        case 0x09: bytes.append(contentsOf: Array("\\t".utf8))
        case 0..<0x20: bytes.append(contentsOf: Array("\\u00".utf8) + [hex[Int(byte >> 4)], hex[Int(byte & 15)]])
        default: bytes.append(byte)
        }
    }
    bytes.append(UInt8(ascii: "\""))
}
