import JSON

extension Fault {
    /// The answer of a `status` fault, as the real server words it.
    static func response(status: Int, retryAfter: Int?, _ attributes: RequestAttributes, user: String) -> APIResponse {
        let details = APIError.Details(retryAfterSeconds: retryAfter ?? 0)
        var response: APIResponse
        switch status {
        case 401: response = Authorizer.unauthorized.response
        case 403:
            response = Authorizer.forbidden(User(name: user), attributes, reason: "injected fault").response
        case 410:
            response = Self.gone.response
        case 429:
            // Priority and fairness answers in plain text.
            response = APIResponse(
                status: 429, headers: [("Content-Type", "text/plain; charset=utf-8")],
                body: .bytes(Array("Too many requests, please try again later.\n".utf8)))
        case 500:
            response =
                APIError(
                    code: 500, reason: "InternalError", message: "Internal error occurred: injected fault",
                    details: APIError.Details(causes: [.init(reason: "", message: "injected fault")])
                ).response
        case 503:
            response =
                APIError(
                    code: 503, reason: "ServiceUnavailable",
                    message: "the server is currently unable to handle the request", details: details
                ).response
        case 504:
            response =
                APIError(
                    code: 504, reason: "Timeout",
                    message: "Timeout: request did not complete within the allotted timeout", details: details
                ).response
        default:
            response = APIError(code: status, reason: "", message: "injected fault", details: details).response
        }
        if let retryAfter, !response.headers.contains(where: { $0.0 == "Retry-After" }) {
            response.headers.append(("Retry-After", String(retryAfter)))
        }
        return response
    }

    /// As a health path answers when some of its checks have failed. Nil for any other path.
    static func failedHealth(_ failed: [String], path: String) -> APIResponse? {
        let kind = String(path.dropFirst())
        guard ["readyz", "livez", "healthz"].contains(kind) else { return nil }
        let checks = Documents.checks(of: kind)
        let lines =
            checks.filter { !failed.contains($0) }.map { "[+]\($0) ok\n" }
            + failed.map { "[-]\($0) failed: reason withheld\n" }
        return .text(500, lines.joined() + "\(kind) check failed\n")
    }

    /// An apply patch without that annotation.
    static func stripped(_ body: [UInt8], annotation: String) -> [UInt8] {
        guard var object = try? JSON(parsing: body) else { return body }
        object[path: ["metadata", "annotations", annotation]] = nil
        return object.serialized()
    }

    static let gone = APIError(
        code: 410, reason: "Expired", message: "The resourceVersion for the provided watch is too old.")

    /// The last event of a watch whose history is gone.
    static var goneEvent: [UInt8] {
        let event: JSON = ["type": "ERROR", "object": gone.json]
        return event.serialized() + [UInt8(ascii: "\n")]
    }

    /// The body of a list, made to lie; other bodies stay as they are.
    func rewritten(_ body: [UInt8]) -> [UInt8] {
        if case .emptyObject = self { return Array("{}\n".utf8) }
        guard var list = try? JSON(parsing: body), let items = list["items"]?.array else { return body }
        switch self {
        case .emptyList: list["items"] = []
        case .truncatedList: list["items"] = .array(Array(items.prefix(items.count / 2)))
        default: return body
        }
        list[path: ["metadata", "continue"]] = nil
        list[path: ["metadata", "remainingItemCount"]] = nil
        return list.serialized() + [UInt8(ascii: "\n")]
    }
}
