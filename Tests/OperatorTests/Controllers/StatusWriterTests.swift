import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Operator

@Suite("Writing statuses", .timeLimit(.minutes(5)))
struct StatusWriterTests {
    private func status(_ reason: String) -> ExecutionLabelStatus {
        var status = ExecutionLabelStatus()
        status.observedGeneration = 1
        status.conditions = [
            Condition(
                type: "Ready", status: .isTrue, reason: reason, message: "", observedGeneration: 1,
                lastTransitionTime: Timestamp(ControllerBench.start))
        ]
        return status
    }

    private func withLabel(
        _ body: @escaping @Sendable (ControllerBench, ExecutionLabel) async throws -> Void
    ) async throws {
        try await withBench { bench in
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            try await body(bench, bench.stored(ExecutionLabel.self, "label1"))
        }
    }

    @Test("An equal status is not written")
    func equal() async throws {
        try await withLabel { bench, object in
            let writer = bench.statuses.writer
            try await writer.write(status("First"), of: object)
            #expect(bench.statusWrites.count == 1)
            let shown = try await bench.stored(ExecutionLabel.self, "label1")
            try await writer.write(status("First"), of: shown)
            #expect(bench.statusWrites.count == 1)
            try await writer.write(status("Second"), of: shown)
            #expect(bench.statusWrites.count == 2)
        }
    }

    /// A kind whose status JSON can't hold.
    private struct Odd: CustomResourceSpec {
        struct Status: CustomResourceStatus {
            var observedGeneration: Int64?
            var conditions: [Condition] = []
            var ratio = Double.infinity
        }
        static let resourceType = ResourceType.executionLabels
        func problems() -> [SpecProblem] { [] }
    }

    @Test("A status that can't be encoded is an error, and the stored one stays")
    func unencodable() async throws {
        try await withLabel { bench, object in
            let writer = bench.statuses.writer
            try await writer.write(status("First"), of: object)
            let odd = try CustomResource<Odd>(
                json: [
                    "apiVersion": .string(Odd.resourceType.apiVersion), "kind": "ExecutionLabel", "spec": [:],
                    "metadata": ["name": "label1", "namespace": "flyte", "uid": .string(object.metadata.uid ?? "")],
                ])
            let error = await #expect(throws: KubeError.self) { try await writer.write(Odd.Status(), of: odd) }
            #expect("\(try #require(error))".contains("can't be encoded"))
            #expect(bench.statusWrites.count == 1)
            #expect(try await bench.reasons(ExecutionLabel.self, "label1") == ["Ready": "First"])
        }
    }

    @Test("Until the store shows our write, the next status is compared with that")
    func behind() async throws {
        try await withLabel { bench, object in
            let writer = bench.statuses.writer
            try await writer.write(status("First"), of: object)
            try await writer.write(status("First"), of: object)
            #expect(bench.statusWrites.count == 1)
            #expect(writer.newest(object).status == status("First"))
            // What the store shows is another one by then, and it is believed.
            try await bench.put(status: ["observedGeneration": 1], of: .executionLabels, "label1")
            let shown = try await bench.stored(ExecutionLabel.self, "label1")
            #expect(writer.newest(shown) == shown)
            try await writer.write(status("First"), of: shown)
            #expect(try await bench.reasons(ExecutionLabel.self, "label1") == ["Ready": "First"])
        }
    }

    @Test("Between two writers, failing writes and a restart, only our last write is ours")
    func ownWrites() async throws {
        try await withLabel { bench, object in
            let writer = bench.statuses.writer
            func isOwn(_ writer: StatusWriter) async throws -> Bool {
                writer.isOwnWrite(try await bench.stored(ExecutionLabel.self, "label1"))
            }
            try await writer.write(status("First"), of: object)
            #expect(try await isOwn(writer))
            #expect(writer.newest(object).status == status("First"), "a plan still has the object as it was")
            // Another writer or a webhook changes it, and our next write fails.
            try await bench.put(status: ["observedGeneration": 7], of: .executionLabels, "label1")
            #expect(try await !isOwn(writer))
            bench.api.fail { $0.target.contains("/status") && $0.method == .patch ? .status(503) : nil }
            let changed = try await bench.stored(ExecutionLabel.self, "label1")
            await #expect(throws: KubeError.self) { try await writer.write(status("First"), of: changed) }
            #expect(try await !isOwn(writer))
            bench.api.heal()
            try await writer.write(status("First"), of: changed)
            #expect(try await isOwn(writer))
            // After a restart nothing is known to be ours, so each object is looked at.
            #expect(try await !isOwn(StatusWriter(client: writer.client, mayWrite: { true })))
        }
    }

    @Test("An operator that does not lead writes nothing")
    func notLeading() async throws {
        try await withLabel { bench, object in
            bench.leads.withLock { $0 = false }
            try await bench.statuses.writer.write(status("First"), of: object)
            #expect(bench.statusWrites.isEmpty)
        }
    }

    @Test("A deleted object is not a failure; after a server error the write is repeated")
    func failures() async throws {
        try await withLabel { bench, object in
            let writer = bench.statuses.writer
            bench.api.fail { $0.target.contains("/status") ? .status(503) : nil }
            await #expect(throws: KubeError.self) { try await writer.write(status("First"), of: object) }
            bench.api.heal()
            try await writer.write(status("First"), of: object)
            #expect(try await bench.reasons(ExecutionLabel.self, "label1") == ["Ready": "First"])
            try await bench.delete(.executionLabels, "label1")
            try await writer.write(status("Second"), of: object)
        }
    }

    @Test("Of an object that can't be read, what somebody else wrote meanwhile is asked for")
    func unreadable() async throws {
        try await withLabel { bench, object in
            let writer = bench.statuses.writer
            let type = ResourceType.executionLabels
            let ours: JSON = ["observedGeneration": 1, "label": "ours"]
            try await writer.write(ours, ofUnreadable: object.metadata, type: type)
            try await writer.write(ours, ofUnreadable: object.metadata, type: type)
            #expect(bench.statusWrites.count == 1)
            // Somebody changed the spec: our status is still there, and no write is needed.
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "b", "weight": 1]]])
            let second = try await bench.stored(ExecutionLabel.self, "label1").metadata
            try await writer.write(ours, ofUnreadable: second, type: type)
            #expect(bench.statusWrites.count == 1)
            // Somebody changed the status.
            try await bench.put(status: ["label": "theirs"], of: type, "label1")
            let third = try await bench.stored(ExecutionLabel.self, "label1").metadata
            try await writer.write(ours, ofUnreadable: third, type: type)
            #expect(try await bench.stored(ExecutionLabel.self, "label1").status?.label == "ours")
        }
    }

    @Test("Nothing is kept of objects that are gone")
    func forgets() async throws {
        try await withLabel { bench, object in
            let writer = bench.statuses.writer
            try await writer.write(status("First"), of: object)
            writer.retain([object.metadata.uid ?? ""])
            #expect(writer.newest(object) != object)
            writer.retain([])
            #expect(writer.newest(object) == object)
        }
    }
}
