import HTTP
import JSON
import KubeObjects

/// Why an API request did not succeed. It names what was tried, and never holds a credential.
public struct KubeError: Error, Sendable, CustomStringConvertible {
    public enum Cause: Sendable {
        /// There was no usable answer: the network, TLS, a timeout.
        case transport(HTTPError)
        /// The server's own `Status`. If the body has none (a proxy's HTML page), it is made from the status code.
        case status(APIStatus)
        /// A 2xx answer that does not answer the request: not JSON, a list without items or resourceVersion, `{}`.
        case unexpectedAnswer(String)
        /// The token file or credentials could not be read.
        case credentials(String)
    }
    /// "apply namespaces/project1-development", "list secrets in flyte".
    public var operation: String
    public var cause: Cause

    public init(operation: String, cause: Cause) {
        self.operation = operation
        self.cause = cause
    }
    public var description: String { "\(operation): \(detail)" }
    /// The cause alone, for people, without the operation.
    public var detail: String {
        switch cause {
        case .transport(let error): error.message
        case .status(let status): status.summary
        case .unexpectedAnswer(let text), .credentials(let text): text
        }
    }
    /// Nil unless the server refused. Otherwise the network failed, the answer can't be used, or the credentials can't be read.
    public var status: APIStatus? { if case .status(let status) = cause { status } else { nil } }
    /// Whether the caller gave up: its task was cancelled, its client was closed, or `mayWrite` forbade the request.
    public var isCancelled: Bool {
        if case .transport(let error) = cause { error.kind == .cancelled || error.kind == .closed } else { false }
    }
}

/// `metav1.Status` of a failed request. From an answer it has at most 64 causes, its texts have at most 4,096 characters
/// without control characters, and the token that was sent is hidden in them.
public struct APIStatus: Sendable, Hashable {
    public struct Cause: Sendable, Hashable {
        public var reason: String
        public var message: String
        public var field: String
        public init(reason: String, message: String, field: String) {
            self.reason = reason
            self.message = message
            self.field = field
        }
    }
    public var code: Int
    /// `NotFound`, `Conflict`, `Forbidden`, `Expired`, …. Empty if the answer had none.
    public var reason: String
    public var message: String
    public var causes: [Cause]
    /// From the `Retry-After` header or `details.retryAfterSeconds`.
    public var retryAfter: Duration?

    public init(code: Int, reason: String, message: String, causes: [Cause] = [], retryAfter: Duration? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes
        self.retryAfter = retryAfter
    }
    /// "403 Forbidden: namespaces is forbidden: …".
    public var summary: String {
        "\(code)\(reason.isEmpty ? "" : " " + reason)\(message.isEmpty ? "" : ": " + message)"
    }
}
