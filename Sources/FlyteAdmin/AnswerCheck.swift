import HTTP
import JSON
import Support

extension FlyteAdminError {
    init(_ error: HTTPError, operation: String, prefix: String = "") {
        switch error.kind {
        case .cancelled, .closed: self.init(.cancelled, operation: operation, message: prefix + error.message)
        default: self.init(.unreachable, operation: operation, message: prefix + error.message)
        }
    }
}

/// An answer that was checked: 2xx with JSON. Any other answer becomes an error with words.
struct AnswerCheck {
    var json: JSON

    /// - Parameters:
    ///   - server: the name of the server for the message: "flyteadmin", "the token endpoint".
    ///   - mayBeEmpty: the answer to a change may have no body. An empty answer to a question comes from another program,
    ///     and must not be read as an empty list: flyteadmin answers `{}` then.
    ///   - redaction: hides the secrets that the server was sent, since it may repeat them.
    init(
        _ response: HTTPResponse, operation: String, server: String, mayBeEmpty: Bool = false, redaction: Redaction
    ) throws(FlyteAdminError) {
        let parsed = try? JSON(parsing: response.body)
        let status = response.status
        let words = Self.words(parsed).map { ServerText.clean(redaction.clean($0)) }
        func look() -> String { Self.look(response, redaction) }
        func failure(_ kind: FlyteAdminError.Kind, _ message: String) -> FlyteAdminError {
            FlyteAdminError(
                kind, operation: operation, message: message, status: status,
                retryAfter: Self.retryAfter(response.headers["Retry-After"]))
        }
        switch status {
        case 200..<300:
            if let parsed {
                json = parsed
                return
            }
            if mayBeEmpty, response.body.isEmpty {
                json = [:]
                return
            }
            throw failure(.unreachable, "\(server) answered with \(look()): is this its address?")
        case 300..<400:
            throw failure(
                .unreachable,
                "\(server) answered with a redirect (\(status)), which is not followed: is a login page in front of it?"
            )
        case 408, 425, 429, 500...:
            throw failure(.unreachable, "\(server) answered \(status)" + (words.map { ": " + $0 } ?? ""))
        default:
            // flyteadmin's own words, unchanged. A refusal without words comes from another program: a proxy, a login
            // page.
            if let words { throw failure(.refused, words) }
            throw failure(
                .unreachable, "\(server) answered \(status) with \(look()): is this its address?")
        }
    }

    /// An OAuth2 server sends `error` and, for people, `error_description`.
    private static func words(_ json: JSON?) -> String? {
        if let code = json?["error"]?.string, let text = json?["error_description"]?.string {
            return code + ": " + text
        }
        return Answers.errorText(json)
    }

    /// Describes an answer that is not JSON.
    private static func look(_ response: HTTPResponse, _ redaction: Redaction) -> String {
        if response.body.isEmpty { return "nothing" }
        let start = String(decoding: response.body.prefix(256), as: UTF8.self).drop { $0.isWhitespace }.lowercased()
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return "a page of HTML" }
        let type = response.headers["Content-Type"].map { ServerText.clean(redaction.clean($0).prefix(80)) }
        return "something that is not JSON" + (type.map { " (\($0))" } ?? "")
    }

    /// Only seconds, since none of our servers sends a date. At most an hour.
    private static func retryAfter(_ text: String?) -> Duration? {
        text.flatMap { Int($0) }.flatMap { $0 >= 0 ? .seconds(min($0, 3600)) : nil }
    }
}
