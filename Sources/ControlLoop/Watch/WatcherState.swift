import Kube
import KubeObjects
import Support

/// The whole algorithm of a watcher, as a value: what to do next, and what an answer means. It does no I/O and knows no
/// clock; the driver (`Watcher`) carries out its steps and hands the answers back.
///
/// ```
///            ┌──────────── paused ◄── pause() from anywhere, resume() ──► ready
///            ▼
/// ready(list) ──► listing ──pages──► ready(watch) ──► watching ──ended──► ready(watch)
///     ▲              │ failed, doubted     ▲              │ failed
///     └── waiting ◄──┘                     └── waiting ◄──┤
///     ▲                                                   │ 410, unreadable event
///     └───────────────────────────────────────────────────┘
/// ```
///
/// Guarantees: objects leave it only as `.replace` with a complete list, or as a single change after one; an answer to a
/// step that was given up (its ticket is old) changes nothing.
struct WatcherState<Value: Sendable>: Sendable {
    /// A page, already projected; what the projection left out is not in it.
    struct Page: Sendable {
        var items: [(key: ObjectKey, value: Value)]
        var resourceVersion: String
        var continueToken: String?
    }

    enum Event: Sendable {
        /// Without a value: the projection leaves it out (no longer wanted), so it goes.
        case applied(ObjectKey, Value?, resourceVersion: String?)
        case deleted(ObjectKey, resourceVersion: String?)
        case bookmark(resourceVersion: String)
    }

    /// Names one step: answers come with the ticket of the step they answer.
    typealias Ticket = UInt64

    enum Step: Sendable {
        case list(continueToken: String?, Ticket)
        case watch(from: String, Ticket)
        case wait(until: Duration)
        case park
    }

    enum Output: Sendable {
        case update(StoreUpdate<Value>)
        case status(WatcherStatus)
    }

    private enum State: Sendable {
        case ready(Errand)
        case listing(Listing)
        case watching(Watching)
        /// After a failure, or between the lists that have to confirm a suspicion.
        case waiting(until: Duration, then: Errand)
        case paused(then: Errand)
    }

    /// What comes next where nothing is under way.
    private enum Errand: Sendable {
        /// With the doubt that the list has to confirm or to clear.
        case list(Doubt?)
        case watch(from: String)
    }

    private struct Listing: Sendable {
        var buffer: [ObjectKey: Value] = [:]
        /// Of the first page: the watch starts there, so it can't miss what happened while later pages were read.
        var resourceVersion: String?
        var continueToken: String?
        var pages = 0
        var doubt: Doubt?
    }

    private struct Watching: Sendable {
        var resourceVersion: String
        let openedAt: Duration
        var heardAt: Duration
        /// The resourceVersion has moved since it was opened.
        var hasMoved = false
    }

    private struct Doubt: Sendable {
        var suspicion: ListSuspicion
        var confirmations: Int
        /// A list before this time does not count.
        var notBefore: Duration
    }

    private let configuration: WatcherConfiguration
    private var state = State.ready(.list(nil))
    private var ticket: Ticket = 0
    private var backoff: Backoff
    private var random: SeededRandom
    /// The highest resourceVersion seen so far.
    private var newest: String?

    init(_ configuration: WatcherConfiguration, seed: UInt64) {
        self.configuration = configuration
        backoff = Backoff(configuration.backoff)
        random = SeededRandom(seed: seed)
    }

    // MARK: What to do

    /// The next step. Whatever was under way before is given up.
    mutating func begin(now: Duration) -> Step {
        ticket += 1
        switch state {
        case .paused:
            return .park
        case .waiting(let until, let errand):
            guard now >= until else { return .wait(until: until) }
            return begin(errand, now: now)
        case .ready(let errand):
            return begin(errand, now: now)
        case .listing(let listing):
            return .list(continueToken: listing.continueToken, ticket)
        case .watching(let watching):
            return begin(.watch(from: watching.resourceVersion), now: now)
        }
    }

    private mutating func begin(_ errand: Errand, now: Duration) -> Step {
        switch errand {
        case .list(let doubt):
            state = .listing(Listing(doubt: doubt))
            return .list(continueToken: nil, ticket)
        case .watch(let from):
            state = .watching(Watching(resourceVersion: from, openedAt: now, heardAt: now))
            return .watch(from: from, ticket)
        }
    }

    /// When the watch that `ticket` opened counts as silent; nil for a step that was given up.
    func silenceDeadline(_ ticket: Ticket) -> Duration? {
        guard ticket == self.ticket, case .watching(let watching) = state else { return nil }
        return watching.heardAt + configuration.idleLimit
    }

    // MARK: Answers to a list

    /// `census` says what a complete list would do to the store.
    mutating func received(
        _ page: Page, _ ticket: Ticket, now: Duration, census: ([ObjectKey: Value]) -> ListCensus
    ) -> [Output] {
        guard ticket == self.ticket, case .listing(var listing) = state else { return [] }
        // The state lets go of the buffer, so that it grows in place instead of being copied with every page.
        state = .ready(.list(listing.doubt))
        guard !page.resourceVersion.isEmpty, page.resourceVersion != "0" else {
            return unreadable("a list without a resourceVersion", then: .list(listing.doubt), now: now)
        }
        for (key, value) in page.items { listing.buffer[key] = value }
        listing.pages += 1
        let version = listing.resourceVersion ?? page.resourceVersion
        listing.resourceVersion = version
        guard listing.buffer.count <= configuration.maximumObjects else {
            return unreadable(
                "a list of more than \(configuration.maximumObjects) objects", then: .list(listing.doubt), now: now)
        }
        if let token = page.continueToken, !token.isEmpty {
            guard token != listing.continueToken, listing.pages < configuration.maximumPages else {
                return unreadable("a list that does not come to an end", then: .list(listing.doubt), now: now)
            }
            listing.continueToken = token
            state = .listing(listing)
            return []
        }
        return completed(listing, version, now: now, census: census(listing.buffer))
    }

    private mutating func completed(
        _ listing: Listing, _ version: String, now: Duration, census: ListCensus
    ) -> [Output] {
        var outputs: [Output] = []
        if let suspicion = configuration.listGuard.judge(census, resourceVersion: version, newest: newest) {
            let doubt = listing.doubt.flatMap { suspicion.confirms($0.suspicion) ? $0 : nil }
            let isEarly = doubt.map { now < $0.notBefore } ?? false
            let confirmations = (doubt?.confirmations ?? -1) + (isEarly ? 0 : 1)
            guard confirmations >= configuration.listGuard.confirmations else {
                let next = isEarly ? doubt?.notBefore ?? now : now + configuration.listGuard.interval
                state = .waiting(
                    until: next,
                    then: .list(Doubt(suspicion: suspicion, confirmations: confirmations, notBefore: next)))
                return [.status(.suspicious(suspicion, confirmations: confirmations))]
            }
            outputs.append(.status(.confirmed(suspicion)))
        }
        newest = version
        state = .ready(.watch(from: version))
        return outputs + [.update(.replace(listing.buffer)), .status(.synced(objects: listing.buffer.count))]
    }

    // MARK: Answers to a watch

    /// The server has answered.
    mutating func opened(_ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket, case .watching(var watching) = state else { return [] }
        watching.heardAt = now
        state = .watching(watching)
        return [.status(.connected)]
    }

    mutating func received(_ event: Event, _ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket, case .watching(var watching) = state else { return [] }
        let version: String?
        let update: StoreUpdate<Value>?
        switch event {
        case .applied(let key, let value, let its):
            (version, update) = (its, value.map { .set(key, $0) } ?? .remove(key))
        case .deleted(let key, let its): (version, update) = (its, .remove(key))
        case .bookmark(let its): (version, update) = (its, nil)
        }
        if let version, !version.isEmpty {
            // What a watch sends is newer than what it started from. Where it is not, somebody else answers than before
            // (a restored backup, another server behind the name): its events say nothing about our objects.
            if ResourceVersion.isLower(version, than: watching.resourceVersion) {
                let suspicion = ListSuspicion.wentBack(from: watching.resourceVersion, to: version)
                return unreadable("on a watch, \(suspicion)", then: .list(nil), now: now)
            }
            watching.hasMoved = watching.hasMoved || version != watching.resourceVersion
            watching.resourceVersion = version
            newest = version
        }
        watching.heardAt = now
        backoff.reset()
        state = .watching(watching)
        return update.map { [.update($0)] } ?? []
    }

    /// The server closed the watch in good order: go on where it ended.
    mutating func ended(_ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket, case .watching(let watching) = state else { return [] }
        let errand = Errand.watch(from: watching.resourceVersion)
        guard watching.hasMoved || now - watching.openedAt >= configuration.shortestWatch else {
            return unreadable("the watch ended as soon as it was opened", then: errand, now: now)
        }
        state = .ready(errand)
        return []
    }

    /// Nothing was heard until the silence deadline.
    mutating func fellSilent(_ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket, case .watching(let watching) = state else { return [] }
        state = .ready(.watch(from: watching.resourceVersion))
        return [.status(.silent(after: now - watching.heardAt))]
    }

    // MARK: Failures

    /// How often in a row a watch is tried from one version, where the server fails.
    private static var resumptions: Int { 3 }

    mutating func failed(_ error: KubeError, _ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket else { return [] }
        switch state {
        case .listing(let listing):
            // An expired continue token says nothing bad about the server.
            let isExpired = listing.continueToken != nil && error.status?.code == 410
            return failed(error, then: .list(listing.doubt), mayGoOn: isExpired, now: now)
        case .watching(let watching):
            switch WatchFailure(error) {
            case .expired: return failed(error, then: .list(nil), mayGoOn: true, now: now)
            case .needsList: return failed(error, then: .list(nil), mayGoOn: false, now: now)
            case .canResume:
                // A server that fails again and again from here may have trouble with this very version.
                let isStuck = backoff.failures >= Self.resumptions && (error.status?.code ?? 0) >= 500
                let errand = isStuck ? Errand.list(nil) : .watch(from: watching.resourceVersion)
                return failed(error, then: errand, mayGoOn: false, now: now)
            }
        case .ready, .waiting, .paused:
            return []
        }
    }

    private mutating func unreadable(_ text: String, then errand: Errand, now: Duration) -> [Output] {
        failed(KubeError(operation: "watch", cause: .unexpectedAnswer(text)), then: errand, mayGoOn: false, now: now)
    }

    /// With `mayGoOn`, the first one in a row is no failure and waits for nothing; repeated, it is: a server that
    /// expires whatever it gives must not be asked without pause.
    private mutating func failed(_ error: KubeError, then errand: Errand, mayGoOn: Bool, now: Duration) -> [Output] {
        let isFirst = backoff.failures == 0
        var delay = backoff.next(using: &random)
        guard !(mayGoOn && isFirst) else {
            state = .ready(errand)
            return []
        }
        if let retryAfter = error.status?.retryAfter {
            delay = max(delay, retryAfter.clamped(to: .zero...configuration.longestRetryAfter))
        }
        state = .waiting(until: now + delay, then: errand)
        return [.status(.failing(error: error, attempts: backoff.failures, retryIn: delay))]
    }

    // MARK: Control

    /// Drops what is under way and starts it again at once, without backoff: the server is back, or the credentials are
    /// new. A list starts over; a watch goes on where it was. A suspicion keeps its times.
    mutating func poke() {
        ticket += 1
        backoff.reset()
        if case .paused = state { return }
        state = .ready(interrupted)
    }

    /// Drops what is under way until `resume`.
    mutating func pause() {
        ticket += 1
        state = .paused(then: interrupted)
    }

    /// Goes on at once, without backoff.
    mutating func resume() {
        guard case .paused(let errand) = state else { return }
        backoff.reset()
        state = .ready(errand)
    }

    private var interrupted: Errand {
        switch state {
        case .ready(let errand), .waiting(_, let errand), .paused(let errand): errand
        case .listing(let listing): .list(listing.doubt)
        case .watching(let watching): .watch(from: watching.resourceVersion)
        }
    }
}
