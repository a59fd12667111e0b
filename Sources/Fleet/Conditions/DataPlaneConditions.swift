import KubeObjects

/// The conditions of a DataPlane.
public enum DataPlaneConditions {
    static let types: [ConditionType] = [.credentialsValid, .reachable, .authorized, .available, .synced, .ready]

    public static func conditions(of object: DataPlane, _ seen: DataPlaneFacts) -> [ConditionFinding] {
        if !object.spec.enabled {
            let message = "spec.enabled is false: the data plane is left alone"
            return types.map {
                isRuledOut($0) ? .no($0, Reason.disabled, message) : .unknown($0, Reason.disabled, message)
            } + (seen.flyte == nil ? [] : [.unknown(.flyteReady, Reason.disabled, message)])
        }
        if let problem = object.spec.problems().first {
            let unknown = ConditionFinding.unknown(.flyteReady, Reason.invalid, problem.description)
            return conditions(malformed: problem) + (seen.flyte == nil ? [] : [unknown])
        }
        let credentials = credentials(seen.credentials)
        let reachable = reachable(seen.probe, credentials)
        let authorized = authorized(seen, reachable)
        let synced = synced(seen, after: [credentials, reachable, authorized])
        let available = available(seen, credentials, reachable, authorized)
        let flyteReady = [flyteReady(seen, reachable)].compactMap { $0 }
        let parts = [credentials, reachable, authorized, available]
        // An account that may not ask whether a workflow would run must not keep Ready Unknown for ever.
        let ready = ready(seen, parts + flyteReady.filter { $0.status == .isFalse } + [synced])
        return parts + flyteReady + [synced, ready]
    }

    /// Nil if the registry does not ask for it.
    private static func flyteReady(
        _ seen: DataPlaneFacts, _ reachable: ConditionFinding
    ) -> ConditionFinding? {
        guard let (health, settings) = seen.flyte else { return nil }
        if !seen.isConnected { return blocked(.flyteReady, by: reachable) }
        if let objection = objection(seen) { return .unknown(.flyteReady, objection.reason, objection.message) }
        return health.finding(of: settings)
    }

    /// The conditions of an object that can't be used, or can't be read at all.
    public static func conditions(malformed problem: SpecProblem) -> [ConditionFinding] {
        types.map {
            isRuledOut($0)
                ? .no($0, Reason.invalid, problem.description) : .unknown($0, Reason.invalid, problem.description)
        }
    }

    /// Nothing is done with a data plane that is disabled or has an unusable spec. So these conditions are False, while
    /// the others can't be known.
    private static func isRuledOut(_ type: ConditionType) -> Bool { type == .available || type == .ready }

    private static func credentials(_ fact: DataPlaneFacts.CredentialsFact) -> ConditionFinding {
        switch fact {
        case .unknown: .unknown(.credentialsValid, Reason.pending, "not read yet")
        case .valid(let message): .yes(.credentialsValid, Reason.valid, message)
        case .invalid(let reason, let message): .no(.credentialsValid, reason.rawValue, message)
        }
    }

    private static func reachable(
        _ probe: DataPlaneFacts.Probe, _ credentials: ConditionFinding
    ) -> ConditionFinding {
        switch probe {
        case .succeeded(let message): .yes(.reachable, Reason.probeSucceeded, message)
        case .failed(let reason, let message), .failedWithNewSettings(let reason, let message):
            .no(.reachable, reason.rawValue, message)
        case .unknown where credentials.status == .isFalse:
            .unknown(.reachable, credentials.reason, "not tried: there are no credentials to try it with")
        case .unknown: .unknown(.reachable, Reason.pending, "not probed yet")
        }
    }

    private static let reviews = "SelfSubjectRulesReview and SelfSubjectAccessReview are refused"

    private static func authorized(
        _ seen: DataPlaneFacts, _ reachable: ConditionFinding
    ) -> ConditionFinding {
        switch seen.authorization {
        case _ where !seen.isConnected: blocked(.authorized, by: reachable)
        case .unknown: .unknown(.authorized, Reason.pending, "not checked yet")
        case .granted: .yes(.authorized, Reason.permissionsGranted, "all permissions are granted")
        case .unsaid:
            .unknown(
                .authorized, Reason.pending,
                "the account may not ask for its permissions (\(Self.reviews)); each is known once it is tried")
        case .inferred:
            .yes(
                .authorized, Reason.permissionsGranted,
                "the account may not ask for its permissions (\(Self.reviews)); all that it tried is allowed")
        case .missing(let permissions):
            .no(.authorized, Reason.permissionsMissing, "missing: \(Permissions.text(permissions))")
        }
    }

    /// Whether the data plane accepts requests, whatever the state of its namespaces is. A conflict in one of them, or
    /// a right that only a template needs, must not send executions elsewhere.
    private static func available(
        _ seen: DataPlaneFacts, _ credentials: ConditionFinding, _ reachable: ConditionFinding,
        _ authorized: ConditionFinding
    ) -> ConditionFinding {
        if let objection = objection(seen) { return objection.as(.available) }
        let parts = [credentials, reachable, essentiallyAuthorized(seen) ?? authorized]
        if let hindrance = parts.first(where: { $0.status == .isFalse })
            ?? parts.first(where: { $0.status == .unknown })
        {
            return hindrance.as(.available)
        }
        if seen.identity == .unknown {
            return .unknown(.available, Reason.pending, "not known yet: which cluster it is")
        }
        return .yes(.available, Reason.available, "connected, and allowed what Namespaces and ServiceAccounts need")
    }

    /// True if all rights for Namespaces and ServiceAccounts are granted, else False with the missing ones. Nil if
    /// `Authorized` itself decides.
    private static func essentiallyAuthorized(_ seen: DataPlaneFacts) -> ConditionFinding? {
        let granted = ConditionFinding.yes(.authorized, Reason.permissionsGranted, "")
        switch seen.authorization {
        case _ where !seen.isConnected: return nil
        case .missing(let permissions):
            let essential = permissions.filter(\.isEssential)
            if essential.isEmpty { return granted }
            return .no(.authorized, Reason.permissionsMissing, "missing: \(Permissions.text(essential))")
        case .unsaid where seen.listsEssentials: return granted
        case .unknown, .granted, .unsaid, .inferred: return nil
        }
    }

    private static func synced(_ seen: DataPlaneFacts, after: [ConditionFinding]) -> ConditionFinding {
        if let refusal = seen.sourceNotAllowed { return .no(.synced, Reason.sourceNotAllowed, refusal) }
        // Namespaces that were last seen in sync may have changed since.
        if !seen.isConnected { return blocked(.synced, by: after[1]) }
        if case .changed = seen.identity {
            return .unknown(.synced, Reason.identityChanged, "nothing is written to another cluster")
        }
        if seen.duplicate != nil { return .unknown(.synced, Reason.duplicateCluster, "left to the older DataPlane") }
        if let problem = seen.registryProblem {
            return .no(.synced, Reason.syncFailed, "it is not known what is wanted here: " + problem)
        }
        guard case .counted(let counts) = seen.sync else { return .unknown(.synced, Reason.pending, "not known yet") }
        if let trouble = seen.listTrouble { return .no(.synced, Reason.syncFailed, trouble) }
        if let plan = seen.plan { return observing(counts, plan, seen) }
        let score = "\(counts.synced) of \(counts.desired) namespaces are in sync"
        if counts.failed > 0 || !seen.failures.isEmpty {
            let waiting = [FailureReason.conflict, .namespaceNotOurs, .namespaceNotAdopted].map(\.rawValue)
            let isConflict: (FailureEntry) -> Bool = { waiting.contains($0.reason) }
            let shown = FailureEntry.bounded(seen.failures)
            // Other failures may pass, while a conflict waits for a person. The reason is Conflict only if there are no
            // other failures.
            let reason = !shown.isEmpty && seen.failures.allSatisfy(isConflict) ? Reason.conflict : Reason.syncFailed
            let detail = shown.first.map { first in
                let place = [first.namespace, first.object].filter { !$0.isEmpty }.joined(separator: " ")
                return "; \(place): \(first.reason): \(first.message)"
            }
            var finding = ConditionFinding.no(.synced, reason, score + (detail ?? ""))
            finding.waitsForPerson =
                counts.synced + counts.failed >= counts.desired && !seen.failures.isEmpty
                && seen.failures.allSatisfy { FailureReason(rawValue: $0.reason)?.needsPerson ?? false }
            return finding
        }
        if let heldBack = seen.heldBack { return .no(.synced, Reason.pruneHeld, heldBack) }
        if counts.synced < counts.desired {
            return .pending(.synced, score + (seen.endingObject.map { "; " + $0 } ?? ""), seen.awaited)
        }
        return .yes(.synced, Reason.inSync, score)
    }

    private static func observing(
        _ counts: NamespaceCounts, _ plan: PlannedChanges, _ seen: DataPlaneFacts
    ) -> ConditionFinding {
        var words = [
            "nothing is written (mode Observe)", plan.summary,
            "\(counts.synced) of \(counts.desired) namespaces are in sync",
        ]
        if seen.pending > 0 { words.append("\(seen.pending) are not compared yet") }
        if let awaited = seen.awaited { words.append("waits for \(awaited.text)") }
        return .unknown(.synced, Reason.observing, (words + [seen.heldBack].compactMap { $0 }).joined(separator: "; "))
    }

    private static func ready(_ seen: DataPlaneFacts, _ parts: [ConditionFinding]) -> ConditionFinding {
        if let objection = objection(seen) { return objection }
        guard let synced = parts.last, synced.reason == Reason.observing else {
            return .ready(parts, "connected and in sync")
        }
        let ready = ConditionFinding.ready(Array(parts.dropLast()), "")
        return ready.status == .isTrue ? .yes(.ready, Reason.observing, "connected; " + synced.message) : ready
    }

    /// Why this data plane is left alone, whatever else is known of it.
    private static func objection(_ seen: DataPlaneFacts) -> ConditionFinding? {
        if let duplicate = seen.duplicate { return .no(.ready, Reason.duplicateCluster, duplicate) }
        if case .changed(let recorded, let found) = seen.identity {
            let message =
                "the endpoint is another cluster: kube-system's UID was \(recorded) and is \(found.shortForMessage). "
                + "Nothing is written. If that is meant, delete the DataPlane and create it again"
            return .no(.ready, Reason.identityChanged, message)
        }
        return nil
    }

    private static func blocked(_ type: ConditionType, by reachable: ConditionFinding) -> ConditionFinding {
        .unknown(type, reachable.reason, "can't be known: " + reachable.message)
    }
}
