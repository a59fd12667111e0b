import ControlLoop
import Fleet
import Kube
import KubeObjects

/// Writes objects of the control plane other than statuses, and reports failures on the registry.
struct ControlPlaneWriter: Sendable {
    let client: KubeClient
    /// The operator's own.
    let namespace: String
    /// Whether this replica still leads. It is asked before each write.
    let mayWrite: @Sendable () -> Bool
    let events: any EventPublisher
    let log: WriteLog

    /// An event on the registry.
    func tell(
        _ registry: ClusterRegistry, _ reason: String, _ note: String, action: String, isWarning: Bool = false
    ) {
        events.publish(
            regarding: registry.metadata, type: .clusterRegistries, isWarning: isWarning, reason: reason,
            action: action, note: note)
    }
}
