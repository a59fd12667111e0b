import ControlLoop
import Fleet
import KubeObjects
import Support
import Testing

@testable import Operator

@Suite("Whether a status waits")
struct StatusPolicyTests {
    @Test("A status of an earlier run waits for the fleet; a new generation does not")
    func fleet() {
        func wait(_ observed: Int64?, _ generation: Int64?, _ isSettling: Bool) -> Duration? {
            StatusPolicy.waitForFleet(observed: observed, generation: generation, isSettling: isSettling)
        }
        #expect(wait(2, 2, true) == Delay.coalescing)
        #expect(wait(2, 2, false) == nil)
        #expect(wait(1, 2, true) == nil)
        #expect(wait(nil, 1, true) == nil && wait(nil, nil, true) == nil)
    }

    @Test("A first status waits two seconds for a result, again after it has had one")
    func result() {
        var patience = Patience()
        func wait(_ isPending: Bool, at second: Double) -> Duration? {
            StatusPolicy.waitForResult(isPending: isPending, &patience, now: .seconds(second))
        }
        #expect(wait(true, at: 100) == Delay.nextLookAtResult)
        #expect(wait(true, at: 101.999) == Delay.nextLookAtResult)
        #expect(wait(true, at: 102) == nil && wait(true, at: 500) == nil)
        #expect(wait(false, at: 501) == nil)
        #expect(wait(true, at: 502) == Delay.nextLookAtResult)
    }

    @Test("A registry waits two seconds for the publishing of each of its generations")
    func publishing() {
        var patience = Patience()
        func wait(_ generation: Int64, _ published: Int64?, at second: Double) -> Duration? {
            StatusPolicy.waitForPublishing(of: generation, published: published, &patience, now: .seconds(second))
        }
        #expect(wait(1, 1, at: 0) == nil)
        #expect(wait(2, 1, at: 10) == Delay.coalescing && wait(2, 1, at: 11.9) == Delay.coalescing)
        #expect(wait(2, 1, at: 12) == nil)
        #expect(wait(3, 1, at: 13) == Delay.coalescing, "another generation has a patience of its own")
        #expect(wait(3, 3, at: 14) == nil)
        #expect(wait(4, nil, at: 20) == Delay.coalescing && wait(4, nil, at: 22) == nil)
    }

    @Test("After a start the registry waits at most 15 s until everything was looked at")
    func all() {
        func wait(_ hasSeenAll: Bool, _ hasStatus: Bool, _ second: Int) -> Duration? {
            StatusPolicy.waitForAll(hasSeenAll: hasSeenAll, hasStatus: hasStatus, sinceStart: .seconds(second))
        }
        #expect(wait(false, true, 14) == Delay.coalescing)
        #expect(wait(false, true, 15) == nil && wait(true, true, 0) == nil)
        #expect(wait(false, false, 0) == nil, "a registry without a status gets one at once")
    }

    private func dataPlane(_ change: (inout DataPlaneStatus) -> Void = { _ in }) -> DataPlane {
        var metadata = ObjectMeta(name: "a", namespace: "flyte")
        metadata.generation = 2
        var object = DataPlane(metadata: metadata, spec: DataPlaneSpec(endpoint: "https://a"))
        var status = DataPlaneStatus()
        (status.observedGeneration, status.clusterUID, status.endpoint) = (2, "uid", "https://a")
        status.conditions = [
            Condition(
                type: ConditionType.ready.rawValue, status: .isTrue, reason: Reason.ready, message: "",
                observedGeneration: 2, lastTransitionTime: Timestamp(Instant(secondsSince1970: 0)))
        ]
        change(&status)
        object.status = status
        return object
    }

    @Test("A DataPlane's settled status waits for the first result of its agent")
    func agent() {
        let settling = StatusPolicy.AgentStart(isSettling: true, isFlyteSettling: false)
        func wait(_ object: DataPlane, isDuplicate: Bool = false, _ agent: StatusPolicy.AgentStart?) -> Duration? {
            StatusPolicy.waitForAgent(of: object, isDuplicate: isDuplicate, agent)
        }
        #expect(wait(dataPlane(), settling) == Delay.nextLookAtResult)
        #expect(wait(dataPlane(), nil) == nil)
        #expect(wait(dataPlane(), .init(isSettling: false, isFlyteSettling: false)) == nil)
        #expect(wait(dataPlane(), isDuplicate: true, settling) == nil)
        #expect(wait(dataPlane { $0.observedGeneration = 1 }, settling) == nil)
        #expect(wait(dataPlane { $0.clusterUID = nil }, settling) == nil)
        #expect(wait(dataPlane { $0.endpoint = "https://other" }, settling) == nil)
        #expect(wait(dataPlane { $0.conditions = [] }, settling) == nil)
        // The status waits for Flyte's health only if it reports that.
        let looking = StatusPolicy.AgentStart(isSettling: false, isFlyteSettling: true)
        #expect(wait(dataPlane(), looking) == nil)
        let told = dataPlane { status in
            status.conditions += status.conditions.map {
                var condition = $0
                condition.type = ConditionType.flyteReady.rawValue
                return condition
            }
        }
        #expect(wait(told, looking) == Delay.nextLookAtResult)
    }
}
