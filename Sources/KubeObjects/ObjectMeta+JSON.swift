import JSON

extension ObjectMeta {
    /// Reads `metadata` without going through `Codable`: a first list brings thousands of them.
    ///
    /// Strict about what identifies an object and what we decide by; lenient about `managedFields` and
    /// `ownerReferences`, which only ever inform: an entry there that can't be read is left out.
    public init(json: JSON) throws(DecodingFailure) {
        let fields = try Fields(json)
        self.init(name: try fields.required("name"), namespace: try fields.string("namespace")?.nonEmpty)
        generateName = try fields.string("generateName")
        uid = try fields.string("uid")?.nonEmpty
        resourceVersion = try fields.string("resourceVersion")?.nonEmpty
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
    /// The same rules within `Codable` types. Through JSON's own decoder the value passes by without being walked.
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
