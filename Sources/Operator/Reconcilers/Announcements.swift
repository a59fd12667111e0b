import Fleet
import KubeObjects

extension Reconcilers {
    /// An event for each condition that is another now. A first look that finds all well is no news.
    func announce(
        _ conditions: [Condition], before: [Condition]?, of metadata: ObjectMeta, _ type: ResourceType
    ) {
        for condition in conditions {
            let last = before?.first { $0.type == condition.type }
            guard condition.status != .unknown, condition.reason != Reason.pending, !Self.isChoice(condition.reason),
                last?.status != condition.status || last?.reason != condition.reason,
                last != nil || condition.status == .isFalse, !Self.repeatsAnother(condition, conditions)
            else { continue }
            publish(
                metadata, type, isWarning: condition.status == .isFalse, condition.reason,
                "\(condition.type): \(condition.message)")
        }
    }

    /// `Ready` takes over the reason of the condition that keeps it from being true: one event is enough.
    private static func repeatsAnother(_ condition: Condition, _ all: [Condition]) -> Bool {
        condition.type == ConditionType.ready.rawValue && condition.status == .isFalse
            && all.contains { $0.type != condition.type && $0.status == .isFalse && $0.reason == condition.reason }
    }

    /// False because it was not asked for, or under way: nothing to warn of.
    private static func isChoice(_ reason: String) -> Bool {
        [Reason.notConfigured, Reason.flyteAdminNotConfigured, Reason.disabled, Reason.progressing].contains(reason)
    }

    /// A warning for each credential that comes nearer to its end: at 30, 7 and 1 days before, and at the end.
    func warn(_ object: DataPlane, _ status: DataPlaneStatus) {
        let given = object.status?.expiryWarnings ?? []
        for warning in status.expiryWarnings ?? [] where !given.contains(warning) {
            publish(object.metadata, .dataPlanes, isWarning: true, "CredentialsExpiring", warning.message)
        }
    }

    /// What to add to the ClusterRole, when it is news.
    func explain(missing: DataPlaneObservation.Authorization, of object: DataPlane, _ status: DataPlaneStatus) {
        guard case .missing(let permissions) = missing, let condition = status.conditions[.authorized],
            condition.message != object.status?.conditions[.authorized]?.message
        else { return }
        publish(
            object.metadata, .dataPlanes, isWarning: true, "PermissionsToAdd",
            "add to the ClusterRole of \(status.identity ?? "the token's user"):\n\(Permissions.rules(adding: permissions))"
        )
    }

    private func publish(
        _ metadata: ObjectMeta, _ type: ResourceType, isWarning: Bool, _ reason: String, _ note: String
    ) {
        events.publish(
            regarding: metadata, type: type, isWarning: isWarning, reason: reason, action: "Reconcile", note: note)
    }
}
