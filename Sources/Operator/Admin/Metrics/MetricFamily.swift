/// Every metric of `/metrics`, in the order of the page. docs/metrics.md lists the same ones, and a test compares both.
enum MetricFamily: String, Sendable, CaseIterable {
    enum Kind: String, Sendable { case counter, gauge, histogram }

    case buildInfo = "squadron_build_info"
    case leader = "squadron_leader"
    case condition = "squadron_condition"
    case conditionsLeftOut = "squadron_condition_objects_left_out"
    case namespacesDesired = "squadron_namespaces_desired"
    case namespacesSynced = "squadron_namespaces_synced"
    case namespacesFailed = "squadron_namespaces_failed"
    case lastSync = "squadron_last_sync_timestamp_seconds"
    case syncLatency = "squadron_sync_latency_seconds"
    case writes = "squadron_writes_total"
    case probeDuration = "squadron_probe_duration_seconds"
    case probes = "squadron_probes_total"
    case credentialExpiration = "squadron_credential_expiration_timestamp_seconds"
    case credentialRenewals = "squadron_credential_renewals_total"
    case assignments = "squadron_assignments"
    case reconciles = "controller_runtime_reconcile_total"
    case reconcileErrors = "controller_runtime_reconcile_errors_total"
    case reconcileTime = "controller_runtime_reconcile_time_seconds"
    case activeWorkers = "controller_runtime_active_workers"
    case maxWorkers = "controller_runtime_max_concurrent_reconciles"
    case queueDepth = "workqueue_depth"
    case queueAdds = "workqueue_adds_total"
    case queueRetries = "workqueue_retries_total"
    case queueDuration = "workqueue_queue_duration_seconds"
    case workDuration = "workqueue_work_duration_seconds"
    case unfinishedWork = "workqueue_unfinished_work_seconds"
    case longestRunning = "workqueue_longest_running_processor_seconds"
    case requests = "rest_client_requests_total"
    case processCPU = "process_cpu_seconds_total"
    case processStart = "process_start_time_seconds"
    case processResident = "process_resident_memory_bytes"
    case processVirtual = "process_virtual_memory_bytes"
    case processOpenFiles = "process_open_fds"
    case processMaxFiles = "process_max_fds"
    case processThreads = "process_threads"

    var kind: Kind {
        switch self {
        case .syncLatency, .probeDuration, .reconcileTime, .queueDuration, .workDuration: .histogram
        default: rawValue.hasSuffix("_total") ? .counter : .gauge
        }
    }

    var help: String {
        switch self {
        case .buildInfo: "1, with the version and the commit of this program."
        case .leader: "1 on the replica that leads."
        case .condition: "1 for the status that a condition of an object has, 0 for the two others."
        case .conditionsLeftOut: "Objects that squadron_condition leaves out, since there are too many of their kind."
        case .namespacesDesired: "Namespaces that are wanted in a data plane."
        case .namespacesSynced: "Of the wanted namespaces, those that are in sync."
        case .namespacesFailed: "Of the wanted namespaces, those in which something could not be applied."
        case .lastSync: "When all wanted namespaces of a data plane last came to be in sync; 0 before that."
        case .syncLatency: "From a change in the control plane to the last write for it in a namespace of a data plane."
        case .writes: "Objects that were applied to data planes or, with prune, deleted there, by result."
        case .probeDuration: "How long a probe of a data plane took, whatever it found."
        case .probes: "Probes of data planes, by what they found."
        case .credentialExpiration: "When a credential of a data plane ends; +Inf where no end of it is known."
        case .credentialRenewals: "Renewals of a data plane's token, by outcome."
        case .assignments: "ExecutionClusterLabels by the known state of their rows in flyteadmin."
        case .reconciles: "Reconciles by controller and result."
        case .reconcileErrors: "Reconciles that failed, by controller."
        case .reconcileTime: "How long a reconcile took, by controller."
        case .activeWorkers: "Reconciles that are under way, by controller."
        case .maxWorkers: "Reconciles that can be under way at a time, by controller."
        case .queueDepth: "Keys that wait in a work queue and could be worked on now."
        case .queueAdds: "Keys that were put into a work queue."
        case .queueRetries: "Keys that were put back into a work queue since their work failed."
        case .queueDuration: "How long keys waited in a work queue."
        case .workDuration: "How long the work on a key of a work queue took."
        case .unfinishedWork: "The sum of the times of all work that is under way."
        case .longestRunning: "The time of the longest work that is under way."
        case .requests: "Requests to Kubernetes API servers, by code, method and host."
        case .processCPU: "User and system CPU time."
        case .processStart: "When the process started, in seconds since 1970."
        case .processResident: "Resident memory."
        case .processVirtual: "Virtual memory."
        case .processOpenFiles: "Open file descriptors."
        case .processMaxFiles: "How many file descriptors may be open."
        case .processThreads: "Threads of the process."
        }
    }

    /// The labels of each series, without a histogram's `le`.
    var labels: [String] {
        switch self {
        case .buildInfo: ["version", "commit"]
        case .condition: ["kind", "name", "type", "status"]
        case .conditionsLeftOut: ["kind"]
        case .namespacesDesired, .namespacesSynced, .namespacesFailed, .lastSync, .probeDuration: ["dataplane"]
        case .writes: ["dataplane", "result"]
        case .probes, .credentialRenewals: ["dataplane", "outcome"]
        case .credentialExpiration: ["dataplane", "credential"]
        case .assignments: ["state"]
        case .reconciles: ["controller", "result"]
        case .reconcileErrors, .reconcileTime, .activeWorkers, .maxWorkers: ["controller"]
        case .queueDepth, .queueAdds, .queueRetries, .queueDuration, .workDuration, .unfinishedWork, .longestRunning:
            ["name"]
        case .requests: ["code", "method", "host"]
        default: []
        }
    }
}
