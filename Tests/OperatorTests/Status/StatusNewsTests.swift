import Fleet
import KubeObjects
import Support
import Testing

@testable import Operator

@Suite("Which conditions become events")
struct StatusNewsTests {
    private func condition(_ type: ConditionType, _ status: Condition.Status, _ reason: String) -> Condition {
        Condition(
            type: type.rawValue, status: status, reason: reason, message: "why", observedGeneration: 1,
            lastTransitionTime: Timestamp(Instant(secondsSince1970: 0)))
    }

    @Test("A condition that becomes false is a warning, and the same one is told once")
    func becomesFalse() {
        let failed = [condition(.synced, .isFalse, Reason.syncFailed)]
        #expect(
            StatusNews.of(failed, before: nil)
                == [StatusNews(isWarning: true, reason: "SyncFailed", note: "Synced: why")])
        #expect(StatusNews.of(failed, before: failed).isEmpty)
        #expect(StatusNews.of([condition(.synced, .isFalse, Reason.conflict)], before: failed).count == 1)
    }

    @Test("A condition that is true again is told after trouble only")
    func becomesTrue() {
        let good = [condition(.synced, .isTrue, Reason.inSync)]
        #expect(StatusNews.of(good, before: nil).isEmpty)
        #expect(StatusNews.of(good, before: [condition(.synced, .isFalse, Reason.pending)]).isEmpty)
        let news = StatusNews.of(good, before: [condition(.synced, .isFalse, Reason.syncFailed)])
        #expect(news.map(\.isWarning) == [false])
    }

    @Test("Conditions that only follow from others make no event")
    func followers() {
        let all = [
            condition(.reachable, .isFalse, "ConnectFailed"), condition(.available, .isFalse, "ConnectFailed"),
            condition(.ready, .isFalse, "ConnectFailed"),
        ]
        #expect(StatusNews.of(all, before: nil).map(\.note) == ["Reachable: why"])
        for reason in [Reason.pending, Reason.dataPlanesNotReady, Reason.labelNotReady, Reason.disabled] {
            #expect(StatusNews.of([condition(.ready, .isFalse, reason)], before: nil).isEmpty, "\(reason)")
        }
        #expect(StatusNews.of([condition(.ready, .unknown, Reason.syncFailed)], before: nil).isEmpty)
    }

    @Test("A renewal that failed has one reason, whether or not an older token still works")
    func renewal() {
        let news = StatusNews.of(
            [condition(.credentialsValid, .isFalse, CredentialsReason.renewalFailed.rawValue)], before: nil)
        #expect(news.map(\.reason) == ["CredentialsRenewalFailed"])
    }
}
