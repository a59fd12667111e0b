import DataPlaneAgent
import Fleet
import Kube
import Support

/// Knows which DataPlane has which cluster, so that two DataPlanes never write to the same one.
final class ClusterIdentities: Sendable {
    private let pool: AgentPool
    private let router: EventRouter
    private let recorder: ClusterRecorder
    private let claims = Locked(ClusterClaims())

    init(pool: AgentPool, router: EventRouter, recorder: ClusterRecorder) {
        self.pool = pool
        self.router = router
        self.recorder = recorder
    }

    /// Notes which cluster a DataPlane claims, and wakes the others that claim the same.
    /// - Parameter object: nil if it was deleted.
    func claim(_ name: String, _ object: DataPlane?) {
        let claim = object.map { ClusterClaims.Claim($0, uid: clusterUID(of: $0)) }
        let others = claims.withLock { $0.set(name, claim) }
        router.claimsChanged(others.filter { pool[$0] != nil })
    }

    /// Why a DataPlane must leave its cluster to an older one. Nil if it need not.
    func duplicate(of name: String) -> String? { claims.withLock { $0.message(of: name) } }

    /// The UID of the cluster at the endpoint, from its own answer or from one to an earlier process.
    private func clusterUID(of object: DataPlane) -> String? {
        pool[object.metadata.name, AgentSubject(object)]?.facts.clusterUID ?? object.recordedClusterUID
    }

    /// Allows the agent to write: the status holds the cluster's UID, and no other DataPlane has that cluster.
    func approve(_ object: DataPlane, _ status: DataPlaneStatus, isDuplicate: Bool) {
        // After a move, the status has the UID of the former cluster until the new one has answered.
        guard !isDuplicate, let uid = status.clusterUID, status.endpoint == object.endpointDescription else { return }
        let name = object.metadata.name
        router.approvalsChanged(pool.approve(uid, for: name, AgentSubject(object)), by: name)
    }

    /// Notes the cluster on the object, where a backup keeps it.
    func record(_ status: DataPlaneStatus, on object: DataPlane) async throws(KubeError) {
        guard let uid = status.clusterUID, let endpoint = status.endpoint else { return }
        try await recorder.record(RecordedCluster(uid: uid, endpoint: endpoint), on: object)
    }

    /// Drops the notes about deleted DataPlanes.
    func retain(_ uids: Set<String>) { recorder.retain(uids) }
}
