/// The form of an answer, by the `Accept` header.
enum AnswerForm: Sendable, Hashable {
    case object
    /// `as=PartialObjectMetadata` and `as=PartialObjectMetadataList`.
    case metadata
    case table

    /// The first range that can be served. We serve JSON; clients that prefer protobuf name JSON too.
    init(accept: String?) throws(APIError) {
        guard let accept, !accept.isEmpty else {
            self = .object
            return
        }
        for range in MediaRange.parse(accept) where range.isJSON {
            guard let form = range.parameters["as"] else {
                self = .object
                return
            }
            guard range.parameters["g"] == "meta.k8s.io", range.parameters["v"] == "v1" else { continue }
            switch form {
            case "Table":
                self = .table
                return
            case "PartialObjectMetadata", "PartialObjectMetadataList":
                self = .metadata
                return
            default: continue
            }
        }
        throw .notAcceptable
    }
}

/// One entry of an `Accept` header.
struct MediaRange: Sendable, Hashable {
    /// In lower case, without parameters.
    var type: String
    var parameters: [String: String]

    var isJSON: Bool { type == "application/json" || type == "*/*" || type == "application/*" }

    /// In order of preference.
    static func parse(_ accept: String) -> [MediaRange] {
        var ranges: [(quality: Double, range: MediaRange)] = []
        for part in accept.split(separator: ",").prefix(64) {
            let pieces = part.split(separator: ";").map { trimmed($0) }
            guard let type = pieces.first, !type.isEmpty else { continue }
            var parameters: [String: String] = [:]
            for piece in pieces.dropFirst() {
                let halves = piece.split(separator: "=", maxSplits: 1)
                if halves.count == 2 { parameters[trimmed(halves[0]).lowercased()] = trimmed(halves[1]) }
            }
            let quality = parameters["q"].flatMap { Double($0) } ?? 1
            if quality > 0 { ranges.append((quality, MediaRange(type: type.lowercased(), parameters: parameters))) }
        }
        // The sort is stable: equal qualities keep their order.
        return ranges.enumerated().sorted { ($1.element.quality, $0.offset) < ($0.element.quality, $1.offset) }
            .map(\.element.range)
    }

    /// The media type of a `Content-Type` field.
    static func contentType(_ value: String?) -> String? {
        value.map { trimmed($0.split(separator: ";", omittingEmptySubsequences: false)[0]).lowercased() }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var rest = Substring(text)
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        if rest.count >= 2, rest.first == "\"", rest.last == "\"" { rest = rest.dropFirst().dropLast() }
        return String(rest)
    }
}
