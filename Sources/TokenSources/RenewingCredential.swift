import ControlLoop
import Fleet
import Kube
import Support

/// A credential that renews itself. `TokenRenewal` decides, and this acts.
public final class RenewingCredential: CredentialSource {
    /// Events beside the report.
    public enum News: Sendable, Hashable {
        case renewed
        /// `isNews`: it is the first failure in a row, or the one after which no token works.
        case failed(String, isNews: Bool)
        case notWrittenBack(String)
        /// The report may have changed.
        case changed
    }

    /// Renews the Secret's token.
    public struct WriteBack: Sendable {
        var issuer: any TokenIssuer
        var place: any FirstTokenPlace
        /// Whether nothing may be written, because the registry is in Observe.
        var isHeld: @Sendable () -> Bool
        public init(
            issuer: any TokenIssuer, place: any FirstTokenPlace, isHeld: @escaping @Sendable () -> Bool = { false }
        ) {
            self.issuer = issuer
            self.place = place
            self.isHeld = isHeld
        }
    }

    private struct State: Sendable {
        var renewal: TokenRenewal
        var client: KubeClient?
        var writeBack = WriteBackSchedule()
        var notWrittenBack: String?
        /// The fingerprint of the token in use, computed once for each token.
        var fingerprint: (token: Sensitive, text: String)?

        /// Whether the data plane can be asked for a token that is written back.
        var mayWriteBack: Bool { client != nil && !renewal.isRefused }
    }

    private let issuer: any TokenIssuer
    private let writeBack: WriteBack?
    private let timeline: Timeline
    private let wallClock: WallClock
    private let jitter: @Sendable () -> Double
    private let tell: @Sendable (News) -> Void
    private let state: Locked<State>
    private let changed = Signal()

    /// - Parameter jitter: gives a new number between 0 and 1 for each token.
    public init(
        _ issuer: any TokenIssuer, policy: TokenRenewal.Policy, writeBack: WriteBack? = nil,
        timeline: Timeline = .continuous, wallClock: WallClock = .system,
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }, tell: @escaping @Sendable (News) -> Void
    ) {
        self.issuer = issuer
        self.writeBack = writeBack
        self.timeline = timeline
        self.wallClock = wallClock
        self.jitter = jitter
        self.tell = tell
        state = Locked(State(renewal: TokenRenewal(policy)))
    }

    // MARK: What others ask

    public func bearerToken() throws(CredentialsFailure) -> Sensitive? {
        let now = timeline.now
        guard let token = state.withLock({ $0.renewal.token(now: now) }) else {
            throw CredentialsFailure("there is no token yet")
        }
        return token
    }

    public func probed(_ answer: TokenRenewal.Answer, by client: KubeClient) -> Bool {
        let (isAnother, differs, isRefused) = state.withLock { state in
            let before = (state.renewal.nextTry, state.mayWriteBack)
            let isAnother = state.renewal.probed(answer)
            if answer == .accepted { state.client = client }
            let differs = isAnother || (state.renewal.nextTry, state.mayWriteBack) != before
            return (isAnother, differs, answer == .refused && (isAnother || state.renewal.isRefused))
        }
        // Before the next try to renew.
        if isRefused { issuer.tokenWasRefused() }
        if differs { changed.advance() }
        if isAnother { tell(.changed) }
        return isAnother
    }

    public func seed(_ token: Sensitive?, _ lifetime: Lifetime?) -> Bool {
        if let token { for issuer in [issuer, writeBack?.issuer] { issuer?.follow(first: token) } }
        let (now, date) = (timeline.now, wallClock.now)
        let jitter = jitter()
        let (isInUse, differs) = state.withLock { state in
            let differs = state.writeBack.seed(token, lifetime, now: now, date: date, jitter: jitter)
            return (state.renewal.seed(token), differs)
        }
        if isInUse || differs { changed.advance() }
        return isInUse
    }

    public var report: CredentialReport {
        let (now, date) = (timeline.now, wallClock.now)
        return state.withLock { state in
            let token = state.renewal.token(now: now)
            let issued = state.renewal.issued(now: now)
            if let token, state.fingerprint?.token != token { state.fingerprint = (token, Fingerprint.of(token)) }
            return CredentialReport(
                hasToken: token != nil, lifetime: issued?.lifetime,
                renewalTime: state.renewal.timeToRenewal(now: now).map { date + $0.seconds },
                fingerprint: token == nil ? nil : state.fingerprint?.text, problem: state.renewal.problem(now: now),
                failure: state.renewal.failure, notWrittenBack: state.notWrittenBack)
        }
    }

    // MARK: Running

    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.renew() }
            if let writeBack { group.addTask { await self.keepFirst(writeBack) } }
        }
    }

    private func renew() async {
        var wasOwn = false
        while !Task.isCancelled {
            let seen = changed.generation
            let now = timeline.now
            let (isOwn, isDue, next, client) = state.withLock { state in
                let isOwn = state.renewal.issued(now: now) != nil
                let isDue = state.renewal.nextTry.map { $0 <= now } ?? false
                if isDue { state.renewal.began(now: now) }
                return (isOwn, isDue, state.renewal.nextChange, state.client)
            }
            if wasOwn, !isOwn { tell(.changed) }
            wasOwn = isOwn
            guard isDue else {
                await changed.wait(past: seen, until: next, on: timeline)
                continue
            }
            do throws(IssueFailure) {
                let token = try await issuer.issue(through: client)
                let jitter = jitter()
                take { $0.succeeded(token, now: $1, jitter: jitter) }
            } catch {
                if Task.isCancelled { return }
                take { $0.failed(error.message, now: $1) }
            }
        }
    }

    private func take(_ change: (inout TokenRenewal, Duration) -> Void) {
        let now = timeline.now
        let news = state.withLock { state -> News in
            let before = state.renewal.problem(now: now)
            change(&state.renewal, now)
            guard let failure = state.renewal.failure else { return .renewed }
            let problem = state.renewal.problem(now: now)
            let isLast = problem != nil && before == nil
            return .failed(failure, isNews: state.renewal.failures == 1 || isLast)
        }
        tell(news)
    }

    /// A restart begins with the Secret's token. Before that one expires, a new one is written there.
    private func keepFirst(_ writeBack: WriteBack) async {
        while !Task.isCancelled {
            let seen = changed.generation
            let now = timeline.now
            let isHeld = writeBack.isHeld()
            let (due, next, client) = state.withLock { state -> (Sensitive?, Duration?, KubeClient?) in
                // `probed` ends this wait.
                guard state.mayWriteBack else { return (nil, nil, nil) }
                return (state.writeBack.take(now: now, isHeld: isHeld), state.writeBack.nextTry, state.client)
            }
            guard let replaced = due else {
                await changed.wait(past: seen, until: next, on: timeline)
                continue
            }
            do throws(IssueFailure) {
                try await writeBack.place.check(replaced)
                let token = try await writeBack.issuer.issue(through: client)
                if writeBack.isHeld() { continue }
                try await writeBack.place.write(token.value, replacing: replaced)
                noteWriteBack(nil)
            } catch {
                if Task.isCancelled { return }
                noteWriteBack(error.message)
            }
        }
    }

    private func noteWriteBack(_ why: String?) {
        let isNews = state.withLock { state in
            defer { state.notWrittenBack = why }
            return state.notWrittenBack != why
        }
        guard isNews else { return }
        tell(why.map { .notWrittenBack($0) } ?? .changed)
    }
}

/// The place of the first token.
public protocol FirstTokenPlace: Sendable {
    /// Throws if the token must not be replaced.
    func check(_ token: Sensitive) async throws(IssueFailure)
    /// Writes another token, unless the place has changed meanwhile.
    func write(_ token: Sensitive, replacing old: Sensitive) async throws(IssueFailure)
}
