import ControlLoop
import Fleet

/// Where the agents' work is counted.
package protocol AgentMetrics: Sendable {
    func wrote(_ dataPlane: String, _ result: WriteResult)
    func probed(_ dataPlane: String, _ answer: ProbeAnswer, took: Duration)
    /// The token of a data plane was renewed, or could not be.
    func renewed(_ dataPlane: String, _ outcome: RenewalOutcome)
    /// A change of the control plane has reached a namespace of a data plane.
    func synced(after latency: Duration)
    /// One look at a namespace has ended.
    func reconciled(namespace outcome: Controller<String>.Outcome, took: Duration)
    /// The counts of data planes that are gone go with them.
    func retain(_ dataPlanes: Set<String>)
}

package enum WriteResult: String, Sendable, Hashable, CaseIterable { case applied, deleted, failed }
package enum RenewalOutcome: String, Sendable, Hashable, CaseIterable { case succeeded, failed }

/// For a caller that counts nothing.
package struct NothingCounted: AgentMetrics {
    package init() {}
    package func wrote(_ dataPlane: String, _ result: WriteResult) {}
    package func probed(_ dataPlane: String, _ answer: ProbeAnswer, took: Duration) {}
    package func renewed(_ dataPlane: String, _ outcome: RenewalOutcome) {}
    package func synced(after latency: Duration) {}
    package func reconciled(namespace outcome: Controller<String>.Outcome, took: Duration) {}
    package func retain(_ dataPlanes: Set<String>) {}
}

extension ProbeAnswer {
    package static let outcomes =
        [Reason.probeSucceeded, CredentialsReason.tokenRejected.rawValue] + ReachableReason.allCases.map(\.rawValue)

    /// The contract's reasons of `Reachable`, and `TokenRejected`.
    package var outcome: String {
        switch self {
        case .succeeded: Self.outcomes[0]
        case .tokenRejected: Self.outcomes[1]
        case .failed(let reason, _): reason.rawValue
        }
    }
}
