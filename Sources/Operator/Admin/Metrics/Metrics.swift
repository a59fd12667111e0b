import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import Support

/// The operator's counters. Every series exists from the start. `MetricsPage` reads gauges when it is asked.
final class Metrics: AgentMetrics {
    /// The state of an ExecutionClusterLabel's rows in flyteadmin.
    enum LabelState: String, Sendable, Hashable, CaseIterable { case published, refused, unreachable, held }
    /// The same results as in controller-runtime.
    enum ReconcileResult: String, Sendable, Hashable, CaseIterable {
        case success, error, requeue
        case requeueAfter = "requeue_after"
    }

    /// The counters of one data plane.
    struct DataPlane: Sendable {
        var writes: [WriteResult: UInt64] = [:]
        /// By `ProbeAnswer.outcome`.
        var probes: [String: UInt64] = [:]
        var probeDurations = DurationHistogram(DurationHistogram.requests)
        var renewals: [RenewalOutcome: UInt64] = [:]
    }
    struct Reconciles: Sendable {
        var results: [ReconcileResult: UInt64] = [:]
        var time = DurationHistogram()
    }
    struct Counts: Sendable {
        var dataPlanes: [String: DataPlane] = [:]
        var reconciles: [ControllerName: Reconciles] = [:]
        var syncLatency = DurationHistogram(DurationHistogram.fleet)
        var labels: [LabelState: Int] = [:]
    }
    private let state = Locked(Counts())
    /// Requests to Kubernetes API servers.
    let requests = RequestCounts()

    init() {}

    func wrote(_ dataPlane: String, _ result: WriteResult) {
        state.withLock { $0.dataPlanes[dataPlane, default: DataPlane()].writes[result, default: 0] += 1 }
    }

    func probed(_ dataPlane: String, _ answer: ProbeAnswer, took: Duration) {
        state.withLock {
            $0.dataPlanes[dataPlane, default: DataPlane()].probes[answer.outcome, default: 0] += 1
            $0.dataPlanes[dataPlane]?.probeDurations.observe(took)
        }
    }

    /// Counts a renewal of a data plane's token.
    func renewed(_ dataPlane: String, _ outcome: RenewalOutcome) {
        state.withLock { $0.dataPlanes[dataPlane, default: DataPlane()].renewals[outcome, default: 0] += 1 }
    }

    /// Observes how long a change of the control plane took to reach a namespace of a data plane.
    func synced(after latency: Duration) { state.withLock { $0.syncLatency.observe(latency) } }

    func reconciled(namespace outcome: Controller<String>.Outcome, took: Duration) {
        reconciled(.namespace, outcome, took: took)
    }

    func reconciled<Key>(_ controller: ControllerName, _ outcome: Controller<Key>.Outcome, took: Duration) {
        let result: ReconcileResult =
            switch outcome {
            case .done: .success
            case .failed: .error
            case .requeue(let after): after > .zero ? .requeueAfter : .requeue
            }
        state.withLock {
            $0.reconciles[controller, default: Reconciles()].results[result, default: 0] += 1
            $0.reconciles[controller]?.time.observe(took)
        }
    }

    /// Drops the series of all other data planes, which no longer exist.
    func retain(_ dataPlanes: Set<String>) {
        state.withLock { state in state.dataPlanes = state.dataPlanes.filter { dataPlanes.contains($0.key) } }
    }

    func set(labels: [LabelState: Int]) { state.withLock { $0.labels = labels } }

    var counts: Counts { state.withLock { $0 } }
}

/// The value of the label `controller`: the kind of key.
enum ControllerName: String, Sendable, Hashable, CaseIterable {
    case plan, publishing, tidying, namespace
    case dataPlane = "dataplane"
    case executionLabel = "executionlabel"
    case assignment = "executionclusterlabel"
    case project = "flyteproject"
    case registry = "clusterregistry"
    case stagedRollout = "rollout"
    case clusterProfiles = "clusterprofile"

    init(_ work: Work) {
        self =
            switch work {
            case .requested(let work): ControllerName(work)
            case .plan: .plan
            case .dataPlane: .dataPlane
            case .executionLabel: .executionLabel
            case .assignment: .assignment
            case .project: .project
            case .registry: .registry
            case .publishing: .publishing
            case .tidying: .tidying
            case .clusterProfiles: .clusterProfiles
            case .stagedRollout: .stagedRollout
            }
    }
}
