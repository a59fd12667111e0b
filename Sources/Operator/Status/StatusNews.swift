import Fleet
import KubeObjects

/// An event about a condition of an object.
struct StatusNews: Sendable, Hashable {
    var isWarning: Bool
    var reason: String
    var note: String

    /// An event for each condition that became false, and for each that is true again after that.
    ///
    /// A condition that is only on its way makes no event. A condition that follows from another object makes none either,
    /// since that object has its own event: a dead data plane must not make an event for each project-domain.
    static func of(_ conditions: [Condition], before: [Condition]?) -> [StatusNews] {
        conditions.compactMap { condition in
            let last = before?.first { $0.type == condition.type }
            guard last?.status != condition.status || last?.reason != condition.reason else { return nil }
            let isNews =
                switch condition.status {
                // Another condition says the same as `Available`.
                case _ where condition.type == ConditionType.available.rawValue: false
                case .isFalse: isTrouble(condition.reason) && !repeatsAnother(condition, conditions)
                case .isTrue: last.map { $0.status == .isFalse && isTrouble($0.reason) } ?? false
                case .unknown: false
                }
            guard isNews else { return nil }
            return StatusNews(
                isWarning: condition.status == .isFalse, reason: eventReason(condition),
                note: "\(condition.type): \(condition.message)")
        }
    }

    /// `Ready` repeats the reason of the condition that makes it False. One event is enough.
    private static func repeatsAnother(_ condition: Condition, _ all: [Condition]) -> Bool {
        let summaries = [ConditionType.ready.rawValue, ConditionType.available.rawValue]
        return condition.type == ConditionType.ready.rawValue && condition.status == .isFalse
            && all.contains {
                !summaries.contains($0.type) && $0.status == .isFalse && $0.reason == condition.reason
            }
    }

    private static func isTrouble(_ reason: String) -> Bool { !quiet.contains(reason) }
    private static let quiet: Set<String> = [
        Reason.pending, Reason.progressing,
        // Nobody has asked for it.
        Reason.notConfigured, Reason.flyteAdminNotConfigured, Reason.disabled,
        // The objects that cause it report it.
        Reason.partial, Reason.labelNotReady, Reason.labelsNotReady, Reason.dataPlanesNotReady,
    ]

    /// A renewal that failed has one reason, whether or not an older token still works.
    private static func eventReason(_ condition: Condition) -> String {
        condition.reason == CredentialsReason.renewalFailed.rawValue ? "CredentialsRenewalFailed" : condition.reason
    }
}
