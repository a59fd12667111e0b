import Foundation
import Kube
import KubeObjects
import Support

/// Measures how long a change takes to reach all data planes, by watches of these.
extension Lab {
    /// The median round trip of one write, in milliseconds.
    func barePatch(_ target: Target) async throws -> Double {
        let client = target.client
        defer { client.close() }
        var times: [Double] = []
        for number in 0..<40 {
            let start = ContinuousClock.now
            try await Setup.apply(
                ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string("bare-\(number)")]], to: client)
            times.append((ContinuousClock.now - start).milliseconds)
        }
        return Array(times.dropFirst(5)).median
    }

    /// Milliseconds from the answer to a new ExecutionClusterLabel's creation until watches have shown the annotated
    /// ServiceAccount on all of them.
    ///
    /// - Parameter pause: the time between two samples. With many data planes on few cores, the next sample would
    ///   otherwise wait for the statuses of the last one.
    func propagate(
        _ servers: Servers, over targets: [Target], samples: Int, prefix: String = "s", pause: Duration = .zero
    ) async throws -> [Double] {
        let arrivals = Arrivals()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for target in targets { group.addTask { try await Self.watch(target, arrivals) } }
            try await wait("watches are open", 30) { arrivals.opened >= targets.count }
            let client = servers.controlPlane.client
            var times: [Double] = []
            for number in 1...samples {
                let name = "\(prefix)\(number)"
                try await Setup.apply(Setup.assignment(name), to: client)
                let start = ContinuousClock.now
                try await wait("\(name) is everywhere", 60, every: 0.002) {
                    arrivals.count("\(name)-development") >= targets.count
                }
                times.append(max(0, ((arrivals.last("\(name)-development") ?? start) - start).milliseconds))
                try await Task.sleep(for: pause)
            }
            client.close()
            group.cancelAll()
            return times
        }
    }

    final class Arrivals: Sendable {
        private struct State {
            var opened = 0
            var seen: [String: (where: Set<String>, last: ContinuousClock.Instant)] = [:]
        }
        private let state = Locked(State())
        var opened: Int { state.withLock { $0.opened } }
        func open() { state.withLock { $0.opened += 1 } }
        func count(_ name: String) -> Int { state.withLock { $0.seen[name]?.where.count ?? 0 } }
        func last(_ name: String) -> ContinuousClock.Instant? { state.withLock { $0.seen[name]?.last } }
        func saw(_ name: String, on target: String) {
            state.withLock { state in
                var places = state.seen[name]?.where ?? []
                guard places.insert(target).inserted else { return }
                state.seen[name] = (places, .now)
            }
        }
    }

    private static func watch(_ target: Target, _ arrivals: Arrivals) async throws {
        let client = target.client
        defer { client.close() }
        let type = ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)
        let source: any ListWatch<PartialObject> = client.listWatch(
            PartialObject.self,
            of: KubeCollection(type, labelSelector: "app.kubernetes.io/managed-by=squadron", metadataOnly: true))
        let page = try await source.list(continueToken: nil)
        let stream = try await source.watch(from: page.resourceVersion)
        arrivals.open()
        for try await event in stream {
            guard case .applied(.valid(let object)) = event, let name = object.metadata.namespace else { continue }
            arrivals.saw(name, on: target.name)
        }
    }
}
