import JSON
import Support

/// The start of the next page, and the state that it shows. The form is the real server's: base64 without padding of
/// `{"v":"meta.k8s.io/v1","rv":665,"start":"/kube-system\u0000"}`.
struct ContinueToken: Sendable, Hashable {
    /// The revision of the first page; -1 for the inconsistent continuation of an expired list.
    var revision: Int64
    /// The last key that was shown, relative to the collection (or to its namespace).
    var after: String

    var text: String {
        let json: JSON = ["v": "meta.k8s.io/v1", "rv": .int(revision), "start": .string(after + "\u{0}")]
        return Base64.encode(json.serialized(), .url)
    }

    init(revision: Int64, after: String) {
        self.revision = revision
        self.after = after
    }

    init(parsing text: String) throws(APIError) {
        guard let bytes = Base64.decode(text, .url), let json = try? JSON(parsing: bytes) else {
            throw .badRequest("invalid continue token: continue key is not valid: it is not base64 of JSON")
        }
        guard json["v"]?.string == "meta.k8s.io/v1" else {
            throw .badRequest(
                "invalid continue token: continue key is not valid: server does not recognize this encoded version")
        }
        guard let revision = json["rv"]?.int, revision != 0, revision >= -1, let start = json["start"]?.string,
            !start.isEmpty
        else {
            throw .badRequest(
                "invalid continue token: continue key is not valid: incorrect encoded start resourceVersion")
        }
        self.revision = revision
        after = start.hasSuffix("\u{0}") ? String(start.unicodeScalars.dropLast()) : start
    }
}
