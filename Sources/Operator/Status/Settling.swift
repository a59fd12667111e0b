import ControlLoop
import DataPlaneAgent
import Fleet

/// Whether what all statuses follow from is still on its way, soon after this process began to lead.
struct Settling: Sendable {
    let pool: SessionPool
    let publications: PublicationBoard
    let timeline: Timeline
    private let started: Duration

    init(_ pool: SessionPool, _ publications: PublicationBoard, timeline: Timeline) {
        self.pool = pool
        self.publications = publications
        self.timeline = timeline
        started = timeline.now
    }

    var sinceStart: Duration { timeline.now - started }

    func isSettling(_ spec: ClusterRegistrySpec) -> Bool { pool.isSettling || waitsForFlyteAdmin(spec) }

    /// For the first answer about its projects and attributes, but not for long.
    private func waitsForFlyteAdmin(_ spec: ClusterRegistrySpec) -> Bool {
        let isMissing =
            (spec.flyteAdmin?.projectDiscovery == true && publications.discovered == nil)
            || AttributesInForce(spec, read: publications.clusterResources).isPending
        return isMissing && sinceStart < Delay.patienceForFlyteAdmin
    }
}
