import ControlLoop

/// The metrics in Prometheus' text format.
struct MetricsPage {
    private var text = ""

    /// - Parameter expirations: by data plane and credential (`token`, `caCert`), in seconds since 1970.
    init(
        metrics: Metrics, pool: SessionPool?, queue: WorkQueueMetrics, isLeader: Bool,
        expirations: [(dataPlane: String, credential: String, end: Int64)] = []
    ) {
        header("squadron_leader", "gauge", "1 on the replica that leads.")
        line("squadron_leader", [:], isLeader ? 1 : 0)
        header(
            "squadron_control_plane_queue_depth", "gauge",
            "Keys that wait for a reconcile of the control plane's objects.")
        line("squadron_control_plane_queue_depth", [:], queue.depth)
        let sessions = (pool?.all ?? []).sorted { $0.name < $1.name }
        header("squadron_dataplane_connected", "gauge", "1 while a data plane may be written to.")
        for session in sessions {
            line("squadron_dataplane_connected", ["dataplane": session.name], session.isWorking ? 1 : 0)
        }
        header("squadron_dataplane_namespaces", "gauge", "Wanted namespaces by state.")
        for session in sessions {
            let counts = session.progress.counts
            line("squadron_dataplane_namespaces", ["dataplane": session.name, "state": "desired"], counts.desired)
            line("squadron_dataplane_namespaces", ["dataplane": session.name, "state": "synced"], counts.synced)
            line("squadron_dataplane_namespaces", ["dataplane": session.name, "state": "failed"], counts.failed)
        }
        header(
            "squadron_dataplane_last_sync_timestamp_seconds", "gauge",
            "When all wanted namespaces last came to be in sync; 0 before that has ever been.")
        for session in sessions {
            line(
                "squadron_dataplane_last_sync_timestamp_seconds", ["dataplane": session.name],
                session.progress.lastComplete?.secondsSince1970 ?? 0)
        }
        header("squadron_dataplane_queue_depth", "gauge", "Namespaces that wait to be looked at.")
        for session in sessions {
            line("squadron_dataplane_queue_depth", ["dataplane": session.name], session.queue.metrics.depth)
        }
        header(
            "squadron_credential_expiration_timestamp_seconds", "gauge",
            "When the token or the first CA certificate of a data plane ends.")
        for (dataPlane, credential, end) in expirations {
            line(
                "squadron_credential_expiration_timestamp_seconds",
                ["dataplane": dataPlane, "credential": credential], end)
        }
        header(
            "squadron_writes_total", "counter",
            "Objects applied to data planes or, with prune, deleted there, by result.")
        let writes = metrics.writes
        for session in sessions {
            for result in Metrics.WriteResult.allCases {
                line(
                    "squadron_writes_total", ["dataplane": session.name, "result": result.rawValue],
                    writes[session.name]?[result] ?? 0)
            }
        }
        header("squadron_flyteadmin_labels", "gauge", "ExecutionClusterLabels by what is known of them in flyteadmin.")
        let labels = metrics.labels
        for state in Metrics.LabelState.allCases {
            line("squadron_flyteadmin_labels", ["state": state.rawValue], labels[state] ?? 0)
        }
    }

    var rendered: String { text }

    private mutating func header(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func line(
        _ name: String, _ labels: [String: String], _ value: some Numeric & LosslessStringConvertible
    ) {
        let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
        text += name + (pairs.isEmpty ? "" : "{" + pairs.joined(separator: ",") + "}") + " \(value)\n"
    }
}
