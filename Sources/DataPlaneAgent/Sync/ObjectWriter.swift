import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Brings one object of a namespace to what the plan wants: one server-side apply if it differs, none if it does not.
struct ObjectWriter {
    let agent: Agent
    private let sharedPlan: Shared<DataPlanePlan>
    private var plan: DataPlanePlan { sharedPlan.value }
    let namespace: String

    init(agent: Agent, plan: Shared<DataPlanePlan>, namespace: String) {
        self.agent = agent
        sharedPlan = plan
        self.namespace = namespace
    }

    enum Failure {
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
    enum Setback { case server, refusedToken }

    /// What is known of an object without a request.
    enum Look {
        case isInPlace
        case failure(Failure)
        /// It must be written.
        case differs(KindInventory)
    }

    func look(at object: DesiredObject) -> Look {
        let inventory: KindInventory
        switch agent.readiness(of: object.type) {
        case .starting: return .failure(.notListed)
        case .refused(let reason, let message): return .failure(.object(reason, message, retryAfter: .seconds(60)))
        case .ready(let objects): inventory = objects
        }
        guard let seen = inventory[object.key] else { return .differs(inventory) }
        if let (reason, why) = sharedPlan.value.refusal(of: object, seen.standing) {
            // The watch reports when somebody hands it over to us.
            return .failure(.object(reason, why, retryAfter: .seconds(60)))
        }
        if seen.isTerminating {
            // The watch reports its end and queues this namespace again.
            return .failure(
                .object(
                    .namespaceTerminating, "\(object.description) is being deleted", retryAfter: .seconds(30)))
        }
        return seen.satisfies == object.hash ? .isInPlace : .differs(inventory)
    }

    /// Nil if the object is as it should be.
    func bring(_ object: DesiredObject) async -> Failure? {
        let inventory: KindInventory
        switch look(at: object) {
        case .isInPlace: return nil
        case .failure(let failure): return failure
        case .differs(let objects): inventory = objects
        }
        guard let link = agent.writableLink, agent.context.mayWrite() else { return .notNow }
        let timeline = agent.context.timeline
        if let wait = agent.memory.withLock({ $0.rewrites.wait(object.hash, now: timeline.now) }) {
            return .undone(await complaint(object, link), retryAfter: wait, isNew: false)
        }
        let listing = inventory.listing
        let seen = inventory[object.key]
        do throws(KubeError) {
            let isFresh: @Sendable () -> Bool = { [queue = agent.queue] in queue.priority(of: namespace) == .fresh }
            let answer = try await apply(
                object, link,
                turn: RequestTurn(isFresh() ? .fresh : .background, subject: namespace, isFreshByNow: isFresh))
            agent.context.metrics.wrote(agent.name, .applied)
            tell(seen, answer, object)
            agent.memory.withLock { memory in
                let now = timeline.now
                memory.latencies.wrote(namespace, now: now)
                memory.rewrites.wrote(object.hash, now: now)
            }
            agent.requestSucceeded(["create", "patch"], object.type)
            let result = plan.observe(answer, of: object.type)
            if !inventory.answered(result, object.key, since: listing) {
                agent.queue.add(namespace, after: Self.timeToTell)
            }
            return rewritten(object, answer, result)
        } catch {
            if error.isCancelled { return .cancelled }
            if error.isConnectionLost, agent.memory.withLock({ $0.setbacks.isFirstLoss(namespace) }) {
                agent.requestFailed(error)
                return .cancelled
            }
            for verb in ["create", "patch"] where error.isForbidden { agent.noted(verb, object.type, error) }
            let failure = error.failure(of: object)
            if agent.progress.failure(of: object.description, in: namespace)?.reason != failure.reason.rawValue {
                agent.writeLog.refused(
                    object.description, in: namespace, dataPlane: agent.name, failure.reason.rawValue,
                    revision: plan.stage)
            }
            return failed(error, failure)
        }
    }

    /// - Parameter seen: the object before the write. An object without our labels may have existed unseen.
    private func tell(_ seen: InventoryEntry?, _ answer: ObjectMeta, _ object: DesiredObject) {
        var reason = WriteLine.Reason.differs
        if case .unowned? = seen?.standing { reason = .adopted }
        if seen == nil { reason = answer.hasOtherManagers ? .adopted : .missing }
        agent.writeLog(
            WriteLine(reason, object.description, in: namespace, dataPlane: agent.name, revision: plan.stage))
    }

    /// Applies the object in the form that fits the existing one. Our knowledge of that may be old or missing, so the
    /// conflicts in the API server's answer decide.
    private func apply(
        _ object: DesiredObject, _ link: Link, turn: RequestTurn
    ) async throws(KubeError) -> ObjectMeta {
        let seen = agent.watches[object.type]?[object.key]
        let takesOver = agent.isFromFlyte(namespace)
        if let seen, seen.isShared, takesOver {
            if try await takeOver(object, link) {
                agent.context.metrics.wrote(agent.name, .applied)
                agent.writeLog(
                    WriteLine(
                        .takenOver, object.description, in: namespace, dataPlane: agent.name, revision: plan.stage))
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
                    conflicts, in: form, forces: plan.forcesConflicts, takesOver: takesOver,
                    isOurs: seen?.standing?.isOurs ?? false)
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
    private func rewritten(_ object: DesiredObject, _ answer: ObjectMeta, _ result: InventoryEntry) -> Failure? {
        guard result.satisfies != object.hash, !result.isTerminating, let field = object.difference(from: answer) else {
            return nil
        }
        let complaint = RewriteGuard.Complaint(
            reason: .rewritten,
            message:
                "the data plane took \(object.description), but its answer differs from what was applied at \(field): "
                + "a mutating policy or webhook there changes it")
        let now = agent.context.timeline.now
        let wait = agent.memory.withLock { memory in
            memory.rewrites.complain(object.hash, complaint)
            return memory.rewrites.wait(object.hash, now: now)
        }
        return .undone(complaint, retryAfter: wait, isNew: true)
    }

    /// Why an object is not written for now: another writer undid our write. We look for that writer once for each of
    /// our writes.
    private func complaint(_ object: DesiredObject, _ link: Link) async -> RewriteGuard.Complaint {
        if let known = agent.memory.withLock({ $0.rewrites.complaint(object.hash) }) { return known }
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
        agent.memory.withLock { $0.rewrites.complain(object.hash, complaint) }
        return complaint
    }

    func failed(_ error: KubeError, _ failure: (reason: FailureReason, message: String)) -> Failure {
        agent.context.metrics.wrote(agent.name, .failed)
        agent.requestFailed(error)
        if error.isForbidden, failure.reason == .forbidden { agent.wasForbidden() }
        let patience = error.isRetryable ? nil : Self.patience(failure.reason)
        var setback: Setback?
        if error.isUnauthorized {
            setback = .refusedToken
        } else if error.isRetryable, error.retryAfter == nil, ProbeAnswer(error) != nil {
            setback = .server
        }
        return .object(
            failure.reason, plan.secrets.clean(failure.message), retryAfter: error.wait ?? patience, setback: setback)
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
}
