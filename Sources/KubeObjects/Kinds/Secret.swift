import JSON
import Support

/// `v1` Secret. Its values are decoded and can't be printed.
///
/// The values are zeroed in memory when the last reference goes. The caller clears the answer that they were read from
/// (`JSON.wipe`).
public struct Secret: KubeResource, Hashable {
    /// The value of one key. A broken value leaves the other keys usable.
    public enum Value: Sendable, Hashable {
        case bytes(Sensitive)
        /// Why it can't be used. The text never has any part of the value.
        case unusable(String)
    }

    public static let resourceType = ResourceType(
        version: "v1", kind: "Secret", plural: "secrets", isNamespaced: true)

    public var metadata: ObjectMeta
    /// `Opaque`, `kubernetes.io/service-account-token`, …
    public var type: String?
    public var data: [String: Value]

    public init(metadata: ObjectMeta, type: String? = nil, data: [String: Value]) {
        self.metadata = metadata
        self.type = type
        self.data = data
    }

    public init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        let members = try fields.value("data") { json throws(DecodingFailure) in try Fields(json).members } ?? [:]
        self.init(
            metadata: try Self.withoutCopies(fields.metadata()), type: try fields.string("type"),
            data: members.mapValues(Value.init(base64:)))
    }

    /// Some annotations hold a copy of the whole Secret: `kubectl apply` writes one. Kept here they would outlive the answer,
    /// which is zeroed. No annotation that anybody reads is as long as this.
    private static func withoutCopies(_ metadata: ObjectMeta) -> ObjectMeta {
        var metadata = metadata
        metadata.annotations = metadata.annotations?.filter {
            $0.key != "kubectl.kubernetes.io/last-applied-configuration" && $0.value.utf8.count <= 8 << 10
        }
        return metadata
    }

    /// The bytes of a key. Nil if it is missing or unusable.
    public subscript(key: String) -> Sensitive? {
        if case .bytes(let bytes)? = data[key] { bytes } else { nil }
    }
}

extension Secret.Value {
    init(base64 json: JSON) {
        switch json {
        case .null: self = .bytes(Sensitive(""))
        case .string(let text):
            guard var bytes = Base64.decode(text) else {
                self = .unusable("the value is not base64")
                return
            }
            defer { bytes.wipe() }
            self = .bytes(Sensitive(bytes))
        default: self = .unusable("the value is not a string")
        }
    }
}
