import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// The probes of an agent, and what its other requests say about the data plane.
extension Agent {
    /// Probes until the task is cancelled.
    func probe() async {
        while !Task.isCancelled {
            await probeOnce()
            await waitForNextProbe()
        }
    }

    private func probeOnce() async {
        let timeline = context.timeline
        let (orders, before) = state.withLock { [context] state in
            let orders = state.decisions.beginProbe(
                unknown: state.plan.unknownKinds, now: timeline.now, connect: context.connect)
            state.isReviewing = orders.contains { $0.asksPermissions }
            return (orders, state.decisions)
        }
        var reviewed: [Permission]?
        for order in orders {
            var questions = ProbeQuestions()
            if order.asksPermissions { questions.permissions = { self.currentPlan.permissions } }
            (questions.asksVersion, questions.apiVersions) = (order.asksVersion, order.apiVersions)
            let link = order.link
            let asked = timeline.now
            let result = await link.probe(questions)
            if Task.isCancelled { return }
            context.metrics.probed(name, result.answer, took: timeline.now - asked)
            if tellSource(of: link, result.answer) { continue }
            reviewed = result.reviewed ?? reviewed
            let known = facts
            change { $0.take(result, of: link, now: timeline.now) }
            let now = facts
            if let uid = now.clusterUID, uid != known.clusterUID { context.identified(self, uid) }
            if now.tokenRejected != nil, known.tokenRejected == nil { context.credentialsRejected(name) }
            guard case .succeeded = result.answer, link === before.active else { continue }
            // Watches may use the connection that the failed probe found dead, and would notice that only after their
            // silence limit.
            if before.breaker.hasFailed { watches.renew() }
            // The token is accepted again, so requests that were refused meanwhile are tried again.
            if before.doubtsToken {
                queue.add(memory.withLock { $0.setbacks.takeRefused() }, priority: .background)
                watches.retryRefused()
            }
        }
        memory.withLock { $0.rewrites.sweep(now: timeline.now) }
        noteBudget()
        state.withLock { $0.isReviewing = false }
        if let reviewed, reviewed != currentPlan.permissions { needsOtherPermissions() }
        if isWorking, let next = memory.withLock({ $0.setbacks.next() }) { queue.add(next, priority: .background) }
    }

    /// Waits from the start of one probe to the start of the next, so that a probe that times out does not delay the
    /// next one.
    private func waitForNextProbe() async {
        while !Task.isCancelled {
            let seen = wake.generation
            let next = state.withLock { $0.decisions.nextProbe }
            guard context.timeline.now < next else { return }
            await wake.wait(past: seen, until: next, on: context.timeline)
        }
    }

    /// Wakes the probe if its next turn is sooner than before.
    func callProbe(_ call: (inout AgentDecisions) -> Void) {
        let isSooner = state.withLock { state in
            let before = state.decisions.nextProbe
            call(&state.decisions)
            return state.decisions.nextProbe < before
        }
        if isSooner { wake.advance() }
    }

    func probeAgain() { callProbe { $0.callProbe() } }

    /// The watch and the writes go on at once. The next probe checks which server answers on the new connection.
    func watchWasCut() { callProbe { $0.watchWasCut() } }

    // MARK: What other requests say

    func hasTooManyObjects(_ limit: Int) {
        state.withLock { $0.hasTooManyObjects(limit, now: context.timeline.now) }
        noteBudget()
    }

    private func noteBudget() {
        let excess = state.withLock { $0.excess(now: context.timeline.now) }
        guard facts.overBudget != excess else { return }
        change { state in
            state.exceeds(excess)
            return []
        }
    }

    func requestFailed(_ error: KubeError) {
        guard !error.isCancelled, let answer = ProbeAnswer(error) else { return }
        callProbe { state in
            state.requestFailed(answer, connectionBroke: error.isConnectionBroken)
            state.permitWrites()
        }
        // Only a broken connection affects other requests. The namespace reports its own failure.
        if error.isConnectionBroken { applyGate() }
    }

    func requestSucceeded(_ verbs: [String], _ type: ResourceType) {
        let hadRefusals = state.withLock { state in
            state.decisions.requestSucceeded()
            return !state.decisions.facts.refused.isEmpty
        }
        if hadRefusals { for verb in verbs { noted(verb, type, nil) } }
    }

    /// Notes whether the account may do that. Only a refusal about rights counts, not one by a policy or webhook.
    func noted(_ verb: String, _ type: ResourceType, _ error: KubeError?) {
        let permission = Permission(verb: verb, group: type.group, resource: type.plural)
        let isRefused = error.map {
            $0.isForbidden && ($0.status?.message.contains("cannot \(verb) resource") ?? false)
        }
        guard (isRefused ?? false) != facts.refused.contains(permission) else { return }
        change { state in
            state.request(permission, isRefused: isRefused ?? false)
            return []
        }
    }

    func wasForbidden() { callProbe { $0.wasForbidden() } }
    func needsOtherPermissions() { callProbe { $0.needsOtherPermissions() } }
}
