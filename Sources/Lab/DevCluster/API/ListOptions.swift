import JSON

/// The query of a list, watch or deletecollection, checked as `ValidateListOptions` does.
struct ListOptions: Sendable {
    enum VersionMatch: String, Sendable { case exact = "Exact", notOlderThan = "NotOlderThan" }

    var labels = LabelSelector()
    var fields = FieldSelector()
    var limit = 0
    var continueToken: String?
    /// Nil if the query has none.
    var resourceVersion: Int64?
    var versionMatch: VersionMatch?
    var isWatch = false
    var allowsBookmarks = false
    var sendsInitialEvents = false
    var timeout: Duration?

    init(
        _ request: APIRequest, definition: ResourceDefinition, isWatch: Bool, servesInitialEvents: Bool = true
    ) throws(APIError) {
        self.isWatch = isWatch
        if let text = request.parameter("labelSelector") { labels = try LabelSelector(parsing: text) }
        if let text = request.parameter("fieldSelector") { fields = try FieldSelector(parsing: text, for: definition) }
        allowsBookmarks = request.flag("allowWatchBookmarks")
        limit = max(0, Int(clamping: try Self.integer(request, "limit") ?? 0))
        if let seconds = try Self.integer(request, "timeoutSeconds"), seconds > 0 {
            timeout = .seconds(min(seconds, 86_400 * 365))
        }
        if let token = request.parameter("continue"), !token.isEmpty { continueToken = token }
        let version = request.parameter("resourceVersion") ?? ""
        let match = request.parameter("resourceVersionMatch") ?? ""
        let initialEvents = request.query["sendInitialEvents"] == nil ? nil : request.flag("sendInitialEvents")
        if let problem = Self.problem(
            isWatch: isWatch, version: version, match: match, initialEvents: initialEvents,
            hasContinue: continueToken != nil)
        {
            throw .invalidOptions("ListOptions", [problem])
        }
        if isWatch, initialEvents != nil, !servesInitialEvents {
            throw .invalidOptions(
                "ListOptions",
                [
                    .forbidden(
                        "sendInitialEvents",
                        "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")
                ])
        }
        versionMatch = VersionMatch(rawValue: match)
        if !version.isEmpty {
            guard let number = Int64(version), number >= 0 else {
                let error =
                    "resourceVersion: Invalid value: \(JSON.string(version).shownInErrors): "
                    + "strconv.ParseUint: parsing \(JSON.string(version).shownInErrors): invalid syntax"
                throw isWatch
                    ? APIError(code: 500, reason: "", message: error)
                    : .badRequest("invalid resource version: " + error)
            }
            resourceVersion = number
        }
        // A watch from the start always has initial events, and gets their end as a bookmark.
        sendsInitialEvents = initialEvents ?? (isWatch && match.isEmpty && (resourceVersion ?? 0) == 0)
    }

    private static func integer(_ request: APIRequest, _ name: String) throws(APIError) -> Int64? {
        guard let text = request.parameter(name), !text.isEmpty else { return nil }
        guard let number = Int64(text) else {
            throw .badRequest("strconv.ParseInt: parsing \(JSON.string(text).shownInErrors): invalid syntax")
        }
        return number
    }

    private static func problem(
        isWatch: Bool, version: String, match: String, initialEvents: Bool?, hasContinue: Bool
    ) -> FieldError? {
        let field = "resourceVersionMatch"
        if isWatch {
            if initialEvents != nil {
                if match != "NotOlderThan" {
                    return .forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
                }
                if hasContinue { return .forbidden("continue", "continue is forbidden for watch") }
                return nil
            }
            return match.isEmpty
                ? nil
                : .forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        }
        if initialEvents != nil { return .forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list") }
        guard !match.isEmpty else {
            return hasContinue && !version.isEmpty && version != "0"
                ? .forbidden("resourceVersion", "resourceVersion is forbidden when continue is provided") : nil
        }
        if version.isEmpty {
            return .forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        if hasContinue { return .forbidden(field, "resourceVersionMatch is forbidden when continue is provided") }
        guard VersionMatch(rawValue: match) != nil else {
            return .unsupported(field, .string(match), ["Exact", "NotOlderThan", ""])
        }
        if match == "Exact", version == "0" {
            return .forbidden(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        return nil
    }
}
