import Fleet
import HTTP
import Kube

/// What an answer, or the lack of one, says of the way to a data plane.
enum ProbeAnswer: Sendable, Hashable {
    /// It answered and can be worked with.
    case succeeded
    /// It answered that the token is not (or no more) valid: the way is fine, the credentials are not.
    case tokenRejected(String)
    /// It can't be worked with.
    case failed(ReachableReason, String)
}

extension ProbeAnswer {
    /// What a failed request tells; nil where it says nothing about the way (a 404, a conflict, a cancelled call).
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
    /// A connection that was open broke.
    var isConnectionLost: Bool {
        if case .transport(let failure) = cause { failure.kind == .connectionLost } else { false }
    }
}

extension ReachableReason {
    /// The contract's reason; nil for what our own side ended.
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
