import JSON
import Support

extension APIServer {
    func watch(_ request: ResourceRequest) throws(APIError) -> APIResponse {
        let options = try ListOptions(
            request.http, definition: request.definition, isWatch: true,
            servesInitialEvents: configuration.servesInitialEvents)
        let presenter = try Presenter(request, now: clock.now)
        // Without a timeout from the client, the server ends the watch at a random time between one and two times the
        // minimum.
        let timeout = options.timeout ?? configuration.minimumWatchTimeout * Double.random(in: 1..<2)
        let session = WatchSession(
            store: store, filter: ObjectFilter(request, options), presenter: presenter, options: options, clock: clock,
            pause: WatchPause(
                timer, bookmarkInterval: options.allowsBookmarks ? configuration.bookmarkInterval : nil,
                timeout: timeout))
        return APIResponse(
            status: 200, headers: headers(request), body: .stream(ResponseStream { await session.next() }))
    }
}

/// The times at which a watch acts without a change: bookmarks and its end. They are measured on an injected clock.
struct WatchPause: Sendable {
    private let elapsed: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async -> Void
    private let bookmarkInterval: Duration?
    private let timeout: Duration
    private var nextBookmark: Duration

    init(_ clock: any Clock<Duration>, bookmarkInterval: Duration?, timeout: Duration) {
        func open(_ clock: some Clock<Duration>) -> (@Sendable () -> Duration, @Sendable (Duration) async -> Void) {
            let start = clock.now
            return ({ start.duration(to: clock.now) }, { try? await clock.sleep(for: $0) })
        }
        (elapsed, sleep) = open(clock)
        self.bookmarkInterval = bookmarkInterval
        self.timeout = timeout
        nextBookmark = .zero
        scheduleBookmark(after: .zero)
    }

    /// A bookmark comes two seconds before the end, if the end comes before the next regular bookmark.
    private mutating func scheduleBookmark(after now: Duration) {
        guard let bookmarkInterval else { return }
        let regular = now + bookmarkInterval
        let last = timeout - .seconds(2)
        nextBookmark = last > now && last < regular ? last : regular
    }

    enum Due { case nothing, bookmark, end }

    mutating func due() -> Due {
        let now = elapsed()
        if now >= timeout { return .end }
        if bookmarkInterval != nil, now >= nextBookmark {
            scheduleBookmark(after: now)
            return .bookmark
        }
        return .nothing
    }

    /// Waits until something is due, or `event` returns.
    func wait(for event: @escaping @Sendable () async -> Void) async {
        let next = bookmarkInterval == nil ? timeout : min(nextBookmark, timeout)
        let remaining = next - elapsed()
        guard remaining > .zero else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await event() }
            group.addTask { [sleep] in await sleep(remaining) }
            await group.next()
            group.cancelAll()
        }
    }
}

/// One watch. It reads the store's history from its position, and writes what its client may see. It has one reader.
final class WatchSession: Sendable {
    private struct State: Sendable {
        /// The initial events that are not sent yet.
        var initial: ArraySlice<ObjectCollection.Entry> = []
        var owesInitialEventsEnd = false
        /// The last revision that was looked at. Nil before the start.
        var revision: Int64?
        var hasSentObject = false
        var hasEnded = false
        var pause: WatchPause
    }
    private let store: ObjectStore
    private let filter: ObjectFilter
    private let presenter: Presenter
    private let options: ListOptions
    private let clock: WallClock
    private let state: Locked<State>
    /// A chunk holds at least one line and not much more than this.
    private static let chunkSize = 32 << 10

    init(
        store: ObjectStore, filter: ObjectFilter, presenter: Presenter, options: ListOptions, clock: WallClock,
        pause: WatchPause
    ) {
        self.store = store
        self.filter = filter
        self.presenter = presenter
        self.options = options
        self.clock = clock
        state = Locked(State(pause: pause))
        // The start is fixed at the answer to the request, not at the first read of the body.
        let initial = options.sendsInitialEvents || (options.resourceVersion ?? 0) == 0
        if initial, let page = try? store.read(filter.definition.storage, from: filter.from, to: filter.to) {
            state.withLock {
                $0.initial = page.entries
                $0.owesInitialEventsEnd = options.sendsInitialEvents && options.allowsBookmarks
                $0.revision = page.revision
            }
        } else {
            state.withLock { $0.revision = options.resourceVersion }
        }
    }

    func next() async -> [UInt8]? {
        var presenter = presenter
        while !Task.isCancelled {
            presenter.now = clock.now
            switch step(presenter) {
            case .send(let bytes): return bytes
            case .end: return nil
            case .wait(let revision):
                let pause = state.withLock { $0.pause }
                let (store, resource) = (store, filter.definition.storage)
                await pause.wait { await store.waitForChange(resource, after: revision) }
            }
        }
        return nil
    }

    private enum Step {
        case send([UInt8])
        case wait(after: Int64)
        case end
    }

    private func step(_ presenter: Presenter) -> Step {
        state.withLock { state in
            if state.hasEnded { return .end }
            var output: [UInt8] = []
            while let entry = state.initial.popFirst() {
                guard filter.matches(entry.object, key: entry.key) else { continue }
                append("ADDED", entry.object, presenter, &state, to: &output)
                if output.count >= Self.chunkSize { return .send(output) }
            }
            if state.owesInitialEventsEnd {
                state.owesInitialEventsEnd = false
                appendBookmark(presenter, isInitialEventsEnd: true, &state, to: &output)
            }
            if !output.isEmpty { return .send(output) }
            let revision = state.revision ?? 0
            switch store.changes(filter.definition.storage, after: revision) {
            case .expired(let oldest):
                state.hasEnded = true
                appendLine("ERROR", APIError.tooOld(revision, oldest: oldest).json, to: &output)
                return .send(output)
            case .some(let changes, let through):
                for change in changes { append(change, presenter, &state, to: &output) }
                state.revision = through
                if !output.isEmpty { return .send(output) }
                if !changes.isEmpty { return .wait(after: through) }
            }
            switch state.pause.due() {
            case .end:
                state.hasEnded = true
                return .end
            case .bookmark:
                appendBookmark(presenter, isInitialEventsEnd: false, &state, to: &output)
                return .send(output)
            case .nothing:
                // The watch of a kind whose definition is gone ends in good order, after the last of its objects.
                if !isServed {
                    state.hasEnded = true
                    return .end
                }
                return .wait(after: state.revision ?? 0)
            }
        }
    }

    private var isServed: Bool {
        let definition = filter.definition
        guard definition.isCustom else { return true }
        return store.get(.customResourceDefinitions, name: "\(definition.plural).\(definition.group)") != nil
    }

    /// An update may bring an object into the selection or take it out of it.
    private func append(_ change: StoredChange, _ presenter: Presenter, _ state: inout State, to output: inout [UInt8])
    {
        guard filter.contains(change.key) else { return }
        let isIn = change.kind != .deleted && filter.matches(change.object, key: change.key)
        let wasIn = change.previous.map { filter.matches($0, key: change.key) } ?? false
        switch (wasIn, isIn) {
        case (false, false): return
        case (false, true): append("ADDED", change.object, presenter, &state, to: &output)
        case (true, true): append("MODIFIED", change.object, presenter, &state, to: &output)
        case (true, false):
            // This is the last state within the selection, with the revision of the change.
            guard change.kind != .deleted, let previous = change.previous else {
                append("DELETED", change.object, presenter, &state, to: &output)
                return
            }
            let last = previous.content.json.with(resourceVersion: change.revision)
            append(
                "DELETED", StoredObject(revision: change.revision, content: CompactJSON(last)), presenter, &state,
                to: &output)
        }
    }

    private func append(
        _ type: String, _ object: StoredObject, _ presenter: Presenter, _ state: inout State, to output: inout [UInt8]
    ) {
        output.append(contentsOf: #"{"type":""#.utf8)
        output.append(contentsOf: type.utf8)
        output.append(contentsOf: #"","object":"#.utf8)
        presenter.appendEventObject(object, isFirst: !state.hasSentObject, to: &output)
        state.hasSentObject = true
        output.append(contentsOf: "}\n".utf8)
    }

    private func appendBookmark(
        _ presenter: Presenter, isInitialEventsEnd: Bool, _ state: inout State, to output: inout [UInt8]
    ) {
        let object = presenter.bookmark(
            revision: state.revision ?? 0, isInitialEventsEnd: isInitialEventsEnd, isFirst: !state.hasSentObject)
        state.hasSentObject = true
        appendLine("BOOKMARK", object, to: &output)
    }

    private func appendLine(_ type: String, _ object: JSON, to output: inout [UInt8]) {
        output.append(contentsOf: #"{"type":""#.utf8)
        output.append(contentsOf: type.utf8)
        output.append(contentsOf: #"","object":"#.utf8)
        object.append(to: &output)
        output.append(contentsOf: "}\n".utf8)
    }
}
