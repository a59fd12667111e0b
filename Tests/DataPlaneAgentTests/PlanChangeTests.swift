import Fleet
import KubeObjects
import Support
import Testing

@testable import DataPlaneAgent

@Suite("What another plan asks of an agent")
struct PlanChangeTests {

    private func plan(
        _ number: UInt64, _ namespaces: [String: UInt64], kinds: RESTMapper = .wellKnown, isPending: Bool = false
    ) -> DataPlanePlan {
        DataPlanePlan(
            version: .init(plan: number, generation: 1, kinds: kinds, isPending: isPending), types: [],
            unknownKinds: [], permissions: [], common: 0, namespaces: namespaces, namespaceOf: { _ in nil },
            content: { _ in nil })
    }

    @Test("Only the namespaces that are new or otherwise are looked at again")
    func touched() {
        let change = PlanChange(from: plan(1, ["a": 1, "b": 1, "c": 1]), to: plan(2, ["a": 1, "b": 2, "d": 1]))
        #expect(change.changed == ["b", "d"] && change.gone == ["c"])
        #expect(!change.changesTypes && !change.changesMode && !change.needsOtherPermissions && !change.asksForKinds)
        #expect(!change.isForBackground)
    }

    @Test("A plan with named changes asks for the same as one without, in random plans")
    func namesWhatItTouched() {
        var random = SeededRandom(seed: 3)
        func numbers() -> [String: UInt64] {
            var numbers: [String: UInt64] = [:]
            for name in 0..<20 where Bool.random(using: &random) {
                numbers["n\(name)"] = .random(in: 0..<3, using: &random)
            }
            return numbers
        }
        for number in 1...500 as ClosedRange<UInt64> {
            let old = plan(number, numbers())
            var new = plan(number + 1, numbers())
            let whole = PlanChange(from: old, to: new)
            let names = Set(old.namespaces.keys).union(new.namespaces.keys)
            new.touched = .init(since: number, namespaces: names.filter { old.namespaces[$0] != new.namespaces[$0] })
            let touched = PlanChange(from: old, to: new)
            #expect(touched.changed == whole.changed && touched.gone == whole.gone)
            // One that follows another revision than the agent has names too little.
            new.touched = .init(since: number - 1, namespaces: [])
            #expect(PlanChange(from: old, to: new).changed == whole.changed)
        }
    }

    @Test("A change of many namespaces at once makes way for a single one")
    func background() {
        let many = Dictionary(uniqueKeysWithValues: (0..<100).map { ("n\($0)", UInt64(1)) })
        #expect(PlanChange(from: plan(1, [:]), to: plan(2, many)).isForBackground)
        let few = many.filter { $0.key.count < 3 }
        #expect(!PlanChange(from: plan(1, [:]), to: plan(2, few)).isForBackground)
        var more = many
        more["new"] = 1
        #expect(!PlanChange(from: plan(1, many), to: plan(2, more)).isForBackground)
    }

    @Test("Pruning looks at all of them, since any may have something surplus")
    func pruning() {
        let old = plan(1, ["a": 1, "b": 1])
        var new = plan(2, ["a": 1, "b": 1])
        var spec = ClusterRegistrySpec()
        spec.prune = true
        new.pruning = Pruning(spec, annotations: nil)
        #expect(PlanChange(from: old, to: new).changed == ["a", "b"])
        #expect(PlanChange(from: new, to: plan(3, ["a": 1, "b": 1])).changed.isEmpty)
    }

    @Test("After a change of the identity, the owners of Namespaces are judged again")
    func identity() {
        func plan(_ number: UInt64, _ spec: IdentitySpec) -> DataPlanePlan {
            var plan = self.plan(number, ["a": 1])
            plan.identity = RegistryIdentity(spec, namespaceUID: "uid")
            return plan
        }
        let old = plan(1, IdentitySpec())
        #expect(PlanChange(from: old, to: plan(2, IdentitySpec(id: "new"))).changesIdentity)
        #expect(PlanChange(from: old, to: plan(2, IdentitySpec(takesOverFrom: ["other"]))).changesIdentity)
        #expect(PlanChange(from: self.plan(1, [:]), to: old).changesIdentity)
        #expect(!PlanChange(from: old, to: plan(2, IdentitySpec())).changesIdentity)
    }

    @Test("What the data plane itself leads to is not as old as the plan")
    func age() {
        var old = plan(1, [:])
        old.changedAt = .seconds(1)
        var same = plan(1, [:], kinds: RESTMapper([]))
        same.changedAt = .seconds(1)
        #expect(PlanChange(from: old, to: same).seenAt == nil)
        var new = plan(2, [:])
        new.changedAt = .seconds(7)
        #expect(PlanChange(from: old, to: new).seenAt == .seconds(7))
    }

    @Test("A plan that was made earlier, or is the same, takes no place")
    func order() {
        #expect(plan(2, [:]).replaces(plan(1, [:])))
        #expect(!plan(1, [:]).replaces(plan(2, [:])))
        #expect(!plan(1, [:]).replaces(plan(1, [:])))
        #expect(plan(1, [:]).replaces(plan(1, [:], isPending: true)))
    }

    @Test("The first plan to compare with is told of once")
    func first() {
        let decisions = AgentDecisions(AgentConfiguration(), breaker: .init())
        var state = AgentState(decisions, plan(1, [:], isPending: true))
        #expect(state.follow(plan(2, [:], isPending: true))?.isFirst == false)
        #expect(state.follow(plan(3, [:]))?.isFirst == true)
        #expect(state.follow(plan(4, [:]))?.isFirst == false)
        #expect(state.follow(plan(3, ["a": 1])) == nil && state.plan.namespaces.isEmpty)
    }
}

@Suite("What an agent keeps in mind")
struct AgentStateTests {
    private func state() -> AgentState {
        AgentState(
            AgentDecisions(AgentConfiguration(), breaker: .init()),
            DataPlanePlan(
                version: .init(plan: 1, generation: 1, kinds: .wellKnown, isPending: true), types: [], unknownKinds: [],
                permissions: [], common: 0, namespaces: [:], namespaceOf: { _ in nil }, content: { _ in nil }))
    }

    @Test("Too many objects are told of for a minute, since the next list may look well")
    func excess() {
        var state = state()
        #expect(state.excess(now: .zero) == nil)
        state.hasTooManyObjects(100, now: .seconds(10))
        #expect(state.excess(now: .seconds(69)) == .objects(100))
        #expect(state.excess(now: .seconds(70)) == nil)
    }

    @Test("Details of lasting failures are reported once an interval")
    func details() {
        var state = state()
        let asked = [0, 5, 9, 10, 12, 20].map { state.reportsDetails(every: .seconds(10), now: .seconds($0)) }
        #expect(asked == [true, false, false, true, false, true])
    }
}
