import Kube

/// What a failed watch means for the resourceVersion it was to go on from.
enum WatchFailure: Sendable, Hashable {
    /// Too old: an ordinary end.
    case expired
    /// The server can't be asked like that again: it refuses the request, is behind of the resourceVersion, or sent what
    /// can't be read (and would send it again). Or the connection broke: who is there on the next one may have been
    /// restored from a backup meanwhile, and a watch from a resourceVersion of its future would be quiet for ever.
    case needsList
    /// The server is in trouble, or it does not let us in: the resourceVersion is as good as before.
    case canResume

    init(_ error: KubeError) {
        switch error.cause {
        case .credentials:
            self = .canResume
        case .transport, .unexpectedAnswer:
            self = .needsList
        case .status(let status):
            switch status.code {
            case 410: self = .expired
            case 401, 403, 408, 429: self = .canResume
            case 400..<500: self = .needsList
            default:
                // A server that was restored from a backup answers 504 and this cause for a version of its future.
                let isAhead = status.causes.contains { $0.reason == "ResourceVersionTooLarge" }
                self = isAhead ? .needsList : .canResume
            }
        }
    }
}
