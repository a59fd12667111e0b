import Kube

/// What a failed watch means for the resourceVersion from which it would go on.
enum WatchFailure: Sendable, Hashable {
    /// The version is too old. This is an ordinary end.
    case expired
    /// The same request would fail again: the server refuses it, is behind the resourceVersion, or sent what can't be
    /// read (and would send it again). Or the server could not be reached. It may have been restored from a backup
    /// meanwhile, and a watch from a resourceVersion of its future would stay quiet for ever.
    case needsList
    /// The server is in trouble, or does not let us in. The resourceVersion is still good.
    case canResume
    /// The connection was cut. Many proxies do this to quiet ones, and the server knows nothing of it. Only an open
    /// watch goes on where it was: if the next connection fails as well, the server was away.
    case cut

    init(_ error: KubeError) {
        switch error.cause {
        case .credentials:
            self = .canResume
        case .transport(let failure):
            self = failure.kind == .connectionLost ? .cut : .needsList
        case .unexpectedAnswer:
            self = .needsList
        case .status(let status):
            switch status.code {
            case 410: self = .expired
            case 401, 403, 408, 429: self = .canResume
            case 400..<500: self = .needsList
            default:
                // A server that was restored from a backup answers 504 with this cause for a version of its future.
                let isAhead = status.causes.contains { $0.reason == "ResourceVersionTooLarge" }
                self = isAhead ? .needsList : .canResume
            }
        }
    }
}
