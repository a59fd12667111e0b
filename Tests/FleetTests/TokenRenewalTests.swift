import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("When a token is renewed, and which one is in use")
struct TokenRenewalTests {
    private let first = Sensitive("the-first-token")
    private let hour = Duration.seconds(3_600)

    private func token(_ name: String, _ life: Duration) -> IssuedToken { IssuedToken(Sensitive(name), life: life) }

    /// Seeded and accepted, at time zero.
    private func started(_ policy: TokenRenewal.Policy = .init(asksDataPlane: true)) -> TokenRenewal {
        var renewal = TokenRenewal(policy)
        _ = renewal.seed(first)
        _ = renewal.probed(.accepted)
        return renewal
    }

    private func renewed(life: Duration, at now: Duration = .zero, jitter: Double = 0) -> TokenRenewal {
        var renewal = started()
        renewal.began(now: now)
        renewal.succeeded(token("own", life), now: now, jitter: jitter)
        return renewal
    }

    @Test("The account asks for its own token as soon as a probe has accepted the Secret's")
    func start() {
        var renewal = TokenRenewal(.init(asksDataPlane: true))
        let isInUse = renewal.seed(first)
        #expect(isInUse && renewal.nextTry == nil)
        #expect(renewal.token(now: .zero) == first)
        _ = renewal.probed(.accepted)
        #expect(renewal.nextTry == .zero)
        renewal.began(now: .zero)
        #expect(renewal.nextTry == nil, "one request at a time")
        renewal.succeeded(token("own", hour), now: .seconds(1), jitter: 0.5)
        #expect(renewal.token(now: .seconds(1)) == Sensitive("own"))
        #expect(renewal.nextTry == .seconds(1 + 2_700))
    }

    @Test("A token is renewed at 70 to 80 % of the life that it has", arguments: [0.0, 0.5, 1.0])
    func jitter(_ jitter: Double) {
        let renewal = renewed(life: hour, jitter: jitter)
        let wanted = Duration.seconds(3_600 * (0.7 + 0.1 * jitter))
        #expect(renewal.nextTry.map { abs(($0 - wanted).seconds) < 0.001 } == true)
    }

    @Test("A server that gives less than was asked for is not asked in a loop")
    func shortened() {
        // A year was asked for, and ten seconds came: the life counts, and 30 s between two tries at least.
        var renewal = started()
        var (tries, now) = (0, Duration.zero)
        while now < hour {
            guard let next = renewal.nextTry else { break }
            now = max(next, now)
            renewal.began(now: now)
            renewal.succeeded(token("own-\(tries)", .seconds(10)), now: now, jitter: 0)
            tries += 1
            _ = renewal.token(now: now + .seconds(11))
            _ = renewal.probed(.accepted)
        }
        #expect(tries <= 121, "\(tries)")
    }

    @Test("A token that has ended already is a failure, and is not used")
    func ended() {
        var renewal = started()
        renewal.began(now: .zero)
        renewal.succeeded(token("own", .zero), now: .zero, jitter: 0)
        #expect(renewal.token(now: .zero) == first && renewal.failures == 1)
        #expect(renewal.nextTry == .seconds(30))
    }

    @Test("Failures leave the old token in use until it ends, and tries become rarer")
    func failures() {
        var renewal = renewed(life: hour)
        var now = renewal.nextTry ?? .zero
        var gaps: [Duration] = []
        for _ in 0..<6 {
            renewal.began(now: now)
            renewal.failed("503", now: now)
            #expect(renewal.token(now: now) == Sensitive("own") && renewal.problem(now: now) == nil)
            let next = renewal.nextTry ?? .zero
            gaps.append(next - now)
            now = next
        }
        #expect(gaps == [30, 60, 120, 240, 300, 300].map { .seconds($0) })
        #expect(renewal.token(now: hour - .seconds(1)) == Sensitive("own"))
        #expect(renewal.token(now: hour) == first, "then the Secret's token serves")
        renewal.succeeded(token("next", hour), now: hour, jitter: 0)
        #expect(renewal.failures == 0 && renewal.failure == nil)
    }

    @Test("The second 401 in a row brings the Secret's token into use, once")
    func revoked() {
        var renewal = renewed(life: hour)
        _ = renewal.probed(.accepted)
        var isAnother = renewal.probed(.refused)
        #expect(!isAnother && renewal.token(now: .seconds(1)) == Sensitive("own"))
        isAnother = renewal.probed(.refused)
        #expect(isAnother && renewal.token(now: .seconds(1)) == first)
        #expect(renewal.nextTry == nil, "nothing is asked for before the Secret's token is accepted")
        #expect(renewal.problem(now: .seconds(1)) == nil)
        // Refused once is enough for that one.
        isAnother = renewal.probed(.refused)
        #expect(!isAnother && renewal.isRefused)
        #expect(renewal.problem(now: .seconds(1)) != nil && renewal.nextTry == nil)
        // Somebody puts a good token into the Secret.
        isAnother = renewal.seed(Sensitive("better"))
        #expect(isAnother && renewal.problem(now: .seconds(2)) == nil)
        _ = renewal.probed(.accepted)
        #expect(renewal.nextTry == .seconds(30))
    }

    @Test("A 401 between two good answers proves nothing")
    func oneOfSeveral() {
        var renewal = renewed(life: hour)
        for _ in 0..<5 {
            var isAnother = renewal.probed(.refused)
            #expect(!isAnother)
            isAnother = renewal.probed(.accepted)
            #expect(!isAnother)
        }
        #expect(renewal.token(now: .seconds(1)) == Sensitive("own"))
    }

    @Test("A refused token of the Secret does not count as a failed renewal")
    func neverAccepted() {
        var renewal = TokenRenewal(.init(asksDataPlane: true))
        _ = renewal.seed(first)
        for _ in 0..<3 { _ = renewal.probed(.refused) }
        #expect(renewal.isRefused && renewal.problem(now: .zero) == nil)
        #expect(renewal.token(now: .zero) == first, "probes go on with it")
    }

    @Test("A data plane that is away is not asked for tokens")
    func away() {
        var renewal = renewed(life: hour)
        _ = renewal.probed(.away)
        #expect(renewal.nextTry == nil)
        _ = renewal.probed(.accepted)
        #expect(renewal.nextTry == .seconds(2_520))
    }

    @Test("A newer token in the Secret does not replace one that renewed itself")
    func seeded() {
        var renewal = renewed(life: hour)
        let isInUse = renewal.seed(Sensitive("written back"))
        #expect(!isInUse && renewal.token(now: .seconds(1)) == Sensitive("own"))
        #expect(renewal.token(now: hour) == Sensitive("written back"))
    }

    @Test("Without a first token, a refused token stays until there is another")
    func cloud() {
        var renewal = TokenRenewal()
        #expect(renewal.token(now: .zero) == nil && renewal.nextTry == .zero && renewal.problem(now: .zero) == nil)
        renewal.began(now: .zero)
        renewal.failed("no AWS_ROLE_ARN", now: .zero)
        #expect(renewal.problem(now: .zero)?.contains("AWS_ROLE_ARN") == true)
        renewal.began(now: .seconds(30))
        renewal.succeeded(token("a", .seconds(840)), now: .seconds(30), jitter: 0)
        #expect(renewal.problem(now: .seconds(30)) == nil)
        for _ in 0..<2 { _ = renewal.probed(.refused) }
        #expect(renewal.token(now: .seconds(40)) == Sensitive("a") && renewal.problem(now: .seconds(40)) == nil)
        #expect(renewal.nextTry == .seconds(90))
        #expect(renewal.token(now: .seconds(870)) == nil)
    }

    @Test("What is renewed in time never comes near a warning about its end")
    func noWarnings() {
        let start = Instant(secondsSince1970: 1_800_000_000)
        for life: Double in [600, 3_600, 86_400, 2_592_000] {
            let lifetime = Lifetime(start: Timestamp(start), end: Timestamp(start + life))
            #expect(ExpiryStage.of(lifetime, now: start + life * 0.8) == nil, "\(life)")
        }
    }
}

@Suite("When the Secret's token is replaced")
struct WriteBackScheduleTests {
    private let date = Instant(secondsSince1970: 1_800_000_000)
    private func lifetime(_ start: Double, _ end: Double) -> Lifetime {
        Lifetime(start: Timestamp(date + start), end: Timestamp(date + end))
    }

    @Test("A token without an end is never replaced")
    func endless() {
        var schedule = WriteBackSchedule()
        let isNews = schedule.seed(Sensitive("a"), nil, now: .zero, date: date, jitter: 0)
        #expect(isNews && schedule.nextTry == nil)
    }

    @Test("A token with an end is replaced at 70 to 80 % of its life")
    func due() {
        var schedule = WriteBackSchedule()
        _ = schedule.seed(Sensitive("a"), lifetime(0, 1_000), now: .seconds(5), date: date, jitter: 0)
        #expect(schedule.nextTry == .seconds(705))
        var later = WriteBackSchedule()
        _ = later.seed(Sensitive("a"), lifetime(-900, 100), now: .seconds(5), date: date, jitter: 1)
        #expect(later.nextTry == .seconds(5))
        let taken = later.take(now: .seconds(5))
        #expect(
            taken == Sensitive("a") && later.nextTry == .seconds(65), "not again at once, where it is not to be written"
        )
        let isNews = later.seed(Sensitive("b"), lifetime(0, 86_400), now: .seconds(6), date: date, jitter: 0)
        #expect(isNews && later.nextTry == .seconds(6) + .seconds(60_480))
    }

    @Test("In a registry on Observe nothing is replaced; it looks again a minute later")
    func held() {
        var schedule = WriteBackSchedule()
        _ = schedule.seed(Sensitive("a"), lifetime(-900, 100), now: .seconds(5), date: date, jitter: 1)
        let held = schedule.take(now: .seconds(5), isHeld: true)
        #expect(held == nil && schedule.nextTry == .seconds(65))
        let early = schedule.take(now: .seconds(6), isHeld: false)
        let taken = schedule.take(now: .seconds(65), isHeld: false)
        #expect(early == nil && taken == Sensitive("a"))
    }
}
