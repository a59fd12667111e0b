import DevCluster
import JSON
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("Settled")
    struct Settled {
        /// What a probe asks: whether it is ready, and which cluster it is.
        private static let probes: Set<String> = ["get /readyz", "get namespaces"]

        @Test("A settled fleet gets only probes, and its control plane only the Lease")
        func quiet() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                for project in ["a", "b", "c", "d", "e"] {
                    try await fleet.admin.apply(assignment(project, "development"))
                }
                try await fleet.operating { _ in
                    try await fleet.settles(5)
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                    try await waitForQuiet(
                        for: .milliseconds(600), "its statuses are written", on: fleet.controlPlane.requestLog
                    ) {
                        Self.asked(fleet.controlPlane).isSubset(of: ["get leases", "update leases"])
                    }
                    for server in fleet.dataPlanes { server.requestLog.reset() }
                    fleet.controlPlane.requestLog.reset()
                    // Ten probes long: at the default interval that is more than a minute and a half.
                    try await throughout(.seconds(3), "only probes are sent") {
                        fleet.dataPlanes.allSatisfy { Self.asked($0).isSubset(of: Self.probes) }
                            && Self.asked(fleet.controlPlane).isSubset(of: ["get leases", "update leases"])
                    }
                    for server in fleet.dataPlanes {
                        // Two requests a probe; a machine under load is late with them.
                        #expect((4...24).contains(server.requestLog.ofOperator), "\(server.requestLog.counts)")
                    }
                }
            }
        }

        @Test("A restart on a settled fleet writes nothing and sends each at most ten requests")
        func restart() async throws {
            try await withFleet(of: 2, configure: { $0.probeInterval = .seconds(10) }) { fleet in
                try await fleet.applyBasics()
                for project in ["a", "b", "c", "d", "e"] {
                    try await fleet.admin.apply(assignment(project, "development"))
                }
                try await fleet.operating { _ in
                    try await fleet.settles(5)
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                }
                let statuses = try await Self.objects(fleet)
                for server in fleet.dataPlanes + [fleet.controlPlane] { server.requestLog.reset() }
                try await fleet.operating { squadron in
                    try await eventually("it has looked at everything") {
                        squadron.metricsText.contains(
                            #"squadron_namespaces_synced{dataplane="dataplane-2"} 5"#)
                            && squadron.metricsText.contains(
                                #"squadron_namespaces_synced{dataplane="dataplane-1"} 5"#)
                    }
                    try await eventually("its watches are open") {
                        fleet.dataPlanes.allSatisfy { $0.requestLog.openWatches.count == 2 }
                    }
                    // Longer than statuses are coalesced, and than it waits before it replaces those of an earlier run.
                    try await throughout(.milliseconds(1_500), "no write") {
                        fleet.dataPlanes.allSatisfy {
                            $0.requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 0
                        }
                    }
                }
                for server in fleet.dataPlanes {
                    #expect(server.requestLog.ofOperator <= 10, "\(server.requestLog.counts)")
                }
                for (name, now) in try await Self.objects(fleet) {
                    let before = statuses[name] ?? .null
                    #expect(now == before, "\(name) was written: \(Self.difference(before, now))")
                }
                let log = fleet.controlPlane.requestLog
                #expect(Self.kinds.allSatisfy { log.count(resource: "\($0.1)/status", userAgent: "squadron") == 0 })
            }
        }

        private static let kinds = [
            ("DataPlane", "dataplanes"), ("ExecutionLabel", "executionlabels"),
            ("ExecutionClusterLabel", "executionclusterlabels"), ("ClusterRegistry", "clusterregistries"),
        ]

        private static func objects(_ fleet: TestFleet<DevCluster>) async throws -> [String: JSON] {
            var result: [String: JSON] = [:]
            for (kind, _) in kinds {
                for object in try await fleet.admin.list(kind) {
                    var object = object
                    object[path: ["metadata", "managedFields"]] = nil
                    result["\(kind) \(object[path: ["metadata", "name"]]?.string ?? "")"] = object
                }
            }
            return result
        }

        /// The fields that are others, with both values.
        private static func difference(_ old: JSON, _ new: JSON, at path: String = "") -> String {
            if old == new { return "" }
            if let old = old.object, let new = new.object {
                let keys = Set(old.map { "\($0.0)" }).union(new.map { "\($0.0)" })
                return keys.sorted().map { key in
                    let before = old.first { $0.0 == key }?.1 ?? .null
                    return difference(before, new.first { $0.0 == key }?.1 ?? .null, at: "\(path).\(key)")
                }.filter { !$0.isEmpty }.joined(separator: "; ")
            }
            if let old = old.array, let new = new.array, old.count == new.count {
                return old.indices.map { difference(old[$0], new[$0], at: "\(path)[\($0)]") }.filter { !$0.isEmpty }
                    .joined(separator: "; ")
            }
            return "\(path): \(old.serializedString) → \(new.serializedString)"
        }

        /// Verbs and resources of the operator's requests.
        private static func asked(_ server: DevCluster) -> Set<String> {
            Set(
                server.requestLog.counts.keys.filter { $0.userAgent.contains("squadron") }
                    .map { "\($0.verb) \($0.resource)" })
        }
    }
}
