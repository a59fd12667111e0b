import DevCluster
import JSON
import Testing

extension EndToEnd.Syncing {
    @Suite("Writes in the log")
    struct WriteLines {
        @Test("Each write is a line with the same fields, and there are as many as requests")
        func counted() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyTemplates(projects: (0..<20).map { "p\($0)" })
                try await fleet.admin.merge(
                    "ClusterRegistry", "flyte",
                    ["spec": ["publish": ["clustersConfigMap": ["name": "flyte-admin-clusters-config"]]]])
                fleet[1].requestLog.reset()
                fleet.controlPlane.requestLog.reset()
                try await fleet.operating { _ in
                    try await fleet.settles(20)
                    // Somebody changes something.
                    try await fleet[1].admin.delete("ResourceQuota", "project-quota", in: "p3-development")
                    try await eventually("it is back") {
                        try await fleet[1].admin.get("ResourceQuota", "project-quota", in: "p3-development") != nil
                    }
                    try await eventually("the clusters are published") {
                        try await fleet.admin.get("ConfigMap", "flyte-admin-clusters-config") != nil
                    }
                }
                let lines = fleet.log.lines.filter { $0.hasPrefix("info write ") }
                let log = fleet[1].requestLog
                let requests = [200, 201].map { log.count(verb: "patch", userAgent: "squadron", status: $0) }
                // Which cluster it is, is noted in the control plane.
                let inDataPlane = lines.filter {
                    $0.contains(" dataplane=dataplane-1 ") && !$0.contains(" namespace=flyte ")
                }
                #expect(inDataPlane.count == requests[0] + requests[1] && inDataPlane.count == 61)
                for line in lines {
                    let fields = line.split(separator: " ").dropFirst(2).map { $0.prefix { $0 != "=" } }
                    #expect(fields == ["dataplane", "namespace", "object", "reason", "revision"], "\(line)")
                }
                let maps = [200, 201].map {
                    fleet.controlPlane.requestLog.count(
                        verb: "patch", resource: "configmaps", userAgent: "squadron", status: $0)
                }
                #expect(lines.count { $0.contains("object=configmaps/") } == maps[0] + maps[1])
                #expect(
                    lines.contains(
                        "info write dataplane=dataplane-1 namespace=p3-development object=resourcequotas/project-quota "
                            + "reason=Missing revision=-"))
            }
        }
    }
}
