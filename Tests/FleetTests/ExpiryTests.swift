import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("When an end is warned of")
struct ExpiryTests {
    /// The warnings for a credential with that many days left, of that many days of life.
    private func days(left: Double, of life: Double?) -> [Int] {
        let end = now + left * day
        let lifetime = Lifetime(start: life.map { Timestamp(end + -$0 * day) }, end: Timestamp(end))
        return ExpiryWarning.given(lifetime, nil, now: now).map(\.days)
    }

    @Test("A long life is warned of 14, 7 and 1 days before its end, and at its end", arguments: [nil, 3650.0])
    func long(life: Double?) {
        #expect(days(left: 14.1, of: life) == [])
        #expect(days(left: 14, of: life) == [14])
        #expect(days(left: 8, of: life) == [14])
        #expect(days(left: 7, of: life) == [7])
        #expect(days(left: 1, of: life) == [1])
        #expect(days(left: 0.5, of: life) == [1])
        #expect(days(left: 0, of: life) == [0])
        #expect(days(left: -5, of: life) == [0])
    }

    @Test("A life of 90 days is warned of when a tenth of it is left, and not before")
    func quarter() {
        #expect(days(left: 9.1, of: 90) == [])
        #expect(days(left: 9, of: 90) == [14])
        #expect(days(left: 7, of: 90) == [7])
    }

    @Test("A token of an hour that is replaced every 50 minutes never warns")
    func hour() {
        let life = 1.0 / 24
        let minute = life / 60
        for left in [60.0, 30, 10, 6.1] { #expect(days(left: left * minute, of: life) == []) }
        #expect(days(left: 6 * minute, of: life) == [1])
        #expect(days(left: 0, of: life) == [0])
        let lifetime = Lifetime(start: Timestamp(now), end: Timestamp(now + 3600))
        #expect(ExpiryStage.next(lifetime, now: now) == now + 3240)
        #expect(ExpiryStage.next(lifetime, now: now + 3240) == now + 3600)
    }

    @Test("A start that is not before the end says nothing of the life")
    func absurd() {
        let end = Timestamp(now + 10 * day)
        for start in [end, Timestamp(now + 20 * day)] {
            #expect(ExpiryStage.of(Lifetime(start: start, end: end), now: now) == .soon)
        }
    }

    @Test("The next look is when the next stage begins")
    func next() {
        let end = Timestamp(now + 20 * day)
        let lifetime = Lifetime(start: nil, end: end)
        #expect(ExpiryStage.next(lifetime, now: now) == now + 6 * day)
        #expect(ExpiryStage.next(lifetime, now: now + 6 * day) == now + 13 * day)
        #expect(ExpiryStage.next(Lifetime(end: Timestamp(now + -1)), now: now) == nil)
        #expect(ExpiryStage.next(nil, now: now) == nil)
        #expect(ExpiryWarning.given(nil, nil, now: now) == [])
    }

    @Test("A token's life is read from iat, else nbf, and exp")
    func claims() throws {
        let end = Int((now + 10 * day).secondsSince1970)
        func lifetime(_ more: String) throws -> Lifetime? {
            try BearerToken.read(Sensitive(Token.jwt(#"{"exp":\#(end)\#(more)}"#))).get().lifetime
        }
        let start = Int(now.secondsSince1970)
        #expect(try lifetime("")?.start == nil)
        #expect(try lifetime(#","iat":\#(start)"#)?.start == Timestamp(now))
        #expect(try lifetime(#","nbf":\#(start)"#)?.start == Timestamp(now))
        #expect(try lifetime(#","nbf":5,"iat":\#(start)"#)?.start == Timestamp(now))
        #expect(try lifetime(#","iat":"soon""#)?.start == nil)
        #expect(try lifetime("")?.end == Timestamp(now + 10 * day))
    }

    @Test("A warning for the same end stays given; a renewed credential has none")
    func given() {
        let end = Timestamp(now + 5 * day)
        let lifetime = Lifetime(end: end)
        let given = [ExpiryWarning(credential: .token, expirationTime: end, days: 1)]
        #expect(ExpiryWarning.given(lifetime, nil, now: now, before: given) == given)
        let renewed = Lifetime(end: Timestamp(now + 50 * day))
        #expect(ExpiryWarning.given(renewed, nil, now: now, before: given) == [])
    }
}
