import JSON
import KubeObjects

/// An object of a data plane as a watch shows it.
struct SeenObject: KubeObject {
    let metadata: ObjectMeta
    /// The object itself. Nil if the server sent only its metadata.
    let whole: JSON?

    init(json: JSON) throws(DecodingFailure) {
        metadata = try DynamicObject(json: json).metadata
        whole = json
    }

    init?(metadataAlone metadata: ObjectMeta) {
        self.metadata = metadata
        whole = nil
    }
}
