import Fleet
import Kube
import KubeObjects

extension KubeError {
    /// How long a data plane asks us to wait with an object, up to ten minutes: one odd answer must not keep an object back
    /// for a day.
    var wait: Duration? { retryAfter.map { min($0, .seconds(600)) } }

    /// The contract's reason for an object that could not be applied, and the message.
    func failure(of object: DesiredObject?) -> (reason: FailureReason, message: String) {
        switch cause {
        case .transport(let error):
            return (ReachableReason(error.kind).map { FailureReason($0) } ?? .connectFailed, detail)
        case .unexpectedAnswer, .credentials: return (.serverError, detail)
        case .status(let status):
            // A proxy may answer without a word. The code is better than nothing.
            let words = status.message.isEmpty ? status.summary : status.message
            if isNamespaceTerminating { return (.namespaceTerminating, words) }
            if let object, object.type == Secret.resourceType, mayRepeatContent(of: object) {
                return hidden(status, of: object)
            }
            if isInvalid { return (.invalid, words) }
            switch status.code {
            case 401, 403: return (.forbidden, words)
            case 404: return (isNotServed ? .kindNotServed : .invalid, words)
            case 409:
                let owned = conflicts.map { ConflictAnswer.Owned(field: $0.field, manager: $0.manager) }
                let fields = ConflictAnswer.reported(owned).map(\.text).joined(separator: ", ")
                return (.conflict, "\(object?.description ?? operation): \(fields.isEmpty ? words : fields)")
            case 429: return (.tooManyRequests, words)
            case 500...: return (.serverError, status.summary)
            default: return (.invalid, status.summary)
            }
        }
    }

    /// Whether the message may repeat what was sent. A webhook or a policy refuses with any code and in any words, and
    /// the API server's validation quotes values. Messages of RBAC and of server-side apply hold no values.
    private func mayRepeatContent(of object: DesiredObject) -> Bool {
        guard conflicts.isEmpty, !isNotServed, let status else { return false }
        // RBAC's message names the user here. Messages of webhooks and policies don't begin like that.
        return status.code != 403 || !status.message.hasPrefix("secrets \"\(object.name)\" is forbidden: User \"")
    }

    private func hidden(_ status: APIStatus, of object: DesiredObject) -> (FailureReason, String) {
        let reason: FailureReason
        switch status.code {
        case 401, 403: reason = .forbidden
        case 409: reason = .conflict
        case 429: reason = .tooManyRequests
        case 500...: reason = .serverError
        default: reason = .invalid
        }
        let words = "the data plane's message is left out, since it may repeat what the Secret holds"
        return (reason, "\(object.description): code \(status.code): \(words)")
    }
}
