import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import KubeObjects

extension Reconcilers {
    /// Whether changes are staged, or were staged until now.
    func stages(_ plan: PlanInForce) -> Bool {
        plan.spec.rollout.type == .progressive || stagedRollout.report.status != nil
            || plan.registry?.status?.rollout != nil
    }

    func reconcileStagedRollout() async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan else { return .done }
        let before = stagedRollout.report
        let outcome: StagedRolloutController.Outcome
        do throws(KubeError) {
            outcome = try await stagedRollout.reconcile(plan) { members(plan, $0) }
        } catch {
            queueRegistries(after: Self.gathering)
            throw error
        }
        if let news = outcome.news {
            announce(news, before, plan)
            queueRegistries(after: Self.gathering)
            for name in plan.dataPlanes.keys { queue.add(.dataPlane(name), after: Self.gathering) }
        }
        return outcome.again.map { .requeue(after: $0) } ?? .done
    }

    /// - Parameter revisions: the revision for each data plane.
    private func members(_ plan: PlanInForce, _ revisions: [String: Int64]) -> [String: StagedRollout.Member] {
        plan.dataPlanes.mapValues { object in
            let name = object.metadata.name
            var member = StagedRollout.Member(
                isEnabled: object.spec.enabled, isObserved: plan.mode(of: object) == .observe, isAvailable: nil,
                isPending: true)
            guard let session = pool[name] else {
                member.isAvailable = object.spec.enabled ? availability(of: name) : false
                return member
            }
            if !session.isSettling { member.isAvailable = availability(of: name) }
            // Findings for an earlier revision say nothing about this one.
            member.isPending = session.stage != revisions[name] || session.progress.hasPending || !session.hasResult
            for entry in session.progress.failures(limit: Self.knownFailures) {
                member.fails(entry)
            }
            return member
        }
    }
    /// How many failures of a data plane are told apart. Further ones count as caused by the change.
    private static let knownFailures = 200

    private func availability(of name: String) -> Bool? {
        guard let object = caches.dataPlanes[key(name)]?.object else { return nil }
        switch writer.newest(object).status?.availability?.status {
        case .isTrue?: return true
        case .isFalse?: return false
        case .unknown?, nil: return nil
        }
    }

    /// The revision that the data plane is known to have, or else the one in its earlier status.
    func appliedRevision(of object: DataPlane, _ plan: PlanInForce) -> Int64? {
        guard plan.spec.rollout.type == .progressive else { return nil }
        let before = object.status?.appliedRevision
        guard let session = pool[object.metadata.name], let stage = session.stage, session.hasResult,
            session.progress.counts.synced == session.progress.counts.desired
        else { return before }
        return stage
    }

    private func announce(
        _ news: StagedRolloutController.Report, _ before: StagedRolloutController.Report, _ plan: PlanInForce
    ) {
        guard let registry = plan.registry, let status = news.status else { return }
        let isNews =
            (status.phase, status.reason, status.revision) != (
                before.status?.phase, before.status?.reason, before.status?.revision
            )
        guard isNews else { return }
        let (reason, note) =
            switch status.phase {
            case .complete: ("RolloutComplete", "revision \(status.revision) is in \(status.updated) data planes")
            case .progressing:
                ("RolloutProgressing", "revision \(status.revision) goes to the data planes, group by group")
            case .paused:
                (
                    "RolloutPaused",
                    "revision \(status.revision), \(status.reason ?? ""): \(status.message ?? "")"
                )
            }
        events.publish(
            regarding: registry.metadata, type: .clusterRegistries,
            isWarning: status.phase == .paused && status.reason != StagedRollout.PauseReason.requested.rawValue,
            reason: reason, action: "Rollout", note: note)
    }
}
