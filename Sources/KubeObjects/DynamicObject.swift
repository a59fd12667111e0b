import JSON

/// An object of any kind: its JSON, with the metadata already read.
public struct DynamicObject: KubeObject, Hashable {
    public let json: JSON
    public let metadata: ObjectMeta

    public init(json: JSON) throws(DecodingFailure) {
        metadata = try Fields(json).metadata()
        self.json = json
    }

    /// Nil in the items of most lists, since the list has it once for all items.
    public var apiVersion: String? { json["apiVersion"]?.string }
    public var kind: String? { json["kind"]?.string }
}

/// An object of which only the metadata is known, or wanted.
///
/// The API server makes `PartialObjectMetadata` of any kind on request. Where a server can't do that, this is the
/// metadata of a whole object.
public struct PartialObject: KubeObject, Hashable {
    public var metadata: ObjectMeta
    /// The `apiVersion` of the object itself. Nil in lists, and where the server sent `PartialObjectMetadata`, which
    /// names only itself.
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
    public init?(metadataAlone: ObjectMeta) { self.init(metadata: metadataAlone) }
}
