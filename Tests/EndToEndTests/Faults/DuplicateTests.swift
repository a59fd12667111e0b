import DevCluster
import Foundation
import JSON
import Support
import TestSupport
import Testing

@testable import Operator

extension EndToEnd.Faults {
    /// Two DataPlanes turn out to be one cluster, whichever of them answers first: the older one has it.
    @Suite("Two DataPlanes of one cluster")
    struct Duplicates {
        /// The newer one has another account, which shows in the data plane's log.
        private static let newer = "arn:of-the-newer"

        /// `dataplane-1`, the older one, behind a relay that refuses; `z-newer` behind another one. Both have `count`
        /// project-domains to write; the newer one five objects a second.
        private func withTwo(
            _ count: Int, _ body: (TestFleet<DevCluster>, _ older: Relay, _ newer: Relay) async throws -> Void
        ) async throws {
            var options = DevCluster.Options()
            options.requestRing = 5_000
            try await withFleet(of: 1, options: options) { fleet in
                let (older, newer) = (
                    try await Relay(to: fleet[1].port, .refusing), try await Relay(to: fleet[1].port)
                )
                let ca = try #require(try await fleet.admin.get("Secret", "cluster-credentials")?["data"])
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials",
                    [
                        "data": ["again_cacert": ca["dataplane_1_cacert"]!],
                        "stringData": ["again_token": .string(fleet[1].adminToken)],
                    ])
                try await fleet.applyBasics()
                // It is the older one by name as well, whether or not both are of the same second.
                try await fleet.admin.apply(
                    fleet.dataPlane(1, ["endpoint": .string("https://127.0.0.1:\(older.port)")]))
                try await fleet.admin.apply(
                    resource(
                        "DataPlane", "z-newer",
                        [
                            "clusterName": "again", "endpoint": .string("https://127.0.0.1:\(newer.port)"),
                            "workloadIdentity": ["aws": ["roleARN": .string(Self.newer)]],
                            "connection": ["qps": 5, "burst": 1],
                        ]))
                for number in 1...count { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                do {
                    try await body(fleet, older, newer)
                } catch {
                    for relay in [older, newer] { await relay.stop() }
                    throw error
                }
                for relay in [older, newer] { await relay.stop() }
            }
        }

        @Test("The older one answers at last while the newer one works: the newer one stops")
        func late() async throws {
            try await withTwo(40) { fleet, older, _ in
                let server = fleet[1]
                func requests(ofNewer: Bool) -> [RequestLog.Entry] {
                    server.requestLog.recent.filter {
                        $0.key.userAgent.contains("squadron")
                            && ($0.user == "system:serviceaccount:flyte:squadron") != ofNewer
                    }
                }
                func writesOfNewer() -> [RequestLog.Entry] { requests(ofNewer: true).filter { $0.key.verb == "patch" } }
                try await fleet.operating { _ in
                    // Nobody knows which cluster the older one is: it may be any, and the newer one does not wait.
                    try await fleet.reports(1, "Reachable", "ConnectFailed")
                    try await eventually("the newer one is in the middle") { writesOfNewer().count >= 8 }
                    // The status of the older one takes its time: the newer one stops before that.
                    fleet.controlPlane.faults.add(
                        .latency(.seconds(2)), match: .init(verbs: ["patch"], resources: ["dataplanes/status"]))
                    older.way = .passing
                    let answered = try await eventually("the older one has said who it is") {
                        requests(ofNewer: false).first { $0.name == "kube-system" && $0.key.status == 200 }
                    } until: {
                        $0 != nil
                    }
                    try await timePasses(.milliseconds(1_500))
                    // What was on its way then may arrive; what waited for a token (one in 0.2 s) may not. A sanitizer
                    // takes longer to tell it.
                    let late = writesOfNewer().filter { $0.time - answered!.time > (isUnderSanitizer ? 0.75 : 0.15) }
                    #expect(late.isEmpty, "\(late.map { ($0.name, $0.time - answered!.time) })")
                    #expect(writesOfNewer().count < 70, "it was done already: the test shows nothing")
                    fleet.controlPlane.faults.removeAll()
                    let told = try await fleet.reports("DataPlane", "z-newer", "Ready", "DuplicateCluster").message
                    #expect(told.contains("dataplane-1"))
                    try await fleet.settles(1, 40)
                    for number in 1...40 {
                        #expect(try await fleet.annotation(1, "p\(number)-development") == fleet.role)
                    }
                }
                // Nobody answers for the older one after a restart: it is in its status which cluster it is.
                older.way = .refusing
                await older.drop()
                server.requestLog.reset()
                try await fleet.operating { _ in
                    try await server.admin.merge(
                        "ServiceAccount", "default", in: "p1-development",
                        ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]])
                    try await fleet.reports(1, "Reachable", "ConnectFailed", within: .seconds(30))
                    try await fleet.reports("DataPlane", "z-newer", "Ready", "DuplicateCluster")
                    try await throughout(.seconds(1), "the newer one writes nothing") { writesOfNewer().isEmpty }
                    older.way = .passing
                    try await eventually("the older one puts it back") {
                        try await fleet.annotation(1, "p1-development") == fleet.role
                    }
                    #expect(writesOfNewer().isEmpty)
                    // With the older one gone, the newer one has it.
                    try await fleet.admin.delete("DataPlane", "dataplane-1")
                    try await eventually("the newer one takes over") {
                        try await fleet.annotation(1, "p1-development") == Self.newer
                    }
                }
            }
        }

        @Test("Both are away and answer at the same moment: the newer one writes nothing", arguments: 1...3)
        func together(_ round: Int) async throws {
            try await withTwo(5) { fleet, older, newer in
                newer.way = .refusing
                // Both know the cluster by the time that either has its status.
                fleet.controlPlane.faults.add(
                    .latency(.milliseconds(800)), match: .init(verbs: ["patch"], resources: ["dataplanes/status"]))
                try await fleet.operating { _ in
                    for name in ["dataplane-1", "z-newer"] {
                        try await fleet.reports("DataPlane", name, "Reachable", "ConnectFailed")
                    }
                    (older.way, newer.way) = (.passing, .passing)
                    try await fleet.reports("DataPlane", "z-newer", "Ready", "DuplicateCluster")
                    try await fleet.settles(1, 5)
                    let writes = fleet[1].requestLog.recent.filter {
                        $0.key.verb == "patch" && $0.key.userAgent.contains("squadron")
                    }
                    #expect(writes.allSatisfy { $0.user == "system:serviceaccount:flyte:squadron" }, "\(writes)")
                    #expect(writes.count == 10)
                }
            }
        }
    }
}
