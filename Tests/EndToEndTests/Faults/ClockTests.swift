import DevCluster
import JSON
import Support
import Testing

@testable import Operator

/// The calendar as an operator sees it, set by a test.
final class Calendar: Sendable {
    private let offset = Locked(0.0)
    var clock: WallClock { WallClock { [offset] in WallClock.system.now + offset.withLock { $0 } } }
    func set(_ seconds: Double) { offset.withLock { $0 = seconds } }
    func set(days: Double) { set(days * 86_400) }
}

extension EndToEnd.Faults {
    /// The calendar is set, by NTP or by hand. How long something lasts is measured by another clock.
    @Suite("Clock jumps")
    struct Clocks {
        @Test(
            "A calendar that jumps, on any replica, neither ends nor prolongs the Lease",
            arguments: [-86_400.0, -3_600, 3_600, 86_400])
        func lease(_ jump: Double) async throws {
            // Each operator has a calendar of its own, in the order in which they are made.
            let calendars = [Calendar(), Calendar()]
            let made = Locked(0)
            try await withFleet(
                of: 1,
                configure: { configuration in
                    let number = made.withLock { made in
                        defer { made += 1 }
                        return made
                    }
                    configuration.wallClock = calendars[min(number, 1)].clock
                }
            ) { fleet in
                try await fleet.applyBasics()
                try await fleet.operating { first in
                    try await fleet.settles(0)
                    #expect(first.isLeader)
                    try await fleet.operating { second in
                        for calendar in calendars {
                            calendar.set(jump)
                            // Longer than the Lease, which is of two seconds here.
                            try await throughout(.milliseconds(2_500), "the first one leads, and no other") {
                                first.isLeader && !second.isLeader
                            }
                        }
                        try await fleet.admin.apply(assignment("project1", "development"))
                        try await fleet.settles(1)
                        // And it ends when it should: after the leader has gone.
                        first.shutDown()
                        try await eventually("the second one takes over", within: .seconds(6)) { second.isLeader }
                    }
                }
                let terms = fleet.log.lines.count { $0.contains("leader election: elected") }
                #expect(terms == 2, "elected \(terms) times")
                #expect(fleet[1].requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 2)
            }
        }

        @Test(
            "Each warning of an expiring token comes once, however the calendar jumps"
        )
        func warnings() async throws {
            let calendar = Calendar()
            try await withFleet(of: 1, configure: { $0.wallClock = calendar.clock }) { fleet in
                try await fleet.applyBasics()
                let token = try fleet[1].makeServiceAccountToken(
                    namespace: "flyte", name: "squadron", lifetime: .seconds(200 * 86_400))
                try await fleet.admin.merge(
                    "Secret", "cluster-credentials", ["stringData": ["dataplane_1_token": .string(token)]])
                /// Whatever the events' texts have in common is one Event and its series.
                func warnings() async throws -> Int {
                    try await fleet.admin.list("Event").filter {
                        $0["reason"] == "CredentialsExpiring" && $0["note"]?.string?.contains("the token") == true
                    }.reduce(0) { $0 + Int($1[path: ["series", "count"]]?.int ?? 1) }
                }
                var looks = 0
                /// The operator looks by itself every five minutes; a change of the object makes it look now.
                func look(days: Double) async throws {
                    calendar.set(days: days)
                    looks += 1
                    try await fleet.admin.merge(
                        "DataPlane", "dataplane-1", ["spec": ["values": ["look": .string("\(looks)")]]])
                    let generation = try await fleet.admin.get("DataPlane", "dataplane-1")?[
                        path: ["metadata", "generation"]]
                    try await eventually("it has looked") {
                        try await fleet.admin.get("DataPlane", "dataplane-1")?[path: ["status", "observedGeneration"]]
                            == generation
                    }
                }
                try await fleet.operating { squadron in
                    try await fleet.settles(0)
                    for (days, expected) in [
                        (100, 0), (187, 1), (188, 1), (194, 2), (170, 2), (194.5, 2), (199.5, 3), (0, 3),
                    ] {
                        try await look(days: days)
                        let count = try await eventually("\(expected) warnings by day \(days)") {
                            try await warnings()
                        } until: {
                            $0 >= expected
                        }
                        #expect(count == expected, "by day \(days)")
                        try await fleet.reports(1, "CredentialsValid", "Valid")
                    }
                    #expect(
                        squadron.metricsText.contains(
                            #"squadron_credential_expiration_timestamp_seconds{dataplane="dataplane-1",credential="token"}"#
                        ))
                    // Past its end by our calendar: it says so, and the data plane, which takes it, decides.
                    try await look(days: 201)
                    let condition = try await fleet.reports(1, "CredentialsValid", "Valid")
                    #expect(condition.message.contains("the token expired at"), "\(condition)")
                    try await fleet.admin.apply(assignment("project1", "development"))
                    try await eventually("the connection is still of use") {
                        try await fleet.annotation(1, "project1-development") == fleet.role
                    }
                    // Set back: all is well again, and no warning is repeated.
                    try await look(days: 0)
                    try await fleet.reports(1, "CredentialsValid", "Valid")
                    try await fleet.settles(1)
                    #expect(try await warnings() <= 4)
                }
            }
        }
    }
}
