import Fleet
import JSON
import KubeObjects
import Testing

@testable import Console

@Suite("squadron rollout")
struct RolloutTests {
    private static let registry = """
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: ClusterRegistry
        metadata: {name: flyte, namespace: flyte}
        spec: {rollout: {type: Progressive}}
        status:
          rollout: {revision: 3, phase: Paused, reason: TooManyFailures, message: "a: x y: Invalid", updated: 1, total: 2,
            current: [a]}
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: a, namespace: flyte}
        spec: {endpoint: "https://a"}
        status: {appliedRevision: 2, conditions: [{type: Ready, status: "False", reason: SyncFailed, message: m,
            lastTransitionTime: "2026-01-01T00:00:00Z"}]}

        """
    private static func revision(_ number: Int, _ record: String? = nil) throws -> DynamicObject {
        let annotations: JSON = record.map { [RolloutNames.state: .string($0)] } ?? [:]
        return try DynamicObject(
            json: [
                "metadata": ["name": .string("squadron-flyte-\(number)"), "annotations": annotations],
                "revision": .int(Int64(number)),
            ])
    }
    private static let record =
        #"{"assigned":{},"updated":[],"current":{},"complete":2,"completeBefore":1,"tolerated":0}"#

    @Test("status shows how far it is, why it is paused, and which data plane has what")
    func status() throws {
        let report = RolloutReport(try objects(Self.registry))
        #expect(
            text(report) == """
                revision 3: Paused (TooManyFailures), 1 of 2 data planes updated
                  a: x y: Invalid

                DATAPLANE  REVISION      READY
                a          2 (its turn)  SyncFailed

                """)
        #expect(report.json["rollout"]?["reason"] == "TooManyFailures")
    }

    @Test("undo goes to the last complete revision and changes one annotation only")
    func undo() throws {
        let revisions = [try Self.revision(1), try Self.revision(2), try Self.revision(3, Self.record)]
        let steering = RolloutSteering(.undo(to: nil), try objects(Self.registry), revisions: revisions)
        #expect(steering.change == ["metadata": ["annotations": [RolloutNames.pinned: "2/3"]]])
        let complete = Self.record.replacing("\"complete\":2", with: "\"complete\":3")
        let other = [try Self.revision(1), try Self.revision(3, complete)]
        #expect(
            RolloutSteering(.undo(to: nil), try objects(Self.registry), revisions: other).change
                == ["metadata": ["annotations": [RolloutNames.pinned: "1/3"]]])
    }

    @Test("undo to a revision that isn't there changes nothing and names those that are")
    func unknown() throws {
        let revisions = [try Self.revision(1), try Self.revision(3, Self.record)]
        let steering = RolloutSteering(.undo(to: 7), try objects(Self.registry), revisions: revisions)
        #expect(steering.change == nil && steering.outcome == .failed)
        #expect(steering.refusal == "there is no revision 7; there are: 1, 3")
    }

    @Test("pause and resume set spec.rollout.paused; resume sets an annotation as well")
    func pause() throws {
        let objects = try objects(Self.registry)
        #expect(RolloutSteering(.pause, objects).change == ["spec": ["rollout": ["paused": true]]])
        let now = try #require(Timestamp("2026-01-02T03:04:05Z"))
        #expect(
            RolloutSteering(.resume(now: now), objects).change
                == ["metadata": ["annotations": [RolloutNames.resumedAt: "2026-01-02T03:04:05Z"]]])
    }

    @Test("Without spec.rollout.type Progressive there is nothing to steer")
    func all() throws {
        let steering = RolloutSteering(.pause, try objects(Self.registry.replacing("Progressive", with: "All")))
        #expect(steering.change == nil && steering.outcome == .failed)
    }
}
