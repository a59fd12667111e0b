import Kube
import KubeObjects
import Support

/// The whole algorithm of a watcher, as a value: what to do next, and what an answer means. It does no I/O and has no
/// clock. The driver (`Watcher`) carries out its steps and hands the answers back.
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
/// A watch goes on from a version only while the server is likely to be at that version. A server that was restored
/// from a backup is behind it, and does not say so: it takes the watch, and sends neither events nor bookmarks until it
/// has reached that version. So a server that was away is listed again. So is a server that was silent for as long as a
/// watch may be.
///
/// Guarantees: objects leave it only as `.replace` with a complete list, or as a single change after one. An answer to
/// a step that was given up (its ticket is old) changes nothing.
struct WatcherState<Value: Sendable>: Sendable {
    private let configuration: WatcherConfiguration
    private var state = State.ready(.list(nil))
    private var ticket: Ticket = 0
    private var backoff: Backoff
    private var random: SeededRandom
    /// The highest resourceVersion seen so far.
    private var newest: String?
    /// When the last list, event or bookmark came, even on an earlier watch.
    private var lastSign = Duration.zero
    /// Whether the last failure was a watch's, and no watch has proved itself since.
    private var watchHasFailed = false

    init(_ configuration: WatcherConfiguration, seed: UInt64) {
        self.configuration = configuration
        backoff = Backoff(configuration.backoff)
        random = SeededRandom(seed: seed)
    }

    // MARK: What to do

    /// The next step. A step that was under way is given up.
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

    /// When the watch of `ticket` counts as silent. Nil for a step that was given up.
    func silenceDeadline(_ ticket: Ticket) -> Duration? {
        guard ticket == self.ticket, case .watching(let watching) = state else { return nil }
        return watching.heardAt + configuration.idleLimit
    }

    // MARK: Answers to a list

    /// `census` says what a complete list would do to the store. `room` is how many objects the store may have now.
    mutating func received(
        _ page: Page, _ ticket: Ticket, now: Duration, room: Int = .max, census: ([ObjectKey: Value]) -> ListCensus
    ) -> [Output] {
        guard ticket == self.ticket, case .listing(var listing) = state else { return [] }
        // The state releases the buffer, so that it grows in place and is not copied with every page.
        state = .ready(.list(listing.doubt))
        guard !page.resourceVersion.isEmpty, page.resourceVersion != "0" else {
            return unreadable("a list without a resourceVersion", then: .list(listing.doubt), now: now)
        }
        for (key, value) in page.items { listing.buffer[key] = value }
        listing.pages += 1
        let version = listing.resourceVersion ?? page.resourceVersion
        listing.resourceVersion = version
        guard listing.buffer.count <= min(room, configuration.maximumObjects) else {
            return full(min(room, configuration.maximumObjects), then: .list(listing.doubt), now: now)
        }
        if let token = page.continueToken, !token.isEmpty {
            guard token != listing.continueToken, listing.pages < configuration.maximumPages else {
                return unreadable("a list that does not end", then: .list(listing.doubt), now: now)
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
            if let doubt = configuration.listGuard.doubt(suspicion, after: listing.doubt, now: now) {
                state = .waiting(until: doubt.notBefore, then: .list(doubt))
                watchHasFailed = false
                return [.status(.suspicious(suspicion, confirmations: doubt.confirmations))]
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
            // What a watch sends is newer than its start. If not, another server answers than before (a restored
            // backup, another server behind the name), and its events say nothing about our objects.
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

    /// An event brought an object, and the store may take no more.
    mutating func isFull(_ room: Int, _ ticket: Ticket, now: Duration) -> [Output] {
        guard ticket == self.ticket else { return [] }
        return full(room, then: .list(nil), now: now)
    }

    private mutating func full(_ room: Int, then errand: Errand, now: Duration) -> [Output] {
        [.status(.full(objects: room))] + unreadable("more than \(room) objects", then: errand, now: now)
    }

    /// Earlier failures are over.
    private mutating func proved() -> [Output] {
        backoff.reset()
        watchHasFailed = false
        return [.status(.following)]
    }

    /// Call it for a watch that has ended, before its end counts as a failure.
    ///
    /// A watch that lasted as long as the longest wait has worked, even if it was quiet. Otherwise, if a proxy cuts
    /// idle connections before the first bookmark comes, each gap would be longer than the last. A watch of that age
    /// may be opened again at once. That is not more often than the longest waits allow.
    private mutating func provedByAge(_ watching: Watching, now: Duration) -> [Output] {
        guard watching.isOpen, !watching.hasProvedItself, now - watching.heardAt >= configuration.backoff.cap else {
            return []
        }
        return proved()
    }

    /// The server closed the watch in good order. Go on where it ended.
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
            // The watch lasted as long as it may. Earlier failures are over if the list that follows is good.
            watchHasFailed = false
            backoff.reset()
        }
        // Without a single bookmark, the server may be behind the start of this watch.
        state = .ready(watching.hasProvedItself ? .watch(from: watching.resourceVersion) : .list(nil))
        return [.status(.silent(after: now - watching.heardAt))]
    }

    /// A watch from `version`, or a list if nothing was heard for as long as one watch may be silent. Watches that are
    /// cut off or replaced sooner must not put off that list for ever.
    private func resumption(from version: String, now: Duration) -> Errand {
        now - lastSign >= configuration.idleLimit ? .list(nil) : .watch(from: version)
    }

    // MARK: Failures

    /// How often in a row a watch is tried from one version while the server fails.
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
            case .cut: return outputs + cut(watching, error, now: now)
            case .canResume:
                // A server that fails again and again may have trouble with this very version.
                let isStuck = backoff.failures >= Self.resumptions && (error.status?.code ?? 0) >= 500
                let errand = isStuck ? Errand.list(nil) : .watch(from: watching.resourceVersion)
                return outputs + failed(error, then: errand, mayGoOn: false, now: now)
            }
        case .ready, .waiting, .paused:
            return []
        }
    }

    /// The connection of an open watch was cut. A watch that was idle goes on from its version, at once if it had been
    /// open for a while.
    ///
    /// If a busy watch is cut, the cause is the server and not a proxy. It may have been restored from a backup. The
    /// first event or bookmark would show that, or the missing of both (`resumption`). But if the server gets new
    /// writes at once, it may pass the version of the watch first, and nothing would ever show it. So a list follows.
    private mutating func cut(_ watching: Watching, _ error: KubeError, now: Duration) -> [Output] {
        let wasIdle = now - watching.heardAt >= configuration.shortestIdleness
        guard watching.isOpen, wasIdle, backoff.failures < Self.resumptions else {
            return failed(error, then: .list(nil), mayGoOn: false, now: now)
        }
        let errand = resumption(from: watching.resourceVersion, now: now)
        guard now - watching.openedAt >= configuration.shortestWatch else {
            return failed(error, then: errand, mayGoOn: true, now: now)
        }
        state = .ready(errand)
        return [.status(.cut(error))]
    }

    private mutating func unreadable(_ text: String, then errand: Errand, now: Duration) -> [Output] {
        failed(KubeError(operation: "watch", cause: .unexpectedAnswer(text)), then: errand, mayGoOn: false, now: now)
    }

    /// With `mayGoOn`, the first one in a row does not count as a failure and does not wait. A repeated one does, since
    /// a server that expires everything that it gives must not be asked without pause.
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

    /// Drops the step under way and starts it again at once, without backoff, since the server is back or the
    /// credentials are new. A list starts over. A suspicion keeps its times.
    ///
    /// A watch goes on where it was. The server may have been restored meanwhile. But a list for each failed probe is
    /// too much for a server in trouble, and it is not needed: the new watch then hears nothing, and a list follows it.
    /// Only further pokes could put that list off. So after as long as a watch may be silent, the list comes at once.
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

    /// Drops the step under way until `resume`. Then a list comes, even after a watch, since nobody knows how long the
    /// pause lasts and what happens to the server meanwhile.
    mutating func pause() {
        ticket += 1
        // A failure of a watch before the pause says nothing about the time after it. That list ends it.
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
