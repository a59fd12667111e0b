import ControlLoop
import Fleet
import Kube
import KubeObjects

/// What an agent has found out. The DataPlane's status is made from it.
package struct AgentFacts: Sendable, Hashable {
    package enum Reachability: Sendable, Hashable {
        case unknown
        case reachable
        /// `attempts` is a lower bound of the failed attempts. It changes only when their number has doubled, so that a
        /// status with it is not written for each attempt.
        case unreachable(ReachableReason, String, attempts: Int)
    }
    package var reachability = Reachability.unknown
    /// The server's own words when it refused the token.
    package var tokenRejected: String?
    /// Newer settings or credentials were tried and don't work, while those in use do.
    package var refusedCandidate: ProbeAnswer?
    package var authorization = DataPlaneFacts.Authorization.unknown
    /// The rights for which the server refused a request. Reviews say more, if we may ask for them.
    var refused: Set<Permission> = []
    /// The kinds that it serves, as far as we asked, beside those of every Kubernetes.
    package var kinds = RESTMapper.wellKnown
    /// The group versions that we asked for.
    package var discovered: Set<String> = []
    package var kubernetesVersion: String?
    package var clusterUID: String?
    package var identity: String?
    /// The UID that the endpoint answers with, if another one is recorded.
    package var changedUID: String?
    var isUnreachable: Bool { if case .unreachable = reachability { true } else { false } }
    /// For each kind, why our knowledge may be wrong: its list is not believed, or it can't be listed or watched.
    package var listTroubles: [String: String] = [:]
    /// The budget that it exceeds.
    package var overBudget: BudgetExcess?

    /// Takes in what a successful probe found.
    /// - Parameter recordedUID: the cluster that the data plane is recorded as.
    mutating func learn(_ result: ProbeResult, recordedUID: String?) {
        reachability = .reachable
        tokenRejected = nil
        if let version = result.kubernetesVersion { kubernetesVersion = version }
        if let identity = result.identity { self.identity = identity }
        if let authorization = result.authorization { self.authorization = authorization }
        for (version, types) in result.served {
            discovered.insert(version)
            kinds.answered(version)
            kinds.add(types, of: version, atMost: Budget().kinds)
        }
        // Discovery of these failed. Only their kinds wait for it.
        for (version, why) in result.unanswered where !discovered.contains(version) {
            kinds.gaveNoAnswer(version, why)
        }
        guard let uid = result.clusterUID else { return }
        if let recorded = recordedUID ?? clusterUID, recorded != uid {
            changedUID = uid
        } else {
            changedUID = nil
            clusterUID = uid
        }
    }
}
