import Fleet
import HTTP
import Kube

/// What an answer, or a missing answer, says about the connection to a data plane.
package enum ProbeAnswer: Sendable, Hashable {
    /// It answered, and requests may be sent.
    case succeeded
    /// It answered that the token is not valid. The connection works, but the credential does not.
    case tokenRejected(String)
    /// No requests may be sent.
    case failed(ReachableReason, String)
}

extension ProbeAnswer {
    var text: String {
        switch self {
        case .succeeded: "succeeded"
        case .tokenRejected(let text), .failed(_, let text): text
        }
    }

    var isRefusal: Bool { if case .tokenRejected = self { true } else { false } }

    /// What a failed request says about the connection. Nil if it says nothing (a 404, a conflict, a cancelled call).
    init?(_ error: KubeError) {
        switch error.cause {
        case .transport(let failure):
            guard let reason = ReachableReason(failure.kind) else { return nil }
            self = .failed(reason, error.description)
        case .status(let status):
            if error.isInvalid { return nil }
            switch status.code {
            case 401: self = .tokenRejected(status.summary)
            case 429: self = .failed(.tooManyRequests, error.description)
            case 500...: self = .failed(.serverError, error.description)
            default: return nil
            }
        case .unexpectedAnswer: self = .failed(.serverError, error.description)
        case .credentials(let text): self = .tokenRejected(text)
        }
    }
}

extension KubeError {
    /// An open connection broke.
    var isConnectionLost: Bool {
        if case .transport(let failure) = cause { failure.kind == .connectionLost } else { false }
    }
}

extension ReachableReason {
    /// The contract's reason. Nil if our own side ended the request.
    init?(_ kind: HTTPError.Kind) {
        switch kind {
        case .dnsFailed: self = .dnsFailed
        case .connectFailed, .connectionLost, .proxyFailed, .other: self = .connectFailed
        case .tlsUntrusted, .tlsFailed: self = .tlsUntrusted
        case .tlsNameMismatch: self = .tlsNameMismatch
        case .tlsExpired: self = .tlsExpired
        case .timeout: self = .timeout
        case .bodyTooLarge, .invalidRequest: self = .serverError
        case .cancelled, .closed: return nil
        }
    }
}
