import ArgumentParser
import Foundation
import HTTP
import Support

/// The bare program beside a settled fleet. It sends the operator's requests at the same pace over open connections: two
/// requests for each probe every ten seconds, and three once a minute for the version and the reviews. It has no watches, and it does
/// not read the answers.
struct SettledFloor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "settled-floor", shouldDisplay: false)
    @Argument var plan: String

    struct Plan: Codable {
        var targets: [Target]
        var seconds: Double
    }

    private static let interval = 10.0
    private static let probesPerReview = 6

    /// Prints its CPU time in seconds. The requests that connect do not count.
    func run() async throws {
        let plan = try JSONDecoder().decode(Plan.self, from: Data(contentsOf: URL(filePath: plan)))
        let clients = plan.targets.map { BareClient($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients { group.addTask { try await client.send(.get, "/version") } }
            try await group.waitForAll()
        }
        let (start, before) = (ContinuousClock.now, ProcessInfo.cpuSeconds)
        let end = start + .seconds(plan.seconds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, client) in clients.enumerated() {
                // As with the operator, the probes of the data planes are spread over the interval.
                let first = start + .seconds(Self.interval * Double(number) / Double(clients.count))
                group.addTask { try await Self.probe(client, from: first, until: end) }
            }
            try await group.waitForAll()
        }
        say(String(ProcessInfo.cpuSeconds - before))
    }

    private static func probe(
        _ client: BareClient, from first: ContinuousClock.Instant, until end: ContinuousClock.Instant
    ) async throws {
        var next = first
        for round in 0... {
            guard next < end else { return }
            try await Task.sleep(until: next)
            async let health: Void = client.send(.get, "/readyz")
            async let identity: Void = client.get("namespaces/kube-system")
            if round % probesPerReview == 0 {
                async let version: Void = client.send(.get, "/version")
                async let user: Void = client.review("SelfSubjectReview", "selfsubjectreviews", group: "authentication")
                async let rules: Void = client.review(
                    "SelfSubjectRulesReview", "selfsubjectrulesreviews", group: "authorization",
                    spec: #"{"namespace":"bench"}"#)
                _ = try await (version, user, rules)
            }
            _ = try await (health, identity)
            next += .seconds(interval)
        }
    }
}

extension ProcessInfo {
    /// The CPU time of this process so far, user and system.
    static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
