import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("What the registry says of publishing")
struct PublishConditionTests {
    private let registry = ClusterRegistry(metadata: metadata("flyte"), spec: ClusterRegistrySpec())
    private func finding(_ type: ConditionType, _ change: (inout RegistryFacts) -> Void) -> ConditionFinding? {
        var seen = RegistryFacts()
        change(&seen)
        return seen.findings(of: registry).first { $0.type == type }
    }

    @Test("A label that would be empty and a held rollout are False, and Ready says so")
    func held() {
        let published = finding(.published) { $0.publishing = .labelWouldBeEmpty("label l") }
        #expect(published?.status == .isFalse && published?.reason == "LabelWouldBeEmpty")
        let rolledOut = finding(.rolledOut) { $0.rollout = .held("why") }
        #expect(rolledOut?.status == .isFalse && rolledOut?.reason == "RolloutHeld" && rolledOut?.message == "why")
        #expect(finding(.ready) { $0.publishing = .labelWouldBeEmpty("label l") }?.reason == "LabelWouldBeEmpty")
    }

    @Test("A missing kind goes before what follows from it")
    func missingKind() {
        let ready = finding(.ready) {
            $0.missingKinds = "DataPlane"
            $0.notReadyDataPlanes = ["a"]
        }
        #expect(ready?.reason == "KindMissing" && ready?.message == "DataPlane")
    }

    @Test("A row that waits for a rollout is not published yet")
    func waiting() {
        let finding = Publication.waitingForRollout("label1").finding
        #expect(
            finding.status == .isFalse && finding.reason == "WaitingForRollout" && finding.message.contains("label1"))
    }
}
