import Fleet
import JSON
import Kube
import KubeObjects

/// Asks a data plane about those objects of one namespace that differ from what is wanted.
struct NamespaceInquiry: Sendable {
    /// How often a busy server is asked.
    private static let attempts = 5

    let fleet: WantedFleet
    let client: KubeClient
    let namespace: String
    /// The objects as they would be with other texts in place of the Secrets' values. Nil if no Secret has a part.
    let shadows: [String: JSON]?

    func ask(
        _ objects: [DesiredObject], _ there: ObjectsThere, _ findings: inout DataPlaneFindings
    ) async throws(KubeError) {
        var isMissing = false
        let standing = there.standings[namespace]
        for object in objects {
            let isNamespace = object.type == Namespace.resourceType
            if isMissing {
                findings.changes.append(found(.create, object, nil, object.json))
                continue
            }
            if let (reason, message) = there.refused[object.type] {
                fail(object, reason, message, &findings)
                continue
            }
            var live: DynamicObject?
            switch there.seen[.init(type: object.type, key: object.key)] {
            case .asWanted?: continue
            case .other(let object)?: live = object
            // An object without our label was not listed.
            case nil: if !isNamespace { live = try await read(object) }
            }
            if let live {
                if isNamespace, let refusal = refusal(standing) {
                    let left = "left alone: \(refusal.reason.rawValue)"
                    var change = found(.conflict, object, live.json, live.json, unchanged: left)
                    change.conflicts = [.init(field: FoundChange.mark, manager: refusal.owner)]
                    findings.changes.append(change)
                    fail(object, refusal.reason, "\(object.description): \(refusal.message)", &findings)
                    return
                }
                if live.metadata.deletionTimestamp != nil {
                    fail(object, .namespaceTerminating, "\(object.description) is being deleted", &findings)
                    if isNamespace { return }
                    continue
                }
                if object.matches(live.metadata) { continue }
            }
            let isThere = try await ask(object, live, standing, &findings)
            if isNamespace, live == nil {
                // Without the Namespace nothing else can exist.
                guard isThere else { return }
                isMissing = true
            }
        }
    }

    /// False if the object can't be written.
    private func ask(
        _ object: DesiredObject, _ live: DynamicObject?, _ standing: NamespaceStanding?,
        _ findings: inout DataPlaneFindings
    ) async throws(KubeError) -> Bool {
        do throws(KubeError) {
            let answer = try await answer(object, live, standing)
            switch answer {
            case .stored(let json):
                findings.changes.append(found(live == nil ? .create : .change, object, live?.json, json))
                if let metadata = try? ObjectMeta(json: json["metadata"] ?? .null), !object.matches(metadata),
                    let field = object.difference(from: metadata)
                {
                    let why =
                        "the answer differs from what was applied at \(field): a mutating policy or webhook changes it"
                    fail(object, .rewritten, "\(object.description): \(why)", &findings)
                }
                return true
            case .conflict(let owned, let wanted):
                var change = found(.conflict, object, live?.json, wanted ?? live?.json ?? object.json)
                change.conflicts = owned.map {
                    .init(field: $0.field, manager: fleet.redaction.clean($0.manager).shown(bytes: 128))
                }
                findings.changes.append(change)
                return true
            }
        } catch {
            // The server's answer is about this object. An error without an answer means that the data plane is
            // unreachable.
            guard let (reason, message) = error.refusal else { throw error }
            fail(object, reason, "\(object.description): \(message)", &findings)
            return false
        }
    }

    private enum DryRun {
        case stored(JSON)
        /// - Parameter wanted: what the object would be with force. Nil if the server refuses that too.
        case conflict([ConflictAnswer.Owned], wanted: JSON?)
    }

    private func answer(
        _ object: DesiredObject, _ live: DynamicObject?, _ standing: NamespaceStanding?
    ) async throws(KubeError) -> DryRun {
        let fromFlyte = standing?.isFromFlyte ?? false
        let form = AppliedForm(
            keepsManagedBy: live?.metadata.hasForeignManagedBy ?? false,
            adoptedFromFlyte: fromFlyte && object.type == Namespace.resourceType)
        let forces = fleet.basis.settings.conflictPolicy == .force
        // The operator takes over first what Flyte's managers own of an object that we have applied.
        let handedOver = fromFlyte ? live.flatMap { Handover.isNeeded($0.metadata) ? $0 : nil } : nil
        func stored(_ json: JSON) -> DryRun {
            .stored(
                handedOver.map { Handover.preview(json, before: $0.json[path: ["metadata", "managedFields"]]) } ?? json)
        }
        do throws(KubeError) {
            return stored(try await dryRun(object, form, force: forces && live != nil))
        } catch {
            let conflicts = error.conflicts.map { ConflictAnswer.Owned(field: $0.field, manager: $0.manager) }
            if conflicts.isEmpty { throw error }
            let answer = ConflictAnswer(
                conflicts, in: form, forces: forces, takesOver: fromFlyte, isOurs: standing?.isOurs ?? false)
            switch answer {
            case .apply(let other, let force): return stored(try await dryRun(object, other, force: force))
            case .report(let owned):
                let wanted: JSON?
                do throws(KubeError) {
                    wanted = try await dryRun(object, form, force: true)
                } catch {
                    if error.refusal == nil { throw error }
                    wanted = nil
                }
                return .conflict(owned, wanted: wanted)
            }
        }
    }

    private func dryRun(_ object: DesiredObject, _ form: AppliedForm, force: Bool) async throws(KubeError) -> JSON {
        try await patiently { () async throws(KubeError) in
            try await client.apply(
                body: object.body(in: form), type: object.type, namespace: object.namespace, name: object.name,
                fieldManager: Ownership.fieldManager, force: force, isDryRun: true)
        }
    }

    /// Nil if the object does not exist.
    private func read(_ object: DesiredObject) async throws(KubeError) -> DynamicObject? {
        do throws(KubeError) {
            let json = try await patiently { () async throws(KubeError) in
                try await client.get(object.type, namespace: object.namespace, name: object.name)
            }
            return try? DynamicObject(json: json)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    private func patiently(
        _ request: () async throws(KubeError) -> JSON
    ) async throws(KubeError) -> JSON {
        var attempt = 1
        while true {
            do throws(KubeError) {
                return try await request()
            } catch {
                guard error.status != nil, error.isRetryable, attempt < Self.attempts else { throw error }
                let wait = min(error.retryAfter ?? .milliseconds(200 << attempt), .seconds(10))
                try? await Task.sleep(for: wait)
                attempt += 1
            }
        }
    }

    private func refusal(
        _ standing: NamespaceStanding?
    ) -> (reason: FailureReason, owner: String, message: String)? {
        switch standing {
        case .foreign(let owner)?:
            return (.namespaceNotOurs, owner, "belongs to the registry \(owner), this is \(fleet.identity.id)")
        case .unowned(_, _, let maker)?:
            return standing?.refusal(under: fleet.basis.settings.adoptionPolicy).map {
                (.namespaceNotAdopted, maker ?? "", $0)
            }
        case .ours?, nil: return nil
        }
    }

    private func found(
        _ action: PlannedChange.Action, _ object: DesiredObject, _ old: JSON?, _ new: JSON,
        unchanged: String = "no field changes, only the owners of fields"
    ) -> FoundChange {
        var secrets = SecretFields.none
        if ObjectsThere.holdsSecrets(object.type) {
            secrets = .ofSecret
        } else if let shadows {
            secrets = .between(object.json, shadows[object.description])
        }
        // The items of a list do not name their kind.
        let base = old.map { old in
            var base = old
            for field in ["apiVersion", "kind"] where old[field] == nil { base[field] = new[field] }
            return base
        }
        let diff = ObjectDiff(
            "\(namespace)/\(object.description)", old: base, new: new, secrets: secrets, redaction: fleet.redaction,
            unchanged: unchanged)
        return FoundChange(action: action, namespace: namespace, object: object.description, diff: diff)
    }

    private func fail(
        _ object: DesiredObject, _ reason: FailureReason, _ message: String, _ findings: inout DataPlaneFindings
    ) {
        findings.failures.append(
            .init(
                namespace: namespace, object: object.description, reason: reason,
                message: fleet.redaction.clean(message)))
    }
}

extension KubeError {
    /// The server's refusal of the object that was sent. Nil if the server said nothing about it.
    fileprivate var refusal: (reason: FailureReason, message: String)? {
        guard let status else { return nil }
        if isNamespaceTerminating { return (.namespaceTerminating, status.message) }
        if isInvalid { return (.invalid, status.message) }
        return switch status.code {
        case 403: (.forbidden, status.message)
        case 404: (isNotServed ? .kindNotServed : .invalid, status.message)
        case 400, 409, 413, 415: (.invalid, status.summary)
        case 500: (.serverError, status.summary)
        default: nil
        }
    }
}
