/// Why a call to flyteadmin, or for the token that it needs, did not succeed. Never holds a credential.
public struct FlyteAdminError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// No answer that can be used: the network, TLS, a timeout, 5xx, 429, a page of HTML, a redirect. Try again.
        case unreachable
        /// It was understood and said no (4xx). The same again is refused again, until something is changed there.
        case refused
        /// The caller's task was cancelled, or the client closed.
        case cancelled
    }

    public var kind: Kind
    /// "set the label of project1/development".
    public var operation: String
    /// For people. Where flyteadmin said no, its own words: cut, and without control characters.
    public var message: String
    /// The answer's status code; nil where there was none.
    public var status: Int?
    /// How long the server asks to wait.
    public var retryAfter: Duration?

    public init(
        _ kind: Kind, operation: String, message: String, status: Int? = nil, retryAfter: Duration? = nil
    ) {
        self.kind = kind
        self.operation = operation
        self.message = message
        self.status = status
        self.retryAfter = retryAfter
    }

    public var description: String { "\(operation): \(message)" }
    public var isNotFound: Bool { status == 404 && kind == .refused }
}

/// What a server wrote, made fit for a condition's message or a log line.
enum ServerText {
    static let limit = 512

    /// One line, at most `limit` characters; every control character (and what could turn a line around) is a space.
    static func clean(_ text: some StringProtocol) -> String {
        var line = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            if count == limit { return String(line).trimmed + "…" }
            let category = scalar.properties.generalCategory
            let isPlain = category != .control && category != .format && category != .lineSeparator
            line.append(isPlain && category != .paragraphSeparator ? scalar : " ")
            count += 1
        }
        return String(line).trimmed
    }
}

extension String {
    fileprivate var trimmed: String {
        let body = unicodeScalars.drop { $0 == " " }
        let end = body.lastIndex { $0 != " " }
        return end.map { String(body[...$0]) } ?? ""
    }
}
