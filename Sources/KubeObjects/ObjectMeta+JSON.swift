import JSON

extension ObjectMeta {
    /// Reads `metadata` without `Codable`, since a first list brings thousands of them.
    ///
    /// It is strict about the fields that identify an object and that we decide by. It is lenient about `managedFields`
    /// and `ownerReferences`, which only inform: it leaves out an entry that can't be read.
    public init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        self.init(name: try fields.required("name"), namespace: try fields.string("namespace")?.nonEmpty)
        generateName = try fields.string("generateName")
        uid = try fields.string("uid")?.nonEmpty
        resourceVersion = try fields.string("resourceVersion")?.nonEmpty
        try Self.bound(name, "name")
        if let namespace { try Self.bound(namespace, "namespace") }
        if let uid { try Self.bound(uid, "uid") }
        if let resourceVersion { try Self.bound(resourceVersion, "resourceVersion") }
        generation = try fields.int("generation")
        creationTimestamp = try fields.time("creationTimestamp")
        deletionTimestamp = try fields.time("deletionTimestamp")
        labels = try fields.stringMap("labels")
        annotations = try fields.stringMap("annotations")
        finalizers = try fields.strings("finalizers")
        ownerReferences = fields["ownerReferences"]?.array?.compactMap(OwnerReference.init(lenient:))
        managedFields = fields["managedFields"]?.array?.compactMap(ManagedFieldsEntry.init(lenient:))
    }
}

extension ObjectMeta {
    /// Names have 253 bytes at most, but for roles and bindings, which have no limit of their own. What identifies an
    /// object is kept and repeated in many places.
    static let longestIdentifier = 1024

    private static func bound(_ text: String, _ key: String) throws(DecodingFailure) {
        guard text.utf8.count <= longestIdentifier else {
            throw DecodingFailure(path: key, message: "longer than \(longestIdentifier) bytes")
        }
    }

    /// The same rules within `Codable` types. JSON's own decoder passes the value on without walking through it.
    public init(from decoder: any Decoder) throws { try self.init(json: JSON(from: decoder)) }
}

extension OwnerReference {
    init?(lenient json: JSON) {
        guard let apiVersion = json["apiVersion"]?.string, let kind = json["kind"]?.string,
            let name = json["name"]?.string, let uid = json["uid"]?.string
        else { return nil }
        self.init(
            apiVersion: apiVersion, kind: kind, name: name, uid: uid, controller: json["controller"]?.bool,
            blockOwnerDeletion: json["blockOwnerDeletion"]?.bool)
    }
}

extension ManagedFieldsEntry {
    init?(lenient json: JSON) {
        guard case .object(let members) = json else { return nil }
        self.init(
            manager: members["manager"]?.string, operation: members["operation"]?.string,
            apiVersion: members["apiVersion"]?.string, subresource: members["subresource"]?.string?.nonEmpty,
            time: members["time"]?.string.flatMap { Timestamp($0) }, fieldsV1: members["fieldsV1"])
    }
}

extension String {
    /// Go writes an unset string as "" or leaves it out; both mean the same.
    package var nonEmpty: String? { isEmpty ? nil : self }
}
