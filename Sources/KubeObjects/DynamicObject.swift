import JSON

/// An object of any kind: its JSON, with the metadata already read.
public struct DynamicObject: KubeObject, Hashable {
    public let json: JSON
    public let metadata: ObjectMeta

    public init(json: JSON) throws(DecodingFailure) {
        metadata = try Fields(json).metadata()
        self.json = json
    }

    /// Nil in the items of most lists: there the list says it once for all.
    public var apiVersion: String? { json["apiVersion"]?.string }
    public var kind: String? { json["kind"]?.string }
}

/// An object of which only the metadata is known, or wanted.
///
/// `PartialObjectMetadata`, which the API server makes of any kind when it is asked to, or the metadata of a whole
/// object, where it does not know how.
public struct PartialObject: KubeObject, Hashable {
    public var metadata: ObjectMeta
    /// Of the object itself. Nil where the server sent `PartialObjectMetadata`, which names only itself, and in lists.
    public var apiVersion: String?
    public var kind: String?

    public init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        metadata = try fields.metadata()
        guard let kind = try fields.string("kind"), kind != "PartialObjectMetadata" else { return }
        self.kind = kind
        apiVersion = try fields.string("apiVersion")
    }

    public init(metadata: ObjectMeta) { self.metadata = metadata }
}
