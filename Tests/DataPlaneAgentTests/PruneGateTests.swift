import Testing

@testable import DataPlaneAgent

@Suite("What is held back from being deleted")
struct PruneGateTests {
    @Test("It is reported until it is resolved, whatever else changes meanwhile")
    func stays() {
        var gate = PruneGate<Int>()
        #expect(gate.objection == nil && gate.objection(on: 1) == nil)
        gate.judge(1, "12 of 16")
        #expect(gate.objection == nil, "nothing is surplus yet")
        let answer1 = gate.hold("a", "12 of 16")
        #expect(answer1)
        let answer2 = gate.hold("a", "12 of 16")
        #expect(!answer2)
        _ = gate.hold("b", "12 of 16")
        #expect(gate.objection(on: 2) == nil, "another plan is judged anew")
        #expect(gate.objection == "12 of 16", "and until then nothing is resolved")
        let answer3 = gate.release("a")
        let answer4 = gate.release("a")
        #expect(answer3 && !answer4)
        #expect(gate.objection == "12 of 16")
        gate.retain { ["b", "c"].contains($0) }
        #expect(gate.objection == "12 of 16")
        gate.retain { _ in false }
        #expect(gate.objection == nil)
    }

    @Test("A plan that is allowed lets go of each namespace as it is looked at")
    func allowed() {
        var gate = PruneGate<Int>()
        gate.judge(1, "12 of 16")
        _ = gate.hold("a", "12 of 16")
        gate.judge(2, nil)
        #expect(gate.objection(on: 2) == .some(nil))
        #expect(gate.objection == "12 of 16")
        let answer5 = gate.release("a")
        #expect(answer5 && gate.objection == nil)
    }
}
