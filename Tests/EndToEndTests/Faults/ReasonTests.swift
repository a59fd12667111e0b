import DevCluster
import JSON
import Testing
import YAML

@testable import Operator

extension EndToEnd.Faults {
    /// Each reason of the contract from its real cause, with a message that says what was tried and what came back; and
    /// that it ends when the cause does. The other data plane stays Ready all the time.
    @Suite("Failures explain themselves")
    struct Reasons {
        struct Cause: Sendable, CustomTestStringConvertible {
            var name: String
            var condition = "Reachable"
            var reason: String
            /// What the message has to have.
            var words: [String]
            var begin: @Sendable (TestFleet<DevCluster>) async throws -> Void
            var end: @Sendable (TestFleet<DevCluster>) async throws -> Void = { try await $0[2].heal() }
            var testDescription: String { name }
        }

        static let causes: [Cause] = [
            Cause(
                name: "a host name that nobody knows", reason: "DNSFailed", words: ["does-not-exist.invalid"],
                begin: {
                    try await $0.admin.merge(
                        "DataPlane", "dataplane-2", ["spec": ["endpoint": "https://does-not-exist.invalid:6443"]])
                },
                end: { try await $0.admin.apply($0.dataPlane(2)) }),
            Cause(
                name: "nobody listens", reason: "ConnectFailed", words: ["127.0.0.1"],
                begin: { try await $0[2].setAvailability(.refusing) }),
            Cause(
                name: "the host does not answer", reason: "Timeout", words: ["connect"],
                begin: { try await $0[2].setAvailability(.unanswering) }),
            Cause(
                name: "a black hole", reason: "Timeout", words: ["/readyz"], begin: { $0[2].link.isBlackHole = true }),
            Cause(
                name: "a certificate of an authority that _cacert does not have", reason: "TLSUntrusted",
                words: ["certificate"], begin: { try await $0[2].rotateCertificate(fault: .foreignCA) }),
            Cause(
                name: "a certificate for another name", reason: "TLSNameMismatch", words: ["127.0.0.1"],
                begin: { try await $0[2].rotateCertificate(fault: .wrongName) }),
            Cause(
                name: "an expired certificate", reason: "TLSExpired", words: ["expired"],
                begin: { try await $0[2].rotateCertificate(fault: .expired) }),
            Cause(
                name: "429", reason: "TooManyRequests", words: ["429"],
                begin: { $0[2].faults.add(.status(429, retryAfter: 1)) }),
            Cause(name: "503", reason: "ServerError", words: ["503"], begin: { $0[2].faults.add(.status(503)) }),
            Cause(name: "500", reason: "ServerError", words: ["500"], begin: { $0[2].faults.add(.status(500)) }),
            Cause(
                name: "401", condition: "CredentialsValid", reason: "TokenRejected", words: ["401"],
                begin: { $0[2].faults.add(.status(401)) }),
            Cause(
                name: "403 on what the templates need", condition: "Authorized", reason: "PermissionsMissing",
                words: ["create, patch", "serviceaccounts"],
                begin: { fleet in
                    try await fleet[2].admin.apply(Self.role(namespaces: ["get", "list", "watch", "create", "patch"]))
                    // It is seen at the latest with the first write that is refused.
                    try await fleet.admin.apply(assignment("forbidden", "staging"))
                },
                end: { fleet in
                    try await fleet[2].admin.apply(Manifests.dataPlane().filter { $0["kind"] == "ClusterRole" })
                }
            ),
            Cause(
                name: "an expired token", condition: "CredentialsValid", reason: "TokenExpired", words: ["expired"],
                begin: { fleet in
                    let old = try fleet[2].makeServiceAccountToken(
                        namespace: "flyte", name: "squadron", lifetime: .seconds(-60))
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["stringData": ["dataplane_2_token": .string(old)]])
                },
                end: { try await $0.enroll(2) }),
        ]

        private static func role(namespaces: [JSON]) -> [JSON] {
            [
                [
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                    "metadata": ["name": "squadron"],
                    "rules": [
                        ["apiGroups": [""], "resources": ["namespaces"], "verbs": .array(namespaces)],
                        ["apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "list", "watch"]],
                    ],
                ]
            ]
        }

        @Test("The reason, its message, and the way back", arguments: causes)
        func reason(_ cause: Cause) async throws {
            try await withSettledFleet(of: 2) { fleet, _ in
                try await cause.begin(fleet)
                let message = try await fleet.reports(2, cause.condition, cause.reason).message
                if cause.reason == "TokenExpired" {
                    let status = try await fleet.admin.get("DataPlane", "dataplane-2")?["status"]
                    #expect(status?["tokenExpirationTime"]?.string?.isEmpty == false, "when, is worth an alert")
                    #expect(status?["caExpirationTime"]?.string?.isEmpty == false)
                }
                for word in cause.words { #expect(message.contains(word), "\(word) is not in: \(message)") }
                if cause.condition == "Reachable" {
                    let endpoint = try await fleet.admin.get("DataPlane", "dataplane-2")?[path: [
                        "spec", "endpoint",
                    ]]
                    let host = endpoint?.string?.split(separator: "/").last.map(String.init) ?? "?"
                    #expect(message.contains(host), "the endpoint is not in: \(message)")
                    try await fleet.reports(2, "Ready", cause.reason)
                    #expect(try await fleet.conditions("DataPlane", "dataplane-2")["Synced"]?.status == "Unknown")
                }
                let notes = try await eventually("an event tells of it") {
                    try await fleet.events(regarding: "dataplane-2", "DataPlane")
                } until: {
                    $0.contains { $0.hasPrefix(cause.reason) }
                }
                #expect(!notes.isEmpty)
                #expect(try await fleet.conditions("DataPlane", "dataplane-1")["Ready"]?.status == "True")
                try await cause.end(fleet)
                try await fleet.admin.apply(assignment("afterwards", "staging"))
                let count = try await fleet.admin.list("ExecutionClusterLabel").count
                try await fleet.settles(count)
                #expect(try await fleet.annotation(2, "afterwards-staging") == fleet.role)
            }
        }

        @Test("Missing permissions: an event has the exact rule to add, as ClusterRole YAML")
        func rules() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                try await fleet[1].admin.apply(Self.role(namespaces: ["get", "list", "watch", "create"]))
                try await fleet.operating { _ in
                    let message = try await fleet.reports(1, "Authorized", "PermissionsMissing").message
                    #expect(message.contains("patch namespaces"), "\(message)")
                    #expect(message.contains("create, patch serviceaccounts"), "\(message)")
                    let note = try await eventually("an event has the rule") {
                        try await fleet.events(regarding: "dataplane-1", "DataPlane").first {
                            $0.hasPrefix("PermissionsToAdd")
                        } ?? ""
                    } until: {
                        !$0.isEmpty
                    }
                    let rules = try YAML.parse(note.split(separator: "\n").dropFirst().joined(separator: "\n"))
                    #expect(
                        rules == [
                            ["apiGroups": [""], "resources": ["namespaces"], "verbs": ["patch"]],
                            ["apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create", "patch"]],
                        ], "\(note)")
                    // Adding it is enough.
                    var role = Self.role(namespaces: ["get", "list", "watch", "create"])[0]
                    role["rules"] = .array((role["rules"]?.array ?? []) + (rules.array ?? []))
                    try await fleet[1].admin.apply([role])
                    try await fleet.reports(1, "Authorized", "PermissionsGranted")
                }
            }
        }

        @Test("A server that has no /readyz is asked for /healthz")
        func healthz() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                fleet[1].faults.add(.status(404), match: .init(resources: ["/readyz"]))
                try await fleet.admin.apply(assignment("project1", "development"))
                try await fleet.operating { _ in
                    try await fleet.settles(1)
                    #expect(fleet[1].requestLog.count(resource: "/healthz", userAgent: "squadron") > 0)
                    fleet[1].faults.add(.status(500), match: .init(resources: ["/healthz"]))
                    try await fleet.reports(1, "Reachable", "ServerError")
                }
            }
        }

        @Test("One failed probe does not make a data plane unreachable, two in a row do")
        func flapping() async throws {
            try await withSettledFleet([]) { fleet, _ in
                try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                for _ in 0..<3 {
                    fleet[1].faults.add(.status(503), match: .init(resources: ["/readyz"]), count: 1)
                    let hits = fleet[1].faults.totalHits
                    try await eventually("a probe fails") { fleet[1].faults.totalHits > hits }
                    try await throughout(.milliseconds(900), "it stays Ready") {
                        try await fleet.conditions("DataPlane", "dataplane-1")["Ready"]?.status == "True"
                    }
                }
                fleet[1].faults.add(.status(503), match: .init(resources: ["/readyz"]), count: 2)
                try await fleet.reports(1, "Reachable", "ServerError")
                try await fleet.reports(1, "Ready", "Ready")
            }
        }

        @Test("What can't be applied is in the failures: since when, how often tried, and why")
        func failures() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                fleet[1].faults.add(.status(500), match: .init(verbs: ["patch"], names: ["a-development"]))
                for number in 1...20 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.admin.apply(assignment("a", "development"))
                try await fleet.operating { _ in
                    let entry = try await eventually("it has been tried several times") {
                        try await fleet.failures(1).first ?? .null
                    } until: {
                        ($0["attempts"]?.int ?? 0) >= 3
                    }
                    #expect(entry["namespace"] == "a-development" && entry["reason"] == "ServerError")
                    #expect(
                        entry["since"]?.string?.isEmpty == false
                            && entry["message"]?.string?.contains("; next try within ") == true)
                    let counts = try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["status", "namespaces"]]
                    #expect(counts?["failed"] == 1)
                    fleet[1].faults.removeAll()
                    try await fleet.settles(21)
                    #expect(try await fleet.failures(1).isEmpty)
                }
            }
        }

        @Test("However many fail, the status holds sixteen failures and the right counts")
        func bounded() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet.applyBasics()
                fleet[1].faults.add(.status(422), match: .init(verbs: ["patch"], resources: ["serviceaccounts"]))
                for number in 1...40 { try await fleet.admin.apply(assignment("p\(number)", "development")) }
                try await fleet.operating { _ in
                    try await eventually("all have failed") {
                        try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["status", "namespaces", "failed"]]
                            == 40
                    }
                    #expect(try await fleet.failures(1).count == 16)
                    #expect(try await fleet.failures(1).allSatisfy { $0["reason"] == "Invalid" })
                    let times = try await fleet.failures(1).compactMap { $0["since"]?.string }
                    #expect(times.count == 16 && times == times.sorted(), "oldest first: \(times)")
                }
            }
        }

        @Test(
            "A token that expires soon gets one event for each step, also across restarts",
            arguments: [(200.0, 12.0), (200, 5), (1.0 / 24, 0.05 / 24)])
        func expiry(days: Double, left: Double) async throws {
            let calendar = Calendar()
            calendar.set(days: days - left)
            try await withFleet(of: 1, configure: { $0.wallClock = calendar.clock }) { fleet in
                try await fleet.applyBasics()
                let token = try fleet[1].makeServiceAccountToken(
                    namespace: "flyte", name: "squadron", lifetime: .seconds(days * 86_400))
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(token)]])
                func warnings() async throws -> [String] {
                    try await fleet.events(regarding: "dataplane-1", "DataPlane").filter {
                        $0.hasPrefix("CredentialsExpiring") && $0.contains("the token expires at")
                    }
                }
                try await fleet.operating { _ in
                    try await fleet.settles(0)
                    let status = try await fleet.admin.get("DataPlane", "dataplane-1")?["status"]
                    #expect(status?["tokenExpirationTime"]?.string?.isEmpty == false)
                    try await eventually("an event warns of it") { try await warnings().count == 1 }
                }
                try await fleet.operating { _ in
                    try await throughout(.seconds(1), "no second warning") { try await warnings().count == 1 }
                    // Away for a while, and then the same one again: a sync tool created the Secret again.
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["data": ["dataplane_1_token": nil]])
                    try await fleet.reports(1, "CredentialsValid", "TokenMissing")
                    try await fleet.admin.merge(
                        "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(token)]])
                    try await fleet.reports(1, "CredentialsValid", "Valid")
                    try await fleet.settles(0)
                    try await throughout(.milliseconds(500), "no second warning") { try await warnings().count == 1 }
                }
            }
        }
    }
}
