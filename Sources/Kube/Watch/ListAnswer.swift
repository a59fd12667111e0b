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
}
