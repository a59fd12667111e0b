import ControlLoop
import DataPlaneAgent
import Fleet

/// Whether what all statuses follow from is still on its way, soon after this process began to lead.
struct Settling: Sendable {
    let pool: AgentPool
    let flyteAdmin: FlyteAdminReports
    let timeline: Timeline
    private let started: Duration

    init(_ pool: AgentPool, _ flyteAdmin: FlyteAdminReports, timeline: Timeline) {
        self.pool = pool
        self.flyteAdmin = flyteAdmin
        self.timeline = timeline
        started = timeline.now
    }

    var sinceStart: Duration { timeline.now - started }

    func isSettling(_ spec: ClusterRegistrySpec) -> Bool { pool.isSettling || waitsForFlyteAdmin(spec) }

    /// Whether statuses wait for flyteadmin's first answer about its projects and attributes. They don't wait long.
    private func waitsForFlyteAdmin(_ spec: ClusterRegistrySpec) -> Bool {
        let isMissing =
            (spec.flyteAdmin?.projectDiscovery == true && flyteAdmin.discovered == nil)
            || AttributesInForce(spec, read: flyteAdmin.clusterResources).isPending
        return isMissing && sinceStart < Delay.patienceForFlyteAdmin
    }
}
