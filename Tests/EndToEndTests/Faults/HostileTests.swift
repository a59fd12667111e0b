import DevCluster
import Foundation
import JSON
import Testing

@testable import Operator

extension EndToEnd {
    /// A data plane, or whoever writes custom resources, that means harm.
    @Suite("Hostile input")
    struct Hostile {
        @Test(
            "A data plane that streams without end is an error of that data plane; memory stays bounded",
            arguments: [Fault.endlessLine(bytes: 2 << 30), .endlessBody(bytes: 2 << 30)],
            ["list", "watch", "patch", "get"])
        func endless(_ fault: Fault, verb: String) async throws {
            try await withFleet(of: 2, configure: { $0.watcher = .fast }) { fleet in
                try await fleet.applyBasics()
                try await fleet.admin.apply(assignment("project1", "development"))
                let before = residentMegabytes()
                fleet[2].faults.add(fault, match: .init(verbs: [verb], userAgent: "squadron"))
                try await fleet.operating { _ in
                    try await fleet.settles(1, 1)
                    try await eventually("it has been met", within: .seconds(30)) { fleet[2].faults.totalHits >= 2 }
                    #expect(residentMegabytes() - before < 600, "\(residentMegabytes() - before) MB more")
                    fleet[2].faults.removeAll()
                    await fleet[2].resetConnections()
                    try await fleet.settles(2, 1)
                }
            }
        }

        @Test("A Secret as large as the API server takes, with hundreds of entries, harms only what it is wrong about")
        func largeSecret() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                var data: JSON = [:]
                for number in 0..<200 {
                    data["junk_\(number)_token"] = .string(String(repeating: "x", count: 4_000))
                }
                data["dataplane_2_token"] = .string(String(repeating: "y", count: 100_000))
                try await fleet.admin.merge("Secret", "cluster-credentials", ["stringData": data])
                try await fleet.admin.apply(
                    resource("DataPlane", "dataplane-2", ["clusterName": "dataplane_2", "endpoint": "https://dp"]))
                try await fleet.operating { _ in
                    try await fleet.settles(1, 0)
                    try await fleet.reports("DataPlane", "dataplane-2", "CredentialsValid", "TokenMalformed")
                }
            }
        }

        @Test("Thousands of custom resources made and deleted in a loop leave nothing behind in memory")
        func churn() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet.operating { squadron in
                    try await fleet.settles(0)
                    func round(_ number: Int) async throws {
                        for index in 0..<200 {
                            try await fleet.admin.apply(assignment("r\(number)x\(index)", "development"))
                        }
                        for index in 0..<200 {
                            try await fleet.admin.delete("ExecutionClusterLabel", "r\(number)x\(index)-development")
                        }
                    }
                    try await round(0)
                    try await fleet.settles(0)
                    for number in 1...3 { try await round(number) }
                    try await fleet.settles(0)
                    // What is wanted no more is neither counted nor queued.
                    try await eventually("nothing is queued any more") {
                        squadron.metricsText.contains(#"dataplane_queue_depth{dataplane="dataplane-1"} 0"#)
                            && squadron.metricsText.contains("squadron_control_plane_queue_depth 0\n")
                    }
                    try await fleet.admin.apply(assignment("after", "development"))
                    try await fleet.settles(1)
                }
            }
        }

        @Test("Values at their limits: long names, megabyte annotations by others, text that is hard to quote")
        func limits() async throws {
            try await withFleet(of: 1) { fleet in
                let role = "arn:\u{202E}\"'\\{}[]#&*!|>%@`\t€🚀"
                try await fleet.applyBasics(["workloadIdentity": ["aws": ["roleARN": .string(role)]]])
                // "-development" is twelve characters; a namespace's name has 63 at the most.
                let project = String(repeating: "p", count: 51)
                try await fleet.admin.apply(assignment(project, "development"))
                try await fleet[1].admin.apply([
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": [
                        "name": .string("\(project)-development"),
                        "annotations": ["big": .string(String(repeating: "z", count: 200_000))],
                    ],
                ])
                try await fleet.operating { _ in try await fleet.settles(1) }
                #expect(try await fleet.annotation(1, "\(project)-development") == role)
                let kept = try await fleet[1].admin.get("Namespace", "\(project)-development")?[
                    path: ["metadata", "annotations", "big"]]?.string
                #expect(kept?.utf8.count == 200_000)
            }
        }
    }
}

/// Of this process, servers included.
func residentMegabytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * sysconf(Int32(_SC_PAGESIZE)) / (1 << 20)
}
