import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import KubeObjects
import Support

extension Reconcilers {
    /// Brings a DataPlane's session in line with its spec and credentials, and its status in line with the session.
    func reconcileDataPlane(_ name: String) async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan else { return .done }
        queue.add(.publishing, after: Self.gathering)
        queue.add(.tidying, after: Self.gathering * 5)
        // After the deletion of the object nothing is done in the data plane, although what is published keeps it for a
        // while.
        guard let decoded = caches.dataPlanes[key(name)], !caches.hasGone(dataPlane: name) else {
            pool.remove(name)
            executions?.drop(name)
            claimCluster(name, nil)
            tell(board.set(dataPlane: name, nil))
            return .done
        }
        guard let stored = decoded.object else {
            if case .malformed(let metadata, let failure) = decoded {
                pool.remove(name)
                try await report(
                    malformed: metadata, .dataPlanes, DataPlaneVerdict.conditions(malformed: SpecProblem(failure)),
                    // A typo must not lose which cluster it was, and which warnings were given.
                    kept: ["clusterUID", "endpoint", "expiryWarnings"])
            }
            return .done
        }
        guard let object = upToDate(stored, plan) else { return .done }
        var seen = DataPlaneObservation()
        if plan.spec.flyteHealth.enabled { seen.flyte = (FlyteHealth(), plan.spec.flyteHealth) }
        claimCluster(name, object)
        seen.duplicate = claims.withLock { $0.message(of: name) }
        var again: Duration?
        if object.spec.enabled, object.spec.problems().isEmpty {
            let look = credentialsWithProxy(of: object)
            again = look.again
            observe(object, look, plan, &seen)
        } else {
            pool.remove(name)
        }
        // The session may have learnt its cluster's UID meanwhile, so claim it again.
        claimCluster(name, object)
        var status = seen.status(of: object, now: wallClock.now)
        status.appliedRevision = appliedRevision(of: object, plan)
        status.executions = plan.spec.flyteAdmin == nil ? nil : executions?.count(of: object)
        if let wait = patience(object, seen) {
            // The present status stays until the new state is known.
            approve(object, seen, status)
            tell(board.set(dataPlane: name, .init(object, object.status)))
            return .requeue(after: wait)
        }
        warn(object, status)
        explain(missing: seen.authorization, of: object, status)
        try await publish(status, of: object)
        approve(object, seen, status)
        tell(board.set(dataPlane: name, .init(object, status)))
        if let uid = status.clusterUID, let endpoint = status.endpoint, plan.spec.mode != .observe {
            try await clusterRecorder.record(RecordedCluster(uid: uid, endpoint: endpoint), on: object)
        }
        if stages(plan) { queue.add(.stagedRollout, after: Self.gathering) }
        profilesChanged(plan)
        return again.map { .requeue(after: $0) } ?? .done
    }

    /// Wakes the objects that a change of a data plane's standing concerns. A data plane that is only out of sync
    /// concerns no label.
    private func tell(_ news: ReadinessBoard.News) {
        switch news {
        case .none: break
        case .readiness: queueRegistries(after: Self.gathering)
        case .availability: statusesChanged()
        }
    }

    /// Drops notes about deleted objects. When no data plane waits for anything, returns the memory of a burst.
    func tidyUp() {
        if let plan { retain(plan) }
        guard !pool.hasPending else { return queue.add(.tidying, after: .seconds(5)) }
        if rendered.removeAll() >= 32 { returnFreeMemory() }
    }

    /// Allows writes from now on, because the status records the cluster and no other DataPlane has it.
    private func approve(_ object: DataPlane, _ seen: DataPlaneObservation, _ status: DataPlaneStatus) {
        // After a move, the status has the UID of the former cluster until the new one has answered.
        guard seen.duplicate == nil, let uid = status.clusterUID, status.endpoint == object.endpointDescription else {
            return
        }
        for name in pool.approve(uid, for: object.metadata.name, SessionSubject(object)) {
            // A refused DataPlane reports the cause once the plan has the other one, so it waits a moment.
            queue.add(.dataPlane(name), after: name == object.metadata.name ? Self.gathering : .zero)
        }
    }

    /// How long to wait for a first result before the status of an earlier process is replaced: a restart of the
    /// operator must not make a settled fleet look lost. Nil for no wait.
    private func patience(_ object: DataPlane, _ seen: DataPlaneObservation) -> Duration? {
        guard let status = object.status, !status.conditions.isEmpty, status.clusterUID != nil,
            status.observedGeneration == object.metadata.generation, seen.duplicate == nil,
            status.endpoint == object.endpointDescription, let session = pool[object.metadata.name],
            session.isSettling || (session.isFlyteSettling && status.conditions[.flyteReady] != nil)
        else { return nil }
        return .milliseconds(500)
    }

    /// Notes which cluster a DataPlane claims. Others that claim the same cluster are reconciled again.
    func claimCluster(_ name: String, _ object: DataPlane?) {
        let claim = object.map { ClusterClaims.Claim($0, uid: clusterUID(of: $0)) }
        let others = claims.withLock { $0.set(name, claim) }
        for other in others where pool[other] != nil { queue.add(.dataPlane(other)) }
    }

    /// The UID of the cluster at the endpoint, from its own answer or from one to an earlier process.
    private func clusterUID(of object: DataPlane) -> String? {
        pool[object.metadata.name, SessionSubject(object)]?.facts.clusterUID ?? object.recordedClusterUID
    }

    private func observe(
        _ object: DataPlane, _ look: CredentialsLook, _ plan: PlanInForce, _ seen: inout DataPlaneObservation
    ) {
        take(look, of: object, into: &seen)
        seen.sourceNotAllowed = caches.refusal(of: object.spec.valuesFrom)
        if case .invalid(let reason, _) = look.verdict, reason.forbidsSending {
            return pool.remove(object.metadata.name)
        }
        var configuration = configuration(of: object, look)
        // Broken credentials in the Secret don't end a connection whose own credentials still work.
        let subject = SessionSubject(object)
        if configuration.link == nil, let session = pool[object.metadata.name, subject], let inUse = session.linkInUse {
            configuration.link = inUse
            configuration.source = configuration.source ?? inUse.source
            if case .invalid(let reason, let message) = seen.credentials {
                seen.credentials = .invalid(
                    reason, "the new credentials can't be used, the old ones stay in use: \(message)")
            }
        }
        configuration.flyte = flyteQuestion(of: object, plan, look)
        let known = pool[object.metadata.name, subject]?.facts
        let session = pool.update(
            object.metadata.name, of: subject, configuration: configuration,
            plan: plan.plan(
                for: object, kinds: known?.kinds ?? .wellKnown,
                discovered: known?.discovered ?? [], cache: rendered))
        session.hold(asDuplicate: seen.duplicate != nil)
        take(session.facts, of: object, recordedUID: configuration.recordedUID, into: &seen)
        if seen.flyte != nil { seen.flyte?.health = session.flyte?.health ?? FlyteHealth() }
        seen.sync = .counted(session.progress.counts)
        seen.failures = session.progress.failures(limit: FailureEntry.limit)
        seen.failuresTotal = session.progress.failuresTotal
        seen.heldBack = session.pruneObjection
        seen.awaited = plan.awaited
        seen.mode = plan.mode(of: object)
        if seen.mode == .observe { (seen.plan, seen.pending) = (session.progress.plan, session.progress.pendingCount) }
        if let problem = plan.problem {
            // Nothing is wanted then, so nothing would be missing.
            seen.registryProblem = problem.description
            seen.sync = .unknown
        }
    }

    private func take(
        _ facts: SessionFacts, of object: DataPlane, recordedUID: String?, into seen: inout DataPlaneObservation
    ) {
        let session = pool[object.metadata.name]
        take(session, refused: facts.tokenRejected, into: &seen)
        switch facts.reachability {
        case .unknown: seen.probe = .unknown
        case .reachable: seen.probe = .succeeded("answered at \(object.endpointDescription)")
        case .unreachable(let reason, let text, let attempts):
            let tried = attempts == 1 ? "tried once" : "tried at least \(attempts) times"
            let interval = pool.probeInterval.components.seconds
            seen.probe = .failed(reason, "\(object.endpointDescription): \(text); \(tried), next within \(interval) s")
        }
        switch facts.tokenRejected == nil ? facts.refusedCandidate : nil {
        case .tokenRejected(let text):
            seen.credentials = refusal(
                text, seen.tokenLifetime, prefix: "the new credentials don't work, the old ones stay in use: ")
        case .failed(let reason, let text) where facts.reachability == .reachable:
            seen.probe = .failedWithNewSettings(
                reason, "the new settings don't work, the old connection stays in use: \(text)")
        case .failed, .succeeded, nil: break
        }
        seen.authorization = session?.authorization ?? facts.authorization
        seen.listsEssentials = session?.listsEssentials ?? false
        if let found = facts.changedUID {
            seen.identity = .changed(recorded: recordedUID ?? facts.clusterUID ?? "", found: found)
        } else if let uid = facts.clusterUID {
            seen.identity = .confirmed(uid: uid)
        }
        seen.kubernetesVersion = facts.kubernetesVersion
        seen.user = facts.identity
        seen.listTrouble = facts.overBudget?.description ?? facts.listTroubles.min { $0.key < $1.key }?.value
    }
}
