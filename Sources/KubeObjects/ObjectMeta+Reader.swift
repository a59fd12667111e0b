import JSON

extension ObjectMeta {
    /// Reads `metadata` as `init(json:)` does, in one walk through the text. It fails where that would fail, and for forms
    /// that servers don't write.
    package init(reading reader: inout JSONReader) throws(JSONReader.Unusual) {
        var metadata = ObjectMeta(name: "")
        try reader.object { key, reader throws(JSONReader.Unusual) in
            switch key {
            case "name": metadata.name = try Self.identifier(try reader.string())
            case "namespace": metadata.namespace = try reader.stringOrNull().map(Self.identifier)?.nonEmpty
            case "uid": metadata.uid = try reader.stringOrNull().map(Self.identifier)?.nonEmpty
            case "resourceVersion":
                metadata.resourceVersion = try reader.stringOrNull().map(Self.identifier)?.nonEmpty
            case "generateName": metadata.generateName = try reader.stringOrNull()
            case "generation":
                guard case .int(let number) = try reader.value() else { throw JSONReader.Unusual() }
                metadata.generation = number
            case "creationTimestamp": metadata.creationTimestamp = try reader.time()
            case "deletionTimestamp": metadata.deletionTimestamp = try reader.time()
            case "labels": metadata.labels = try reader.stringMap()
            case "annotations": metadata.annotations = try reader.stringMap()
            case "finalizers": metadata.finalizers = try reader.strings()
            case "ownerReferences":
                metadata.ownerReferences = try reader.value().array?.compactMap(OwnerReference.init(lenient:))
            case "managedFields": metadata.managedFields = try reader.managedFields()
            default: _ = try reader.value()
            }
        }
        guard !metadata.name.isEmpty else { throw JSONReader.Unusual() }
        self = metadata
    }

    private static func identifier(_ text: String) throws(JSONReader.Unusual) -> String {
        guard text.utf8.count <= longestIdentifier else { throw JSONReader.Unusual() }
        return text
    }
}

extension JSONReader {
    fileprivate mutating func time() throws(Unusual) -> Timestamp? {
        guard let text = try stringOrNull() else { return nil }
        guard let time = Timestamp(text) else { throw Unusual() }
        return time
    }

    fileprivate mutating func stringMap() throws(Unusual) -> [String: String]? {
        if try skipNull() { return nil }
        // What our objects have.
        var map = [String: String](minimumCapacity: 4)
        try object { key, reader throws(Unusual) in map[key] = try reader.string() }
        return map
    }

    fileprivate mutating func strings() throws(Unusual) -> [String]? {
        if try skipNull() { return nil }
        var list: [String] = []
        try array { reader throws(Unusual) in list.append(try reader.string()) }
        return list
    }

    /// As servers write them. Others are read by the lenient rules for `JSON`.
    fileprivate mutating func managedFields() throws(Unusual) -> [ManagedFieldsEntry] {
        var list: [ManagedFieldsEntry] = []
        try array { reader throws(Unusual) in
            var entry = ManagedFieldsEntry()
            try reader.object { key, reader throws(Unusual) in
                switch key {
                case "manager": entry.manager = try reader.string()
                case "operation": entry.operation = try reader.string()
                case "apiVersion": entry.apiVersion = try reader.string()
                case "subresource": entry.subresource = try reader.string().nonEmpty
                case "time": entry.time = try reader.time()
                case "fieldsV1": entry.fieldsV1 = try reader.value(isRepeated: true)
                default: _ = try reader.value()
                }
            }
            list.append(entry)
        }
        return list
    }
}
