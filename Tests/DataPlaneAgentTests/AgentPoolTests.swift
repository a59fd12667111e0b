import ControlLoop
import Fleet
import HTTP
import Kube
import KubeObjects
import Logging
import Support
import TestSupport
import Testing

@testable import DataPlaneAgent

/// Continues on request.
private final class StoppedClock: Clock {
    let offset = Locked(Duration.zero)
    private let start = ContinuousClock.now
    var now: ContinuousClock.Instant { start + offset.withLock { $0 } }
    var minimumResolution: Duration { .zero }
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        await untilCancelled()
        throw CancellationError()
    }
}

@Suite("Which agent may write to a cluster")
struct AgentPoolTests {
    private func pool(_ timeline: Timeline = .continuous) -> AgentPool {
        var context = AgentContext(
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            connect: { _ in preconditionFailure("nothing is connected here") }, mayWrite: { true },
            changed: { _, _ in }, credentialsRejected: { _ in })
        context.timeline = timeline
        return AgentPool(context: context)
    }

    private struct DataPlane {
        var name: String
        var subject: AgentSubject
    }

    private func dataPlane(_ name: String, made second: Double) -> DataPlane {
        var metadata = ObjectMeta(name: name, namespace: "flyte")
        metadata.uid = "uid-of-\(name)"
        metadata.creationTimestamp = Timestamp(Instant(secondsSince1970: second))
        let subject = AgentSubject(
            uid: metadata.uid, endpoint: "https://\(name)", seniority: Seniority(metadata))
        return DataPlane(name: name, subject: subject)
    }

    private func plan() -> DataPlanePlan {
        DataPlanePlan(
            version: .init(plan: 1, generation: 1, kinds: .wellKnown, isPending: true), types: [],
            unknownKinds: [], permissions: [], common: 0, namespaces: [:], namespaceOf: { _ in nil },
            content: { _ in nil })
    }

    private func start(_ one: DataPlane, in pool: AgentPool) -> Agent {
        pool.update(one.name, of: one.subject, configuration: AgentConfiguration(), plan: plan())
    }

    @Test("The first has it, an older one takes it over, and a newer one must wait")
    func seniority() {
        let pool = pool()
        let (old, middle, young) = (
            dataPlane("z", made: 1), dataPlane("m", made: 2), dataPlane("a", made: 3)
        )
        let agents = [old, middle, young].map { start($0, in: pool) }
        #expect(pool.approve("u", for: middle.name, middle.subject) == [])
        #expect(pool.approve("u", for: young.name, young.subject) == ["a"])
        #expect(pool.approve("u", for: old.name, old.subject) == ["m"])
        #expect(agents.map { $0.isApproved(for: "u") } == [true, false, false])
        // Another cluster is another matter; and with its owner gone, the next one has it.
        #expect(pool.approve("other", for: young.name, young.subject) == [])
        pool.remove("z")
        agents[1].hold(asDuplicate: false)
        #expect(pool.approve("u", for: middle.name, middle.subject) == [])
        #expect(agents[1].isApproved(for: "u"))
    }

    @Test("One that turns out to be at another cluster has no claim to the one before")
    func moved() {
        let pool = pool()
        let (old, young) = (dataPlane("z", made: 1), dataPlane("a", made: 2))
        let agents = [old, young].map { start($0, in: pool) }
        #expect(pool.approve("u", for: old.name, old.subject) == [])
        #expect(pool.approve("u", for: young.name, young.subject) == ["a"])
        #expect(pool.approve("v", for: old.name, old.subject) == [])
        agents[1].hold(asDuplicate: false)
        #expect(pool.approve("u", for: young.name, young.subject) == [])
        #expect(agents.map { $0.isApproved(for: "u") } == [false, true])
        #expect(agents[0].isApproved(for: "v"))
    }

    @Test("The start waits only for its own data planes, not for one that comes later")
    func settling() {
        let clock = StoppedClock()
        let pool = pool(Timeline(clock))
        _ = start(dataPlane("first", made: 1), in: pool)
        #expect(pool.isSettling)
        clock.offset.withLock { $0 = .seconds(30) }
        _ = start(dataPlane("without-credentials", made: 2), in: pool)
        #expect(!pool.isSettling)
    }

    @Test("Of many claimants of one cluster exactly one may write, in the end the oldest")
    func race() async {
        for _ in 0..<200 {
            let pool = pool()
            let objects = (0..<4).map { dataPlane("dp\($0)", made: Double(10 - $0)) }
            let agents = objects.map { start($0, in: pool) }
            await withTaskGroup(of: Void.self) { group in
                for object in objects { group.addTask { _ = pool.approve("u", for: object.name, object.subject) } }
                group.addTask {
                    for _ in 0..<50 {
                        // One may take over between two of these looks: what holds is seen twice.
                        let first = agents.map { $0.isApproved(for: "u") }
                        let second = agents.map { $0.isApproved(for: "u") }
                        let writers = zip(first, second).count { $0 && $1 }
                        #expect(writers <= 1)
                        await Task.yield()
                    }
                }
            }
            #expect(agents.map { $0.isApproved(for: "u") } == [false, false, false, true])
        }
    }
}
