import DevCluster
import Fleet
import Foundation
import JSON
import Testing

extension EndToEnd.Commands {
    @Suite("Cordon")
    struct Cordon {
        /// Runs a command with an administrator's kubeconfig of the control plane.
        private func squadron(
            _ arguments: [String], _ fleet: TestFleet<DevCluster>
        ) async throws -> (status: Int32, output: String) {
            let folder = try TemporaryFolder()
            let path = folder.url.appending(path: "kubeconfig")
            try Data(try fleet.controlPlane.kubeconfig().utf8).write(to: path)
            let process = try SquadronProcess(arguments + ["--kubeconfig", path.path], folder: folder)
            try await process.ends()
            return (process.status, process.output)
        }

        private static func states(_ fleet: TestFleet<DevCluster>, _ label: String) async throws -> [String] {
            let clusters = try await fleet.admin.get("ExecutionLabel", label)?[path: ["status", "clusters"]]
            return clusters?.array?.compactMap { $0["state"]?.string } ?? []
        }

        @Test("A cordoned data plane is Unschedulable in labels but still probed and synced")
        func cordoned() async throws {
            try await withFleet(of: 2) { fleet in
                try await fleet.applyBasics()
                let both: JSON = [
                    ["name": "dataplane_1", "weight": 0.5], ["name": "dataplane_2", "weight": 0.5],
                ]
                try await fleet.admin.apply(resource("ExecutionLabel", "both", ["clusters": both]))
                try await fleet.admin.delete("ExecutionLabel", "label1")
                try await fleet.operating { _ in
                    try await fleet.settles(0)
                    try await fleet.reports("ExecutionLabel", "both", "Ready", "Resolved")
                    let done = try await squadron(["cordon", "dataplane-1"], fleet)
                    #expect(done.status == 0 && done.output.contains("dataplane-1 cordoned"), "\(done.output)")
                    try await eventually("the label says so") {
                        try await Self.states(fleet, "both") == ["Unschedulable", "Ready"]
                    }
                    #expect(try await fleet.conditions("ExecutionLabel", "both")["Ready"]?.status == "True")
                    try await fleet.admin.apply(assignment("project1", "development", value: "both"))
                    try await fleet.settles(1)
                    let again = try await squadron(["uncordon", "dataplane-1"], fleet)
                    #expect(again.status == 0, "\(again.output)")
                    try await eventually("it is Ready in the label again") {
                        try await Self.states(fleet, "both") == ["Ready", "Ready"]
                    }
                }
            }
        }

        @Test("cordon needs --force for a label's last cluster; uncordon revokes the permission")
        func lastCluster() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                func annotation() async throws -> JSON? {
                    try await fleet.admin.get("ExecutionLabel", "label1")?[
                        path: ["metadata", "annotations", ExecutionLabel.allowEmptyAnnotation]]
                }
                func isCordoned() async throws -> Bool? {
                    try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["spec", "unschedulable"]]?.bool
                }
                let refused = try await squadron(["cordon", "dataplane-1"], fleet)
                #expect(refused.status == 1 && refused.output.contains("--force"), "\(refused.output)")
                #expect(try await isCordoned() == false)
                let forced = try await squadron(["cordon", "dataplane-1", "--force"], fleet)
                #expect(forced.status == 0, "\(forced.output)")
                #expect(try await isCordoned() == true)
                #expect(try await annotation() == "true")
                let undone = try await squadron(["uncordon", "dataplane-1"], fleet)
                #expect(undone.status == 0, "\(undone.output)")
                #expect(try await isCordoned() == false)
                #expect(try await annotation() == nil)
                let unknown = try await squadron(["cordon", "dataplane_1"], fleet)
                #expect(
                    unknown.status == 1 && unknown.output.contains("the cluster of dataplane-1"), "\(unknown.output)")
            }
        }
    }
}
