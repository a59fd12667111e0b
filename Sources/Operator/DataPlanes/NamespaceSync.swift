import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Brings one namespace of one data plane to what is desired there: one server-side apply for each object that isn't as
/// it should be, none for what is.
struct NamespaceSync {
    let session: DataPlaneSession

    func reconcile(_ namespace: String) async -> Controller<String>.Outcome {
        let plan = session.currentPlan
        guard let content = plan.content(namespace) else { return .done }  // wanted no more: left as it is
        switch content {
        case .failure(let reason, let object, let message):
            settle(namespace, .failed([entry(namespace, object, reason, message)]))
            return .done  // a change of the plan brings it back
        case .objects(let objects, let refused):
            var failures = refused.map { entry(namespace, $0.object, $0.reason, $0.message) }
            var retry: Retry?
            for object in objects {
                guard let failure = await bring(object, plan) else { continue }
                if case .cancelled = failure { return .failed("cancelled") }
                retry = .sooner(retry, failure)
                if case .object(let reason, let message, _) = failure {
                    failures.append(entry(namespace, object.description, reason, message))
                }
                // Without its namespace nothing else can be there.
                if object.type == Namespace.resourceType { break }
            }
            settle(namespace, failures.isEmpty ? (retry == nil ? .synced : .pending) : .failed(failures))
            return retry?.outcome ?? .done
        }
    }

    private enum Failure {
        case cancelled
        /// No request may be sent now: the queue is paused until the data plane is back.
        case notNow
        case object(FailureReason, String, retryAfter: Duration?)
    }

    private struct Retry {
        var text: String
        var after: Duration?
        var outcome: Controller<String>.Outcome { .failed(text, retryAfter: after) }

        static func sooner(_ one: Retry?, _ failure: Failure) -> Retry {
            guard case .object(let reason, let message, let after) = failure else {
                return one ?? Retry(text: "not now")
            }
            return one ?? Retry(text: "\(reason.rawValue): \(message)", after: after)
        }
    }

    /// Nil when the object is as it should be.
    private func bring(_ object: DesiredObject, _ plan: DataPlanePlan) async -> Failure? {
        let observed = session.observation(of: object.type)
        if let seen = observed[object.key] {
            if let owner = seen.foreignOwner {
                return .object(.namespaceNotOurs, plan.foreign(object, owner: owner), retryAfter: .seconds(60))
            }
            if seen.isTerminating {
                // Its end is reported by the watch, which brings us back here.
                return .object(.namespaceTerminating, "\(object.description) is being deleted", retryAfter: .seconds(30))
            }
            if seen.satisfies == object.hash { return nil }
        }
        guard let link = session.writableLink, session.context.mayWrite() else { return .notNow }
        do throws(KubeError) {
            let answer = try await link.apply(object, force: plan.forcesConflicts)
            session.requestSucceeded()
            session.context.metrics.wrote(session.name, .applied)
            observed.answered(plan.observe(answer, of: object.type), object.key)
            return nil
        } catch {
            if error.isCancelled { return .cancelled }
            session.context.metrics.wrote(session.name, .failed)
            session.requestFailed(error)
            let (reason, message) = error.failure(of: object)
            if reason == .forbidden { session.wasForbidden() }
            return .object(reason, message, retryAfter: error.retryAfter)
        }
    }

    private func entry(_ namespace: String, _ object: String, _ reason: FailureReason, _ message: String) -> FailureEntry {
        FailureEntry.next(
            after: session.progress.failure(of: object, in: namespace), namespace: namespace, object: object,
            reason: reason, message: message, now: session.context.wallClock.now)
    }

    private func settle(_ namespace: String, _ progress: NamespaceProgressBoard.Progress) {
        if session.progress.set(namespace, progress) { session.context.changed(session.name, namespace) }
    }
}

extension KubeError {
    /// The contract's reason for an object that could not be applied.
    func failure(of object: DesiredObject) -> (FailureReason, String) {
        switch cause {
        case .transport(let error):
            return (ReachableReason(error.kind).flatMap { FailureReason(rawValue: $0.rawValue) } ?? .connectFailed, detail)
        case .unexpectedAnswer, .credentials: return (.serverError, detail)
        case .status(let status):
            if isNamespaceTerminating { return (.namespaceTerminating, status.message) }
            switch status.code {
            case 401, 403: return (.forbidden, status.message)
            case 404: return (isNotServed ? .kindNotServed : .invalid, status.message)
            case 409:
                let fields = conflicts.map { "\($0.field) is owned by \($0.manager)" }.joined(separator: ", ")
                return (.conflict, "\(object.description): \(fields.isEmpty ? status.message : fields)")
            case 429: return (.tooManyRequests, status.message)
            case 500...: return (.serverError, status.summary)
            default: return (.invalid, status.summary)
            }
        }
    }
}
