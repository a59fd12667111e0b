import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("What the registry says of publishing")
struct PublishVerdictTests {
    private let registry = ClusterRegistry(metadata: metadata("flyte"), spec: ClusterRegistrySpec())
    private func verdict(_ type: ConditionType, _ change: (inout RegistryObservation) -> Void) -> ConditionVerdict? {
        var seen = RegistryObservation()
        change(&seen)
        return seen.verdicts(of: registry).first { $0.type == type }
    }

    @Test("A label that would be empty and a held rollout are False, and Ready says so")
    func held() {
        let published = verdict(.published) { $0.publishing = .labelWouldBeEmpty("label l") }
        #expect(published?.status == .isFalse && published?.reason == "LabelWouldBeEmpty")
        let rolledOut = verdict(.rolledOut) { $0.rollout = .held("why") }
        #expect(rolledOut?.status == .isFalse && rolledOut?.reason == "RolloutHeld" && rolledOut?.message == "why")
        #expect(verdict(.ready) { $0.publishing = .labelWouldBeEmpty("label l") }?.reason == "LabelWouldBeEmpty")
    }

    @Test("A missing kind goes before what follows from it")
    func missingKind() {
        let ready = verdict(.ready) {
            $0.missingKinds = "DataPlane"
            $0.notReadyDataPlanes = ["a"]
        }
        #expect(ready?.reason == "KindMissing" && ready?.message == "DataPlane")
    }

    @Test("A row that waits for a rollout is not published yet")
    func waiting() {
        let verdict = Publication.waitingForRollout("label1").verdict
        #expect(
            verdict.status == .isFalse && verdict.reason == "WaitingForRollout" && verdict.message.contains("label1"))
    }
}
