import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("Metrics of a fleet at work")
    struct MetricsOfAFleet {
        @Test("The page says what became of a change, and forgets a DataPlane with its object")
        func page() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { squadron in
                    try await fleet.settles(1)
                    let atLeastOnce = [
                        #"squadron_leader"#,
                        #"squadron_namespaces_synced{dataplane="dataplane-1"}"#,
                        #"squadron_writes_total{dataplane="dataplane-1",result="applied"}"#,
                        #"squadron_probes_total{dataplane="dataplane-1",outcome="ProbeSucceeded"}"#,
                        #"squadron_probe_duration_seconds_count{dataplane="dataplane-1"}"#,
                        #"squadron_condition{kind="DataPlane",name="dataplane-1",type="Ready",status="True"}"#,
                        #"squadron_condition{kind="ClusterRegistry",name="flyte",type="TemplatesValid",status="True"}"#,
                        #"controller_runtime_reconcile_total{controller="namespace",result="success"}"#,
                        #"controller_runtime_reconcile_time_seconds_count{controller="plan"}"#,
                        #"workqueue_adds_total{name="control-plane"}"#,
                        #"workqueue_work_duration_seconds_count{name="data-planes"}"#,
                        #"process_resident_memory_bytes"#,
                    ]
                    for series in atLeastOnce {
                        try await eventually("\(series) is there") { (Self.value(series, squadron) ?? 0) >= 1 }
                    }
                    #expect(Self.value("squadron_sync_latency_seconds_count", squadron) == 2, "one in each data plane")
                    #expect(Self.hosts(squadron) == 3)
                    try await fleet.admin.delete("DataPlane", "dataplane-2")
                    try await eventually("its series are gone") {
                        !squadron.metricsText.contains("dataplane-2") && Self.hosts(squadron) == 2
                    }
                }
            }
        }

        private static func value(_ series: String, _ squadron: SquadronOperator) -> Double? {
            squadron.metricsText.split(separator: "\n").first { $0.hasPrefix(series + " ") }
                .flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }
        }

        /// How many API servers are distinguished.
        private static func hosts(_ squadron: SquadronOperator) -> Int {
            let all = squadron.metricsText.split(separator: "\n")
            let lines = all.filter { $0.hasPrefix("rest_client_requests_total{") }
            return Set(lines.compactMap { $0.split(separator: "host=").last?.split(separator: "\"").first }).count
        }
    }
}
