import DataPlaneAgent
import Fleet
import KubeObjects

/// How the data planes are, for a staged rollout.
struct RolloutMembers: Sendable {
    let informers: Informers
    let pool: AgentPool
    let writer: StatusWriter

    /// - Parameter revisions: the revision for each data plane.
    func members(_ plan: PlanInForce, _ revisions: [String: Int64]) -> [String: StagedRollout.Member] {
        plan.dataPlanes.mapValues { object in
            let name = object.metadata.name
            var member = StagedRollout.Member(
                isEnabled: object.spec.enabled, isObserved: plan.mode(of: object) == .observe, isAvailable: nil,
                isPending: true)
            guard let agent = pool[name] else {
                member.isAvailable = object.spec.enabled ? availability(of: name) : false
                return member
            }
            let report = agent.report(failures: Self.knownFailures)
            if !report.isSettling { member.isAvailable = availability(of: name) }
            // Findings for an earlier revision say nothing about this one.
            member.isBehind = report.stage.map { $0 != revisions[name] } ?? false
            member.isPending = report.stage != revisions[name] || report.progress.pending > 0 || !report.hasResult
            for entry in report.progress.failures { member.fails(entry) }
            return member
        }
    }
    /// How many failures of a data plane are told apart. Further ones count as caused by the change.
    private static let knownFailures = 200

    private func availability(of name: String) -> Bool? {
        guard let object = informers.dataPlanes[informers.key(name)]?.object else { return nil }
        switch writer.newest(object).status?.availability?.status {
        case .isTrue?: return true
        case .isFalse?: return false
        case .unknown?, nil: return nil
        }
    }
}
