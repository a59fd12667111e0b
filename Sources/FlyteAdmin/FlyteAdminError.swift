/// Why a call to flyteadmin, or the call for its token, failed. It never contains a credential.
public struct FlyteAdminError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// There was no usable answer: the network, TLS, a timeout, 5xx, 429, an HTML page or a redirect. Try again.
        case unreachable
        /// flyteadmin understood and refused (4xx). It refuses the same call again until something changes there.
        case refused
        /// The caller's task was cancelled, or the client was closed.
        case cancelled
    }

    public var kind: Kind
    /// For example "set the label of project1/development".
    public var operation: String
    /// The text for people. After a refusal these are flyteadmin's own words, cut and without control characters.
    public var message: String
    /// The status code of the answer. Nil if there was none.
    public var status: Int?
    /// How long the server asked us to wait.
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

/// Makes a server's text fit for a condition's message or a log line.
enum ServerText {
    static let limit = 512

    /// One line of at most `limit` characters. Control characters, and those that could reverse a line, become spaces.
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
