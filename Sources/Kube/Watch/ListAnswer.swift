import JSON
import KubeObjects

/// Reads the answer to a list, and checks all of it: an answer that only looks like an empty list would make a cache
/// forget everything.
enum ListAnswer {
    /// It is strict: the kind must end in `List`, `items` must be an array, and there must be a resourceVersion. A
    /// proxy's `{}` has none of these. An item that does not fit its type is malformed. An item with unusable metadata
    /// fails the page.
    static func page<Object: KubeObject>(_ json: JSON, _ request: KubeRequest) throws(KubeError) -> ListPage<Object> {
        guard let kind = json["kind"]?.string, kind.hasSuffix("List") else {
            let found = json["kind"].map { $0.string?.shown(bytes: 64) ?? "not text" } ?? "missing"
            throw request.unexpected("the answer is not a list: its kind is \(found)")
        }
        let shownKind = kind.shown(bytes: 64)
        // An empty PartialObjectMetadataList has `"items": null` (a nil slice in the server's Go), so the key must be
        // there.
        guard let member = json["items"], let items = member.isNull ? [] : member.array else {
            throw request.unexpected("the \(shownKind) has no items")
        }
        guard let version = json[path: ["metadata", "resourceVersion"]]?.string, !version.isEmpty else {
            throw request.unexpected("the \(shownKind) has no metadata.resourceVersion")
        }
        var decoded: [Decoded<Object>] = []
        decoded.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            do {
                decoded.append(try Decoded(json: item))
            } catch {
                throw request.unexpected("\(error.under("items[\(index)]"))")
            }
        }
        let token = json[path: ["metadata", "continue"]]?.string
        return ListPage(items: decoded, resourceVersion: version, continueToken: token?.nonEmpty)
    }

    /// The page if it has the form in which servers send metadata, read in one walk through its text. Otherwise nil: then
    /// `page` reads it, or says what is wrong with it.
    static func metadataPage<Object: KubeObject>(_ body: [UInt8], _ limits: JSON.Limits) -> ListPage<Object>? {
        JSONReader.read(body, limits: limits) { reader throws(JSONReader.Unusual) in
            var kind = ""
            var (version, token): (String?, String?)
            var items: [Decoded<Object>]?
            try reader.object { key, reader throws(JSONReader.Unusual) in
                switch key {
                case "kind": kind = try reader.string()
                case "metadata":
                    (version, token) = (nil, nil)
                    try reader.object { key, reader throws(JSONReader.Unusual) in
                        switch key {
                        case "resourceVersion": version = try reader.string()
                        case "continue": token = try reader.string()
                        default: _ = try reader.value()
                        }
                    }
                case "items": items = try reader.metadataItems()
                default: _ = try reader.value()
                }
            }
            guard kind.hasSuffix("List"), let version, !version.isEmpty, let items else { throw JSONReader.Unusual() }
            return ListPage(items: items, resourceVersion: version, continueToken: token?.nonEmpty)
        }
    }
}

extension JSONReader {
    fileprivate mutating func metadataItems<Object: KubeObject>() throws(Unusual) -> [Decoded<Object>] {
        if try skipNull() { return [] }
        var items: [Decoded<Object>] = []
        try array { reader throws(Unusual) in
            var found: ObjectMeta?
            try reader.object { key, reader throws(Unusual) in
                switch key {
                case "metadata": found = try ObjectMeta(reading: &reader)
                case "kind": guard try reader.string() == "PartialObjectMetadata" else { throw Unusual() }
                case "apiVersion": _ = try reader.string()
                // More than metadata.
                default: throw Unusual()
                }
            }
            guard let found, let object = Object(metadataAlone: found) else { throw Unusual() }
            items.append(.valid(object))
        }
        return items
    }
}
