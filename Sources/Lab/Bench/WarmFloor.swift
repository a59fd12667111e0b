import ArgumentParser
import Foundation
import HTTP
import Support

/// The bare program for one more project-domain in a fleet that runs: its connections are open before the time counts. It
/// writes the three objects into each data plane, and one patch of each DataPlane, in place of its status.
struct WarmFloor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "warm-floor", shouldDisplay: false)
    @Argument var plan: String

    struct Plan: Codable {
        var targets: [Target]
        var controlPlane: Target
        var project: String
    }

    /// In seconds.
    struct Result: Codable {
        var wall: Double
        var cpu: Double
    }

    func run() async throws {
        let plan = try JSONDecoder().decode(Plan.self, from: Data(contentsOf: URL(filePath: plan)))
        let clients = plan.targets.map { BareClient($0) }
        let control = BareClient(plan.controlPlane)
        try await control.send(.get, "/version")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients { group.addTask { try await client.send(.get, "/version") } }
            try await group.waitForAll()
        }
        let (start, before) = (ContinuousClock.now, ProcessInfo.cpuSeconds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients { group.addTask { try await client.make(plan.project) } }
            try await group.waitForAll()
        }
        let wall = ContinuousClock.now - start
        // An annotation: a status that is not the operator's would be put right.
        let body = #"{"metadata":{"annotations":{"bench":"\#(plan.project)"}}}"#
        try await withThrowingTaskGroup(of: Void.self) { group in
            for target in plan.targets {
                group.addTask {
                    try await control.send(
                        .patch,
                        "/apis/multicluster.flyte.org/v1alpha1/namespaces/flyte/dataplanes/\(target.name)",
                        body, type: "application/merge-patch+json")
                }
            }
            try await group.waitForAll()
        }
        let result = Result(wall: wall.seconds, cpu: ProcessInfo.cpuSeconds - before)
        say(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
    }
}
