import Kube
import KubeObjects
import Support

/// The whole algorithm of a watcher, as a value: what to do next, and what an answer means. It does no I/O and knows no
/// clock; the driver (`Watcher`) carries out its steps and hands the answers back.
///
/// ```
///     ┌── resume() ── paused ◄── pause() from anywhere
///     ▼
/// ready(list) ──► listing ──pages──► ready(watch) ──► watching ──ended──► ready(watch)
///     ▲              │ failed, doubted     ▲              │ failed
///     └── waiting ◄──┘                     └── waiting ◄──┤
///     ▲                                                   │ 410, unreadable event, nothing heard for long
///     └───────────────────────────────────────────────────┘
/// ```
///
/// A watch goes on from a version only as long as the server can be thought to be at it. One that was restored from a
/// backup is behind it, and says so by nothing: it takes the watch and sends neither events nor bookmarks until it has come
/// to that version. So who was away is listed anew, and so is who has said nothing for as long as a watch may be silent.
///
/// Guarantees: objects leave it only as `.replace` with a complete list, or as a single change after one; an answer to a
/// step that was given up (its ticket is old) changes nothing.
struct WatcherState<Value: Sendable>: Sendable {
    private let configuration: WatcherConfiguration
    private var state = State.ready(.list(nil))
    private var ticket: Ticket = 0
    private var backoff: Backoff
    private var random: SeededRandom
    /// The highest resourceVersion seen so far.
    private var newest: String?
    /// When a list, an event or a bookmark last said something, be it on an earlier watch.
    private var lastSign = Duration.zero
    /// The last failure was a watch's, and no watch has proved itself since.
    private var watchHasFailed = false

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
                watchHasFailed = false
                return [.status(.suspicious(suspicion, confirmations: confirmations))]
            }
            outputs.append(.status(.confirmed(suspicion)))
        }
        newest = version
        lastSign = now
        state = .ready(.watch(from: version))
        return outputs + [
            .update(.replace(listing.buffer)),
            .status(.synced(objects: listing.buffer.count, afterWatchFailure: watchHasFailed)),
        ]
    }

    // MARK: Answers to a watch

    /// The server has answered.
    mutating func opened(_ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket, case .watching(var watching) = state else { return [] }
        watching.heardAt = now
        watching.isOpen = true
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
        lastSign = now
        let isFirst = !watching.hasProvedItself
        watching.hasProvedItself = true
        state = .watching(watching)
        var outputs: [Output] = []
        if let update { outputs.append(.update(update)) }
        if isFirst { outputs += proved() }
        return outputs
    }

    /// What failed before is over.
    private mutating func proved() -> [Output] {
        backoff.reset()
        watchHasFailed = false
        return [.status(.following)]
    }

    /// To be asked of a watch that is over, before its end is counted as a failure.
    ///
    /// One that stood for as long as the longest wait worked, though it was quiet: else, where a proxy cuts what is idle
    /// sooner than the first bookmark comes, each gap would be longer than the last. So old a watch may be opened again at
    /// once, which is no more often than the longest waits would have it.
    private mutating func provedByAge(_ watching: Watching, now: Duration) -> [Output] {
        guard watching.isOpen, !watching.hasProvedItself, now - watching.heardAt >= configuration.backoff.cap else {
            return []
        }
        return proved()
    }

    /// The server closed the watch in good order: go on where it ended.
    mutating func ended(_ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket, case .watching(let watching) = state else { return [] }
        let outputs = provedByAge(watching, now: now)
        let errand = resumption(from: watching.resourceVersion, now: now)
        guard watching.hasMoved || now - watching.openedAt >= configuration.shortestWatch else {
            return outputs + unreadable("the watch ended as soon as it was opened", then: errand, now: now)
        }
        state = .ready(errand)
        return outputs
    }

    /// Nothing was heard until the silence deadline.
    mutating func fellSilent(_ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket, case .watching(let watching) = state else { return [] }
        if watching.isOpen, !watching.hasProvedItself {
            // It stood for as long as it may: what failed before is over, if the list that follows is good.
            watchHasFailed = false
            backoff.reset()
        }
        // Not one bookmark: the server may well be behind of where this watch started.
        state = .ready(watching.hasProvedItself ? .watch(from: watching.resourceVersion) : .list(nil))
        return [.status(.silent(after: now - watching.heardAt))]
    }

    /// A watch from there; a list where nothing was heard for as long as one watch may be silent. Several that are cut off
    /// or replaced sooner than that must not put off for ever what a single one leads to.
    private func resumption(from version: String, now: Duration) -> Errand {
        now - lastSign >= configuration.idleLimit ? .list(nil) : .watch(from: version)
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
            let outputs = provedByAge(watching, now: now)
            switch WatchFailure(error) {
            case .expired: return outputs + failed(error, then: .list(nil), mayGoOn: true, now: now)
            case .needsList: return outputs + failed(error, then: .list(nil), mayGoOn: false, now: now)
            case .canResume:
                // A server that fails again and again from here may have trouble with this very version.
                let isStuck = backoff.failures >= Self.resumptions && (error.status?.code ?? 0) >= 500
                let errand = isStuck ? Errand.list(nil) : .watch(from: watching.resourceVersion)
                return outputs + failed(error, then: errand, mayGoOn: false, now: now)
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
        watchHasFailed = if case .watching = state { true } else { false }
        state = .waiting(until: now + delay, then: errand)
        return [.status(.failing(error: error, attempts: backoff.failures, retryIn: delay))]
    }

    // MARK: Control

    /// Drops what is under way and starts it again at once, without backoff: the server is back, or the credentials are
    /// new. A list starts over; a suspicion keeps its times.
    ///
    /// A watch goes on where it was. Who answers now may have been restored meanwhile, but a list for each failed probe is
    /// much to ask of a server in trouble, and it is not needed: the new watch hears nothing then, and is followed by a list.
    /// Only further pokes could put that off, so after so long a time it is one at once.
    mutating func poke(now: Duration) {
        ticket += 1
        backoff.reset()
        if case .paused = state { return }
        if case .watch(let version) = interrupted {
            state = .ready(resumption(from: version, now: now))
        } else {
            state = .ready(interrupted)
        }
    }

    /// Drops what is under way until `resume`. A list comes then, also where it was a watch: nobody knows how long it takes
    /// and what becomes of the server meanwhile.
    mutating func pause() {
        ticket += 1
        // What a watch met before says nothing of the time after: with that list, it is over.
        watchHasFailed = false
        if case .list(let doubt) = interrupted { state = .paused(doubt) } else { state = .paused(nil) }
    }

    /// Goes on at once, without backoff.
    mutating func resume() {
        guard case .paused(let doubt) = state else { return }
        backoff.reset()
        state = .ready(.list(doubt))
    }

    private var interrupted: Errand {
        switch state {
        case .ready(let errand), .waiting(_, let errand): errand
        case .paused(let doubt): .list(doubt)
        case .listing(let listing): .list(listing.doubt)
        case .watching(let watching): .watch(from: watching.resourceVersion)
        }
    }
}
