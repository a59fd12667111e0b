import ControlLoop
import DataPlaneAgent
import Fleet
import Kube
import KubeObjects
import Support

/// The input of a page of metrics.
struct MetricsInput: Sendable {
    struct DataPlane: Sendable {
        var name: String
        var namespaces = NamespaceCounts.zero
        var lastSync: Double?
        var expirations: [Credential: Double] = [:]
    }
    enum Credential: String, Sendable, Hashable, CaseIterable { case token, caCert }
    struct Queue: Sendable {
        var name: String
        var metrics = WorkQueueMetrics()
        var workers: Int
    }

    var counts = Metrics.Counts()
    var isLeader = false
    /// One entry for each DataPlane object. Empty on replicas that do not lead, since they don't work on data planes.
    var dataPlanes: [DataPlane] = []
    var conditions: [KindConditions] = []
    var controlPlaneQueue = Queue(name: "control-plane", workers: 0)
    /// The queues of all data planes as one. `squadron_namespaces_synced` shows a data plane that can't keep up.
    var dataPlaneQueues = Queue(name: "data-planes", workers: 0)
    var requests: [RequestCounts.Host] = []
    var process: ProcessStatistics?
}

/// The metrics in Prometheus' text format.
struct MetricsPage {
    private var page = MetricText()

    init(_ input: MetricsInput) {
        for family in MetricFamily.allCases {
            page.begin(family)
            write(family, input)
        }
    }

    var rendered: String { page.text }

    private mutating func write(_ family: MetricFamily, _ input: MetricsInput) {
        switch family {
        case .buildInfo: page.line(family, [SquadronVersion.current, SquadronVersion.commit], 1)
        case .leader: page.line(family, input.isLeader ? 1 : 0)
        case .condition, .conditionsLeftOut: writeConditions(family, input)
        case .syncLatency: page.lines(family, input.counts.syncLatency)
        case .namespacesDesired, .namespacesSynced, .namespacesFailed, .lastSync, .writes, .probeDuration, .probes,
            .credentialExpiration, .credentialRenewals:
            for dataPlane in input.dataPlanes { write(family, dataPlane, input) }
        case .assignments:
            for state in Metrics.LabelState.allCases {
                page.line(family, [state.rawValue], input.counts.labels[state] ?? 0)
            }
        case .reconciles, .reconcileErrors, .reconcileTime, .activeWorkers, .maxWorkers: writeController(family, input)
        case .queueDepth, .queueAdds, .queueRetries, .queueDuration, .workDuration, .unfinishedWork, .longestRunning:
            for queue in [input.controlPlaneQueue, input.dataPlaneQueues] { write(family, queue) }
        case .requests: writeRequests(input.requests)
        case .processCPU, .processStart, .processResident, .processVirtual, .processOpenFiles, .processMaxFiles,
            .processThreads:
            if let process = input.process { write(family, process) }
        }
    }

    private mutating func writeConditions(_ family: MetricFamily, _ input: MetricsInput) {
        for kind in input.conditions {
            guard family == .condition else {
                page.line(family, [kind.kind], kind.leftOut)
                continue
            }
            for object in kind.objects {
                for (type, status) in object.statuses.sorted(by: { $0.key < $1.key }) {
                    for each in [Condition.Status.isTrue, .isFalse, .unknown] {
                        page.line(family, [kind.kind, object.name, type, each.rawValue], each == status ? 1 : 0)
                    }
                }
            }
        }
    }

    private mutating func write(
        _ family: MetricFamily, _ dataPlane: MetricsInput.DataPlane, _ input: MetricsInput
    ) {
        let name = dataPlane.name
        let counts = input.counts.dataPlanes[name] ?? Metrics.DataPlane()
        switch family {
        case .namespacesDesired: page.line(family, [name], dataPlane.namespaces.desired)
        case .namespacesSynced: page.line(family, [name], dataPlane.namespaces.synced)
        case .namespacesFailed: page.line(family, [name], dataPlane.namespaces.failed)
        case .lastSync: page.line(family, [name], dataPlane.lastSync ?? 0)
        case .writes:
            for result in WriteResult.allCases {
                page.line(family, [name, result.rawValue], counts.writes[result] ?? 0)
            }
        case .probeDuration: page.lines(family, [name], counts.probeDurations)
        case .probes:
            for outcome in ProbeAnswer.outcomes { page.line(family, [name, outcome], counts.probes[outcome] ?? 0) }
        case .credentialRenewals:
            for outcome in RenewalOutcome.allCases {
                page.line(family, [name, outcome.rawValue], counts.renewals[outcome] ?? 0)
            }
        default:
            for credential in MetricsInput.Credential.allCases {
                page.line(family, [name, credential.rawValue], dataPlane.expirations[credential] ?? .infinity)
            }
        }
    }

    private mutating func writeController(_ family: MetricFamily, _ input: MetricsInput) {
        switch family {
        case .activeWorkers, .maxWorkers:
            // Several controllers share the workers of a queue.
            for queue in [input.controlPlaneQueue, input.dataPlaneQueues] {
                page.line(family, [queue.name], family == .maxWorkers ? queue.workers : queue.metrics.inFlight)
            }
        default:
            for controller in ControllerName.allCases {
                let counts = input.counts.reconciles[controller] ?? Metrics.Reconciles()
                let name = controller.rawValue
                switch family {
                case .reconciles:
                    for result in Metrics.ReconcileResult.allCases {
                        page.line(family, [name, result.rawValue], counts.results[result] ?? 0)
                    }
                case .reconcileErrors: page.line(family, [name], counts.results[.error] ?? 0)
                default: page.lines(family, [name], counts.time)
                }
            }
        }
    }

    private mutating func write(_ family: MetricFamily, _ queue: MetricsInput.Queue) {
        let metrics = queue.metrics
        switch family {
        case .queueDepth: page.line(family, [queue.name], metrics.depth)
        case .queueAdds: page.line(family, [queue.name], metrics.added)
        case .queueRetries: page.line(family, [queue.name], metrics.failures)
        case .queueDuration: page.lines(family, [queue.name], metrics.waited)
        case .workDuration: page.lines(family, [queue.name], metrics.worked)
        case .unfinishedWork: page.line(family, [queue.name], metrics.unfinished.seconds)
        default: page.line(family, [queue.name], metrics.longestUnfinished.seconds)
        }
    }

    private mutating func writeRequests(_ hosts: [RequestCounts.Host]) {
        for host in hosts {
            let series = host.all.sorted { ($0.key.method, $0.key.code) < ($1.key.method, $1.key.code) }
            for (key, count) in series { page.line(.requests, [key.code, key.method, host.name], count) }
        }
    }

    private mutating func write(_ family: MetricFamily, _ process: ProcessStatistics) {
        switch family {
        case .processCPU: page.line(family, process.cpuSeconds)
        case .processStart: page.line(family, process.startTime)
        case .processResident: page.line(family, process.residentBytes)
        case .processVirtual: page.line(family, process.virtualBytes)
        case .processOpenFiles: page.line(family, process.openFiles)
        case .processMaxFiles: page.line(family, process.maxFiles)
        default: page.line(family, process.threads)
        }
    }
}
