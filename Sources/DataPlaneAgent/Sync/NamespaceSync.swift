import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Brings one namespace of one data plane in sync with the plan, object by object, and notes what that came to.
struct NamespaceSync {
    private let agent: Agent
    private let namespace: String
    /// The ticket of this run. Its result counts only if the plan of the namespace has not changed since.
    private let ticket: SyncProgress.Ticket

    init(agent: Agent, namespace: String) {
        self.agent = agent
        self.namespace = namespace
        // Taken before the plan is read: a plan that comes in between is a reason to run again.
        ticket = agent.progress.ticket(for: namespace)
    }

    func reconcile() async -> Controller<String>.Outcome {
        let shared = agent.sharedPlan
        let plan = shared.value
        guard let content = plan.content(namespace) else {
            agent.memory.withLock { $0.setbacks.remove(namespace) }
            return .done  // wanted no more: left as it is
        }
        switch content {
        case .pending:
            _ = settle(.pending)
            return .done  // so does what it waits for
        case .failure(let reason, let object, let message):
            _ = settle(failed([entry(object, reason, message, plan)]))
            return .done  // a change of the plan brings it back
        case .objects(let objects, let refused) where plan.isObserving:
            return await compare(objects, refused, plan)
        case .objects(let objects, let refused):
            return await write(objects, refused, shared)
        }
    }

    /// The result if it takes no request: all objects are in place, or are not listed yet. Nil if `reconcile` must look.
    /// After a restart that is so for nearly all namespaces.
    func glance() -> Controller<String>.Outcome? {
        let plan = agent.sharedPlan
        guard !plan.value.isObserving, case .objects(let objects, let refused)? = plan.value.content(namespace),
            refused.isEmpty
        else { return nil }
        let writer = ObjectWriter(agent: agent, plan: plan, namespace: namespace)
        var isPending = false
        for object in objects {
            switch writer.look(at: object) {
            case .isInPlace: continue
            case .failure(.notListed): isPending = true
            case .failure, .differs: return nil
            }
            // The Namespace decides about everything in it.
            if isPending, object.type == Namespace.resourceType { break }
        }
        // Only `reconcile` looks for surplus.
        if !isPending, plan.value.pruning != nil { return nil }
        return finish(isPending ? .pending : .synced, isPending: isPending)
    }

    private func compare(
        _ objects: [DesiredObject], _ refused: [RenderedNamespace.Refusal], _ plan: DataPlanePlan
    ) async -> Controller<String>.Outcome {
        let comparison = NamespaceComparison(agent: agent, plan: plan, namespace: namespace)
        let result = await comparison.result(objects, refused: refused)
        if Task.isCancelled { return .failed("cancelled") }
        if settle(result.progress) == .outdated { return .requeue(after: .zero) }
        return result.retry.map { .failed($0.description, retryAfter: $0.wait) } ?? .done
    }

    /// What a run has come to so far.
    private struct Findings {
        /// Failures that only another plan can end.
        var forGood: [FailureEntry]
        var failures: [FailureEntry] = []
        /// The first failure that another try may end.
        var retry: Retry?
        /// Something could not be looked at yet.
        var isPending = false
        var hasFailed: Bool { !failures.isEmpty || !forGood.isEmpty }
    }

    private func write(
        _ objects: [DesiredObject], _ refused: [RenderedNamespace.Refusal], _ shared: Shared<DataPlanePlan>
    ) async -> Controller<String>.Outcome {
        let plan = shared.value
        let writer = ObjectWriter(agent: agent, plan: shared, namespace: namespace)
        var found = Findings(forGood: refused.map { entry($0.object, $0.reason, $0.message, plan) })
        for object in objects {
            guard let failure = await writer.bring(object) else { continue }
            switch failure {
            case .cancelled:
                // The controller's deadline has passed, or the agent ends and nobody looks. The failures so far
                // are reported all the same. Objects that were not reached keep their earlier failures.
                if found.hasFailed {
                    let rest = objects.drop(while: { $0.description != object.description })
                    found.failures += rest.compactMap { agent.progress.failure(of: $0.description, in: namespace) }
                    _ = settle(failed(found.forGood, found.failures, after: found.retry?.after))
                }
                return .failed("cancelled")
            case .notListed: found.isPending = true
            case .notNow: (found.isPending, found.retry) = (true, found.retry ?? Retry(failure))
            case .object(let reason, let message, _, _):
                found.retry = found.retry ?? Retry(failure)
                found.failures.append(entry(object.description, reason, message, plan))
            case .undone(let complaint, _, let isNew):
                found.retry = found.retry ?? Retry(failure)
                // No attempt was made, so none is counted.
                let known = isNew ? nil : agent.progress.failure(of: object.description, in: namespace)
                found.failures.append(known ?? entry(object.description, complaint.reason, complaint.message, plan))
                // The object exists, so the others don't depend on its undone field.
                if isNew || agent.watches[object.type]?[object.key] != nil { continue }
            }
            // Without its namespace no other object can exist.
            if object.type == Namespace.resourceType { break }
        }
        // Surplus objects can be known and counted only when all watched kinds are listed. The first list of a kind
        // queues this namespace again.
        if !found.hasFailed, !found.isPending, plan.pruning == nil || !agent.isListing(plan.types) {
            do throws(KubeError) {
                found.isPending = try await Pruner(agent: agent, plan: plan).prune(namespace, wanted: objects) {
                    agent.progress.isCurrent(ticket, for: namespace)
                }
            } catch {
                if error.isCancelled { return .failed("cancelled") }
                let failure = writer.failed(error, error.failure(of: nil))
                found.retry = Retry(failure)
                if case .object(let reason, let message, _, _) = failure {
                    found.failures.append(entry("prune", reason, message, plan))
                }
            }
        }
        let progress =
            found.hasFailed
            ? failed(found.forGood, found.failures, after: found.retry?.after)
            : found.isPending ? .pending : .synced
        return finish(progress, found.retry, isPending: found.isPending)
    }

    private func finish(
        _ progress: SyncProgress.Progress, _ retry: Retry? = nil, isPending: Bool
    ) -> Controller<String>.Outcome {
        let news = settle(progress)
        noteSetback(retry, isPending: isPending)
        // The plan has changed meanwhile, so the namespace is queued again at once.
        if news == .outdated { return .requeue(after: .zero) }
        return retry?.outcome ?? .done
    }

    private struct Retry {
        var text: String
        var after: Duration?
        var setback: ObjectWriter.Setback?
        var outcome: Controller<String>.Outcome { .failed(text, retryAfter: after) }

        init(_ failure: ObjectWriter.Failure) {
            switch failure {
            case .object(let reason, let message, let after, let setback):
                (text, self.after, self.setback) = ("\(reason.rawValue): \(message)", after, setback)
            case .undone(let complaint, let after, _):
                (text, self.after) = ("\(complaint.reason.rawValue): \(complaint.message)", after)
            case .cancelled, .notNow, .notListed: text = "not now"
            }
        }
    }

    private func noteSetback(_ retry: Retry?, isPending: Bool) {
        let follow = agent.memory.withLock { memory -> [String] in
            switch retry?.setback {
            case .server?: memory.setbacks.failed(namespace, isRefusal: false)
            case .refusedToken?: memory.setbacks.failed(namespace, isRefusal: true)
            case nil where retry == nil && !isPending: return memory.setbacks.succeeded(namespace)
            case nil: memory.setbacks.remove(namespace)
            }
            return []
        }
        if !follow.isEmpty { agent.queue.add(follow, priority: .background) }
    }

    private func entry(
        _ object: String, _ reason: FailureReason, _ message: String, _ plan: DataPlanePlan
    ) -> FailureEntry {
        FailureEntry.next(
            after: agent.progress.failure(of: object, in: namespace), namespace: namespace, object: object,
            reason: reason, message: plan.secrets.clean(message), now: agent.context.wallClock.now)
    }

    /// - Parameter delay: what the server asked for. The queue's backoff counts if it is longer.
    private func failed(
        _ forGood: [FailureEntry], _ failures: [FailureEntry] = [], after delay: Duration? = nil
    ) -> SyncProgress.Progress {
        let longest = max(delay ?? .zero, agent.queue.longestBackoff(of: namespace))
        // Discovery asks again for a kind that the data plane does not serve, along with the probes.
        let discovery = ProbeAgenda.discoveryInterval + agent.context.settings.breaker.probeInterval
        let discovered: Set<String> = [FailureReason.kindNotServed.rawValue, FailureReason.serverError.rawValue]
        return .failed(
            forGood.map {
                let isUnserved = discovered.contains($0.reason)
                return ObjectFailure($0, nextTry: isUnserved ? .within(discovery) : .whenPlanChanges)
            } + failures.map { ObjectFailure($0, nextTry: .within(longest)) })
    }

    private func settle(_ progress: SyncProgress.Progress) -> SyncProgress.News {
        let news = agent.progress.set(namespace, progress, ticket)
        if progress == .synced, news != .outdated,
            let latency = agent.memory.withLock({ $0.latencies.settled(namespace) })
        {
            agent.context.metrics.synced(after: latency)
        }
        agent.tell(news, of: namespace)
        return news
    }
}
