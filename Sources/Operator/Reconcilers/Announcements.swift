import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    /// Writes a status, and publishes events and log lines for its changes.
    func publish<Spec>(_ status: Spec.Status, of object: CustomResource<Spec>) async throws(KubeError) {
        announce(status.conditions, before: object.status?.conditions, of: object.metadata, Spec.resourceType)
        log(
            status.conditions, before: object.status?.conditions, of: object.metadata, Spec.resourceType,
            revision: (status as? DataPlaneStatus)?.appliedRevision)
        try await writer.write(status, of: object)
    }

    /// Logs a line with the same fields for each changed condition, so that the events of a night can be read in the
    /// morning.
    private func log(
        _ conditions: [Condition], before: [Condition]?, of metadata: ObjectMeta, _ type: ResourceType,
        revision: Int64?
    ) {
        for line in ConditionLine.lines(conditions, before: before, of: metadata, type, revision: revision) {
            logger.info("condition", metadata: line.fields.mapValues { "\($0)" })
        }
    }

    /// Publishes an event for each condition that became False, and for each that is True again after that. Two kinds
    /// of changes get none: a condition that is only in progress, and one that repeats another object's trouble.
    /// Otherwise a dead data plane would cause an event for each project-domain.
    private func announce(
        _ conditions: [Condition], before: [Condition]?, of metadata: ObjectMeta, _ type: ResourceType
    ) {
        remember(malformed: nil, of: metadata)
        for condition in conditions {
            let last = before?.first { $0.type == condition.type }
            guard last?.status != condition.status || last?.reason != condition.reason else { continue }
            let isNews =
                switch condition.status {
                // Another condition says the same as `Available`.
                case _ where condition.type == ConditionType.available.rawValue: false
                case .isFalse: Self.isTrouble(condition.reason) && !Self.repeatsAnother(condition, conditions)
                case .isTrue: last.map { $0.status == .isFalse && Self.isTrouble($0.reason) } ?? false
                case .unknown: false
                }
            guard isNews else { continue }
            record(
                metadata, type, isWarning: condition.status == .isFalse, Self.eventReason(condition),
                "\(condition.type): \(condition.message)")
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
        // The user did not ask for it.
        Reason.notConfigured, Reason.flyteAdminNotConfigured, Reason.disabled,
        // The objects that are the cause report it.
        Reason.partial, Reason.labelNotReady, Reason.labelsNotReady, Reason.dataPlanesNotReady,
    ]

    /// A warning for each credential that comes nearer to its end: at 14, 7 and 1 days before it, and at the end.
    func warn(_ object: DataPlane, _ status: DataPlaneStatus) {
        let given = object.status?.expiryWarnings ?? []
        // The status with this warning may not have come back from the watch yet.
        for warning in status.expiryWarnings ?? []
        where !given.contains(warning) && isFirst(warning, of: object.metadata) {
            record(object.metadata, .dataPlanes, isWarning: true, "CredentialsExpiring", warning.message)
        }
    }

    /// Publishes what to add to the ClusterRole, if that has changed.
    func explain(missing: DataPlaneObservation.Authorization, of object: DataPlane, _ status: DataPlaneStatus) {
        guard case .missing(let permissions) = missing, let condition = status.conditions[.authorized],
            condition.message != object.status?.conditions[.authorized]?.message
        else { return }
        record(
            object.metadata, .dataPlanes, isWarning: true, "PermissionsToAdd",
            "add to the ClusterRole of \(status.identity ?? "the token's user"):\n\(Permissions.rules(adding: permissions))"
        )
    }

    /// A failed renewal has one reason, whether or not an older token still works.
    private static func eventReason(_ condition: Condition) -> String {
        condition.reason == CredentialsReason.renewalFailed.rawValue ? "CredentialsRenewalFailed" : condition.reason
    }

    private func record(
        _ metadata: ObjectMeta, _ type: ResourceType, isWarning: Bool, _ reason: String, _ note: String
    ) {
        events.publish(
            regarding: metadata, type: type, isWarning: isWarning, reason: reason, action: "Reconcile", note: note)
    }
}
