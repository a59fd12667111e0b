import ControlLoop
import Fleet
import Kube
import KubeObjects

/// Brings a change of templates or values to the data planes one after the other, and reports it on the registry.
struct StagedRolloutController: Sendable {
    let plans: PlanUpdater
    let members: RolloutMembers
    let rollout: StoredRollout
    let writer: ControlPlaneWriter
    let router: EventRouter

    func reconcile() async throws(KubeError) -> Controller<Work>.Outcome {
        guard let plan = plans.inForce, plan.identity != nil else { return .done }
        let before = rollout.report
        let outcome: StoredRollout.Outcome
        do throws(KubeError) {
            outcome = try await rollout.reconcile(plan) { members.members(plan, $0) }
        } catch {
            router.rolloutFailed()
            throw error
        }
        if let news = outcome.news {
            announce(news, before, plan)
            router.rolloutReported(plan)
        }
        return outcome.again.map { .requeue(after: $0) } ?? .done
    }

    private func announce(
        _ news: StoredRollout.Report, _ before: StoredRollout.Report, _ plan: PlanInForce
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
        writer.tell(
            registry, reason, note, action: "Rollout",
            isWarning: status.phase == .paused && status.reason != StagedRollout.PauseReason.requested.rawValue)
    }
}
