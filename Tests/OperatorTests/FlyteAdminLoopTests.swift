import ControlLoop
import Fleet
import JSON
import KubeObjects
import Support
import TestAPI
import TestSupport
import Testing

@testable import DevFlyteAdmin
@testable import Operator

@Suite("The loop that talks to flyteadmin", .timeLimit(.minutes(5)))
struct FlyteAdminLoopTests {
    private static func registry(_ more: JSON = [:]) -> JSON {
        var spec: JSON = [
            "flyteAdmin": ["endpoint": "https://flyteadmin.flyte.svc", "intervalSeconds": 60],
            "publish": ["clustersConfigMap": ["name": "clusters"], "restart": [["name": "flyteadmin"]]],
        ]
        for (key, value) in more.object ?? [:] { spec[key] = value }
        return spec
    }

    @Test(
        "Rows wait until flyteadmin runs with their label, also after new settings",
        arguments: [["mode": "Observe"], ["publish": ["clustersConfigMap": ["name": "clusters"]]]] as [JSON])
    func rowsWait(_ before: JSON) async throws {
        try await withBench { bench in
            try await bench.put("ClusterRegistry", "flyte", Self.registry(before))
            try await bench.enroll("a")
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            await bench.plan()
            for _ in 0..<2 { await bench.reconcile(.publishing) }
            var (session, readings) = (FlyteAdminSession?.none, await bench.flyteAdmin.recall())
            _ = await bench.flyteAdmin.step(&session, &readings)
            try await bench.assign("p")
            try await bench.put("ClusterRegistry", "flyte", Self.registry())
            await bench.plan()
            // This loop is woken before the controller of what is published.
            _ = await bench.flyteAdmin.step(&session, &readings)
            await bench.reconcile(.publishing)
            _ = await bench.flyteAdmin.step(&session, &readings)
            #expect(bench.adminTables.writes.isEmpty)
            let assignment = try await bench.stored(ExecutionClusterLabel.self, "p-development")
            #expect(bench.reports.flyteAdmin.publication(of: assignment) == .waitingForRollout("label1"))
        }
    }

    @Test("Notes that can't be written make polls rarer, and hold up nothing else")
    func notesRefused() async throws {
        try await withBench { bench in
            try await bench.put(
                "ClusterRegistry", "flyte", ["flyteAdmin": ["endpoint": "https://flyteadmin.flyte.svc"]])
            try await bench.put("ExecutionLabel", "label1", ["clusters": [["name": "a", "weight": 1]]])
            try await bench.put(
                "FlyteProject", "p",
                ["project": "p", "attributes": ["development": ["taskResources": ["defaults": ["cpu": "1"]]]]])
            bench.api.fail { $0.target.contains(FlyteAdminNotes.taskResources) ? .status(403) : nil }
            await bench.plan()
            await bench.reconcile(.publishing)
            var (session, readings) = (FlyteAdminSession?.none, await bench.flyteAdmin.recall())
            var waits: [Duration] = []
            for _ in 0..<8 {
                let next = await bench.flyteAdmin.step(&session, &readings) ?? .zero
                waits.append(next - bench.timeline.now)
                bench.clock.advance(by: waits[waits.count - 1])
            }
            #expect(waits[0] <= .seconds(1) && waits[7] >= .seconds(25), "\(waits)")
            // A label is written at once all the same.
            try await bench.assign("p")
            await bench.plan()
            bench.clock.advance(by: .seconds(1))
            _ = await bench.flyteAdmin.step(&session, &readings)
            #expect(bench.adminTables.writes.count == 1)
            // And when the notes are allowed, polls come at their interval again.
            bench.api.heal()
            bench.flyteAdmin.ask()
            let next = await bench.flyteAdmin.step(&session, &readings) ?? .zero
            #expect(next - bench.timeline.now > .seconds(50))
        }
    }
}
