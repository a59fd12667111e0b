import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Brings one namespace of one data plane in sync with the plan. It sends one server-side apply for each object that
/// differs, and none for the others.
struct NamespaceSync {
    let session: DataPlaneSession
    /// The ticket of this run. Its result counts only if the plan of the namespace has not changed since.
    private let ticket: NamespaceProgressBoard.Ticket

    init(session: DataPlaneSession, namespace: String) {
        self.session = session
        // Taken before the plan is read: a plan that comes in between is a reason to run again.
        ticket = session.progress.ticket(for: namespace)
    }

    func reconcile(_ namespace: String) async -> Controller<String>.Outcome {
        let plan = session.currentPlan
        guard let content = plan.content(namespace) else {
            session.setbacks.withLock { $0.remove(namespace) }
            return .done  // wanted no more: left as it is
        }
        switch content {
        case .pending:
            _ = settle(namespace, .pending)
            return .done  // so does what it waits for
        case .failure(let reason, let object, let message):
            _ = settle(namespace, [entry(namespace, object, reason, message)])
            return .done  // a change of the plan brings it back
        case .objects(let objects, let refused) where plan.isObserving:
            let comparison = NamespaceComparison(session: session, plan: plan, namespace: namespace)
            let result = await comparison.result(objects, refused: refused)
            if Task.isCancelled { return .failed("cancelled") }
            if settle(namespace, result.progress) == .outdated { return .requeue(after: .zero) }
            return result.retry.map { .failed($0.description, retryAfter: $0.retryAfter) } ?? .done
        case .objects(let objects, let refused):
            let forGood = refused.map { entry(namespace, $0.object, $0.reason, $0.message) }
            var failures: [FailureEntry] = []
            var (retry, isPending) = (Retry?.none, false)
            for object in objects {
                guard let failure = await bring(object, namespace, plan) else { continue }
                switch failure {
                case .cancelled:
                    // The controller's deadline has passed, or the session ends and nobody looks. The failures so far
                    // are reported all the same. Objects that were not reached keep their earlier failures.
                    if !failures.isEmpty || !forGood.isEmpty {
                        let rest = objects.drop(while: { $0.description != object.description })
                        failures += rest.compactMap { session.progress.failure(of: $0.description, in: namespace) }
                        _ = settle(namespace, forGood, failures, after: retry?.after)
                    }
                    return .failed("cancelled")
                case .notListed: isPending = true
                case .notNow: (isPending, retry) = (true, retry ?? Retry(failure))
                case .object(let reason, let message, _, _):
                    retry = retry ?? Retry(failure)
                    failures.append(entry(namespace, object.description, reason, message))
                case .undone(let complaint, _, let isNew):
                    retry = retry ?? Retry(failure)
                    // No attempt was made, so none is counted.
                    let known = isNew ? nil : session.progress.failure(of: object.description, in: namespace)
                    failures.append(known ?? entry(namespace, object.description, complaint.reason, complaint.message))
                    // The object exists, so the others don't depend on its undone field.
                    if isNew || session.watches[object.type]?[object.key] != nil { continue }
                }
                // Without its namespace no other object can exist.
                if object.type == Namespace.resourceType { break }
            }
            // Surplus objects can be known and counted only when all watched kinds are listed. The first list of a kind
            // queues this namespace again.
            if failures.isEmpty, forGood.isEmpty, !isPending, plan.pruning == nil || !session.isListing(plan.types) {
                do throws(KubeError) {
                    try await Pruner(session: session, plan: plan).prune(namespace, wanted: objects)
                } catch {
                    if error.isCancelled { return .failed("cancelled") }
                    let failure = failed(error, error.failure(of: nil))
                    retry = Retry(failure)
                    if case .object(let reason, let message, _, _) = failure {
                        failures.append(entry(namespace, "prune", reason, message))
                    }
                }
            }
            let news: NamespaceProgressBoard.News
            if failures.isEmpty, forGood.isEmpty {
                news = settle(namespace, isPending ? .pending : .synced)
            } else {
                news = settle(namespace, forGood, failures, after: retry?.after)
            }
            noteSetback(namespace, retry, isPending: isPending)
            // The plan has changed meanwhile, so the namespace is queued again at once.
            if news == .outdated { return .requeue(after: .zero) }
            return retry?.outcome ?? .done
        }
    }

    private enum Failure {
        case cancelled
        /// No request may be sent now. The queue is paused until the data plane is back.
        case notNow
        /// The kind has not been listed yet. Its first list queues all pending namespaces again.
        case notListed
        case object(FailureReason, String, retryAfter: Duration?, setback: Setback? = nil)
        /// The server accepted our write, but another writer undid it. `isNew`: this run wrote it.
        case undone(RewriteGuard.Complaint, retryAfter: Duration?, isNew: Bool)
    }

    /// A cause that a failed request may share with others.
    private enum Setback { case server, refusedToken }

    private struct Retry {
        var text: String
        var after: Duration?
        var setback: Setback?
        var outcome: Controller<String>.Outcome { .failed(text, retryAfter: after) }

        init(_ failure: Failure) {
            switch failure {
            case .object(let reason, let message, let after, let setback):
                (text, self.after, self.setback) = ("\(reason.rawValue): \(message)", after, setback)
            case .undone(let complaint, let after, _):
                (text, self.after) = ("\(complaint.reason.rawValue): \(complaint.message)", after)
            case .cancelled, .notNow, .notListed: text = "not now"
            }
        }
    }

    /// Nil if the object is as it should be.
    private func bring(_ object: DesiredObject, _ namespace: String, _ plan: DataPlanePlan) async -> Failure? {
        let observed: ObservedObjects
        switch session.readiness(of: object.type) {
        case .starting: return .notListed
        case .refused(let reason, let message): return .object(reason, message, retryAfter: .seconds(60))
        case .ready(let objects): observed = objects
        }
        if let seen = observed[object.key] {
            if let (reason, why) = plan.refusal(of: object, seen.standing) {
                // The watch reports when somebody hands it over to us.
                return .object(reason, why, retryAfter: .seconds(60))
            }
            if seen.isTerminating {
                // The watch reports its end and queues this namespace again.
                return .object(
                    .namespaceTerminating, "\(object.description) is being deleted", retryAfter: .seconds(30))
            }
            if seen.satisfies == object.hash { return nil }
        }
        guard let link = session.writableLink, session.context.mayWrite() else { return .notNow }
        let timeline = session.context.timeline
        if let wait = session.rewrites.withLock({ $0.wait(object.hash, now: timeline.now) }) {
            return .undone(await complaint(object, link), retryAfter: wait, isNew: false)
        }
        let listing = observed.listing
        let seen = observed[object.key]
        do throws(KubeError) {
            let isFresh: @Sendable () -> Bool = { [queue = session.queue] in queue.priority(of: namespace) == .fresh }
            let answer = try await apply(
                object, namespace, plan, link,
                turn: RequestTurn(isFresh() ? .fresh : .background, subject: namespace, isFreshByNow: isFresh))
            session.context.metrics.wrote(session.name, .applied)
            tell(seen, object, namespace, plan)
            session.latencies.withLock { $0.wrote(namespace, now: timeline.now) }
            session.requestSucceeded(["create", "patch"], object.type)
            session.rewrites.withLock { $0.wrote(object.hash, now: timeline.now) }
            let result = plan.observe(answer, of: object.type)
            if !observed.answered(result, object.key, since: listing) {
                session.queue.add(namespace, after: Self.timeToTell)
            }
            return rewritten(object, answer, result)
        } catch {
            if error.isCancelled { return .cancelled }
            if error.isConnectionLost, session.setbacks.withLock({ $0.isFirstLoss(namespace) }) {
                session.requestFailed(error)
                return .cancelled
            }
            for verb in ["create", "patch"] where error.isForbidden { session.noted(verb, object.type, error) }
            let failure = error.failure(of: object)
            if session.progress.failure(of: object.description, in: namespace)?.reason != failure.reason.rawValue {
                session.writeLog.refused(
                    object.description, in: namespace, dataPlane: session.name, failure.reason.rawValue,
                    revision: plan.stage)
            }
            return failed(error, failure)
        }
    }

    /// - Parameter seen: the object before the write.
    private func tell(
        _ seen: ObservedObject?, _ object: DesiredObject, _ namespace: String, _ plan: DataPlanePlan
    ) {
        var reason = WriteLine.Reason.differs
        if case .unowned? = seen?.standing { reason = .adopted }
        if seen == nil { reason = .missing }
        session.writeLog(
            WriteLine(reason, object.description, in: namespace, dataPlane: session.name, revision: plan.stage))
    }

    /// Applies the object in the form that fits the existing one. Our knowledge of that may be old or missing, so the
    /// conflicts in the API server's answer decide.
    private func apply(
        _ object: DesiredObject, _ namespace: String, _ plan: DataPlanePlan, _ link: Link, turn: RequestTurn
    ) async throws(KubeError) -> ObjectMeta {
        let seen = session.watches[object.type]?[object.key]
        let takesOver = session.isFromFlyte(namespace)
        if let seen, seen.isShared, takesOver {
            if try await takeOver(object, link) {
                session.context.metrics.wrote(session.name, .applied)
                session.writeLog(
                    WriteLine(
                        .takenOver, object.description, in: namespace, dataPlane: session.name, revision: plan.stage))
            }
        }
        let form = seen?.form ?? .plain
        do throws(KubeError) {
            // It is not known whether an object that we have not seen keeps its own label, so we don't force then.
            return try await link.apply(object, form, force: plan.forcesConflicts && seen != nil, turn: turn)
        } catch {
            let conflicts = error.conflicts.map { ConflictAnswer.Owned(field: $0.field, manager: $0.manager) }
            guard !conflicts.isEmpty,
                case .apply(let other, let force) = ConflictAnswer(
                    conflicts, in: form, forces: plan.forcesConflicts, takesOver: takesOver)
            else { throw error }
            return try await link.apply(object, other, force: force, turn: turn)
        }
    }

    /// The object may change in between, so it tries twice.
    private func takeOver(_ object: DesiredObject, _ link: Link) async throws(KubeError) -> Bool {
        do throws(KubeError) {
            return try await link.takeOver(object)
        } catch {
            guard error.isConflict else { throw error }
            return try await link.takeOver(object)
        }
    }

    /// The failure if the answer to our own write lacks what we wrote. Nil if it does not.
    private func rewritten(_ object: DesiredObject, _ answer: ObjectMeta, _ result: ObservedObject) -> Failure? {
        guard result.satisfies != object.hash, !result.isTerminating, let field = object.difference(from: answer) else {
            return nil
        }
        let complaint = RewriteGuard.Complaint(
            reason: .rewritten,
            message: "the data plane took \(object.description), and its answer has not what was applied at \(field): "
                + "a mutating policy or webhook there changes it")
        let now = session.context.timeline.now
        let wait = session.rewrites.withLock { rewrites in
            rewrites.complain(object.hash, complaint)
            return rewrites.wait(object.hash, now: now)
        }
        return .undone(complaint, retryAfter: wait, isNew: true)
    }

    /// Why an object is not written for now: another writer undid our write. We look for that writer once for each of
    /// our writes.
    private func complaint(_ object: DesiredObject, _ link: Link) async -> RewriteGuard.Complaint {
        if let known = session.rewrites.withLock({ $0.complaint(object.hash) }) { return known }
        var message = "\(object.description) is undone as often as it is written"
        do throws(KubeError) {
            let found = try await link.metadata(of: object)
            let field = object.difference(from: found)
            if let field {
                let other = object.manager(of: field, in: found).map { "\"\($0)\"" } ?? "somebody else"
                message = "\(object.description): \(field) is changed by \(other) as often as it is written"
            }
        } catch {
            if error.isNotFound { message = "\(object.description) is deleted as often as it is made" }
        }
        let complaint = RewriteGuard.Complaint(reason: .conflict, message: message)
        session.rewrites.withLock { $0.complain(object.hash, complaint) }
        return complaint
    }

    private func failed(_ error: KubeError, _ failure: (reason: FailureReason, message: String)) -> Failure {
        session.context.metrics.wrote(session.name, .failed)
        session.requestFailed(error)
        if error.isForbidden, failure.reason == .forbidden { session.wasForbidden() }
        let patience = error.isRetryable ? nil : Self.patience(failure.reason)
        var setback: Setback?
        if error.isUnauthorized {
            setback = .refusedToken
        } else if error.isRetryable, error.retryAfter == nil, ProbeAnswer(error) != nil {
            setback = .server
        }
        return .object(
            failure.reason, failure.message, retryAfter: error.retryAfter ?? patience, setback: setback)
    }

    private func noteSetback(_ namespace: String, _ retry: Retry?, isPending: Bool) {
        let follow = session.setbacks.withLock { setbacks -> [String] in
            switch retry?.setback {
            case .server?: setbacks.failed(namespace, isRefusal: false)
            case .refusedToken?: setbacks.failed(namespace, isRefusal: true)
            case nil where retry == nil && !isPending: return setbacks.succeeded(namespace)
            case nil: setbacks.remove(namespace)
            }
            return []
        }
        if !follow.isEmpty { session.queue.add(follow, priority: .background) }
    }

    /// The time that a new watch may take to report what happened since its list.
    private static let timeToTell = Duration.seconds(1)

    /// What only a person can resolve is not tried all the time, for example a conflict of fields (but not a conflict
    /// of two simultaneous writers). For our own objects the watch reports a change.
    private static func patience(_ reason: FailureReason) -> Duration? {
        switch reason {
        case .conflict, .invalid, .forbidden, .kindNotServed: .seconds(30)
        default: nil
        }
    }

    private func entry(_ namespace: String, _ object: String, _ reason: FailureReason, _ message: String)
        -> FailureEntry
    {
        FailureEntry.next(
            after: session.progress.failure(of: object, in: namespace), namespace: namespace, object: object,
            reason: reason, message: message, now: session.context.wallClock.now)
    }

    /// - Parameter delay: what the server asked for. The queue's backoff counts if it is longer.
    private func settle(
        _ namespace: String, _ forGood: [FailureEntry], _ failures: [FailureEntry] = [], after delay: Duration? = nil
    ) -> NamespaceProgressBoard.News {
        let longest = max(delay ?? .zero, session.queue.longestBackoff(of: namespace))
        // Discovery asks again for a kind that the data plane does not serve, along with the probes.
        let discovery = ProbeAgenda.discoveryInterval + session.context.settings.breaker.probeInterval
        let discovered: Set<String> = [FailureReason.kindNotServed.rawValue, FailureReason.serverError.rawValue]
        return settle(
            namespace,
            .failed(
                forGood.map {
                    let isUnserved = discovered.contains($0.reason)
                    return ObjectFailure($0, nextTry: isUnserved ? .within(discovery) : .whenPlanChanges)
                } + failures.map { ObjectFailure($0, nextTry: .within(longest)) }))
    }

    private func settle(
        _ namespace: String, _ progress: NamespaceProgressBoard.Progress
    ) -> NamespaceProgressBoard.News {
        let news = session.progress.set(namespace, progress, ticket)
        if progress == .synced, news != .outdated,
            let latency = session.latencies.withLock({ $0.settled(namespace) })
        {
            session.context.metrics.synced(after: latency)
        }
        session.tell(news, of: namespace)
        return news
    }
}

extension KubeError {
    /// The contract's reason for an object that could not be applied, and the message.
    func failure(of object: DesiredObject?) -> (reason: FailureReason, message: String) {
        switch cause {
        case .transport(let error):
            return (ReachableReason(error.kind).map { FailureReason($0) } ?? .connectFailed, detail)
        case .unexpectedAnswer, .credentials: return (.serverError, detail)
        case .status(let status):
            if isNamespaceTerminating { return (.namespaceTerminating, status.message) }
            if let object, object.copied != nil, mayRepeatContent { return hidden(status, of: object) }
            if isInvalid { return (.invalid, status.message) }
            switch status.code {
            case 401, 403: return (.forbidden, status.message)
            case 404: return (isNotServed ? .kindNotServed : .invalid, status.message)
            case 409:
                let owned = conflicts.map { ConflictAnswer.Owned(field: $0.field, manager: $0.manager) }
                let fields = ConflictAnswer.reported(owned).map(\.text).joined(separator: ", ")
                return (.conflict, "\(object?.description ?? operation): \(fields.isEmpty ? status.message : fields)")
            case 429: return (.tooManyRequests, status.message)
            case 500...: return (.serverError, status.summary)
            default: return (.invalid, status.summary)
            }
        }
    }

    /// Whether the message may repeat what was sent, as those of webhooks and of the API server's validation do.
    /// Messages of RBAC and of server-side apply hold no values.
    private var mayRepeatContent: Bool {
        guard conflicts.isEmpty, !isNamespaceTerminating, let status else { return false }
        switch status.code {
        case 403: return !status.message.contains(" cannot ")
        case 400, 422, 500...: return true
        default: return false
        }
    }

    private func hidden(_ status: APIStatus, of object: DesiredObject) -> (FailureReason, String) {
        let reason: FailureReason = status.code == 403 ? .forbidden : status.code >= 500 ? .serverError : .invalid
        let words = "the data plane's words are left out, since they may repeat what the Secret holds"
        return (reason, "\(object.description): code \(status.code): \(words)")
    }
}
