import HTTP
import JSON
import KubeObjects
import Support
import Testing

@testable import Kube

@Suite("Budget of a server")
struct BudgetTests {
    private static func budget(rate: Int = 100, burst: Int = 1_000) -> Budget {
        var budget = Budget()
        (budget.eventsPerSecond, budget.eventBurst, budget.eventUnit) = (rate, burst, 1_000)
        return budget
    }

    @Test("Events pass at once up to the burst, then at the rate")
    func rate() {
        var events = EventBudget(Self.budget(), now: .zero)
        for _ in 0..<1_000 { #expect(events.take(bytes: 0, now: .zero) == .zero) }
        var now = Duration.zero
        for _ in 0..<500 { now += events.take(bytes: 0, now: now) }
        #expect(now > .seconds(4.5) && now <= .seconds(5))
    }

    @Test("A large event counts as many small ones")
    func large() {
        var events = EventBudget(Self.budget(), now: .zero)
        #expect(events.take(bytes: 999_000, now: .zero) == .zero)
        #expect(events.take(bytes: 99_000, now: .zero) == .seconds(1))
    }

    @Test("Waiting events are reported after some time, and their end after a longer time")
    func excess() {
        var events = EventBudget(Self.budget(burst: 1), now: .zero)
        var now = Duration.zero
        while now < .seconds(3) {
            now += events.take(bytes: 10_000, now: now)
            if now < EventBudget.patience { #expect(!events.isExceeded) }
        }
        #expect(events.isExceeded)
        now += .seconds(29)
        events.settle(now: now)
        #expect(events.isExceeded)
        now += .seconds(2)
        events.settle(now: now)
        #expect(!events.isExceeded)
    }

    @Test("A short burst is not reported")
    func burst() {
        var events = EventBudget(Self.budget(burst: 100), now: .zero)
        var now = Duration.zero
        for _ in 0..<200 { now += events.take(bytes: 0, now: now) }
        #expect(now > .zero && !events.isExceeded)
    }

    @Test("A server may have twice what is wanted there, and some more")
    func objects() {
        let budget = Budget()
        #expect(budget.objects(wanted: 0) == budget.spareObjects)
        #expect(budget.objects(wanted: 30_000) == budget.spareObjects + 60_000)
        #expect(budget.objects(wanted: .max) == .max)
    }

    @Test("A dense answer is refused before it takes many times its room")
    func dense() throws {
        let limits = Budget().answers.json(bytes: 1 << 20)
        let dense = Array(("[" + String(repeating: "{},", count: 100_000) + "1]").utf8)
        #expect((try? JSON(parsing: dense, limits: limits)) == nil)
        // It is as dense as the managed fields of an object.
        let fields = (0..<1_000).map { #""f:key-\#($0)-of-a-label-with-a-name":{}"# }.joined(separator: ",")
        #expect((try? JSON(parsing: Array("{\(fields)}".utf8), limits: limits)) != nil)
    }

    @Test("Discovery with more kinds than the budget has is refused")
    func kinds() async throws {
        let resources = (0..<9_000).map {
            #"{"name":"k\#($0)","kind":"K\#($0)","namespaced":true,"verbs":["list"]}"#
        }
        let body = #"{"kind":"APIResourceList","resources":[\#(resources.joined(separator: ","))]}"#
        let transport = ScriptedTransport(.text(body))
        var options = KubeClient.Options(userAgent: "test")
        options.meter = ServerMeter()
        let client = KubeClient(
            server: "https://test", transport: transport, authorization: NoAuthorization(), options: options)
        let error = try await failure { try await client.resources(group: "a", version: "v1") as Any }
        #expect(error.description.contains("budget"), "\(error)")
    }
}
