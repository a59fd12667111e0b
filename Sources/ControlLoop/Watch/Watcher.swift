import Kube
import KubeObjects
import Support

/// Keeps a `Store` equal to a collection at an API server: it lists the collection, then follows its changes while
/// `run` runs.
///
/// `WatcherState` decides, and this acts. Guarantees:
/// - The store changes only by a complete list, or by single events after one.
/// - It never gives up: it tells the observer of every failure, and tries again with backoff.
/// - `run` returns soon after its task is cancelled, and nothing of it goes on after that.
///
/// `room` says how many objects the store may hold. A list or event beyond it fails, and the store stays as it was.
///
/// An object that does not fit its type reaches the projection as `.malformed`: it neither stops the watch nor vanishes.
public final class Watcher<Object: KubeObject, Value: Sendable>: Sendable {
    /// What to keep of an object. Nil leaves the object out.
    public typealias Projection = @Sendable (Decoded<Object>) -> Value?
    /// Called from `run`'s task, in order. It must be quick and not block.
    public typealias Observer = @Sendable (WatcherStatus) -> Void

    public let store: Store<Value>
    private let source: any ListWatch<Object>
    private let configuration: WatcherConfiguration
    private let timeline: Timeline
    private let observer: Observer
    private let project: Projection
    private let room: @Sendable () -> Int
    private let state: Locked<WatcherState<Value>>
    /// Moves when the step under way must be dropped.
    private let control = Signal()

    public init(
        _ source: any ListWatch<Object>, into store: Store<Value>, configuration: WatcherConfiguration = .init(),
        timeline: Timeline = .continuous, seed: UInt64 = .random(in: .min ... .max),
        observer: @escaping Observer = { _ in }, room: @escaping @Sendable () -> Int = { .max },
        project: @escaping Projection
    ) {
        self.source = source
        self.store = store
        self.configuration = configuration
        self.timeline = timeline
        self.observer = observer
        self.project = project
        self.room = room
        state = Locked(WatcherState(configuration, seed: seed))
    }

    /// Reconnects at once, without backoff. Call it after new credentials, or when the server is known to be back. For
    /// a paused watcher it only clears the backoff.
    public func poke() {
        state.withLock { [timeline] in $0.poke(now: timeline.now) }
        control.advance()
    }

    /// Drops the connection and sends nothing until `resume`. Call it while a circuit breaker is open.
    public func pause() {
        state.withLock { $0.pause() }
        control.advance()
    }

    /// Goes on at once after `pause`, with a list.
    public func resume() {
        state.withLock { $0.resume() }
        control.advance()
    }

    /// Runs until the task is cancelled. Only one call may run at a time.
    public func run() async {
        while !Task.isCancelled {
            let seen = control.generation
            switch state.withLock({ [timeline] in $0.begin(now: timeline.now) }) {
            case .park:
                observer(.paused)
                await control.wait(past: seen)
            case .wait(let until):
                await control.wait(past: seen, until: until, on: timeline)
            case .list(let token, let ticket):
                await list(token, ticket, seen)
            case .watch(let from, let ticket):
                await watch(from, ticket, seen)
            }
        }
    }

    private func list(_ token: String?, _ ticket: UInt64, _ seen: UInt64) async {
        let result = await race(
            until: timeline.now + configuration.pageTimeout, on: timeline, interruptedBy: (control, past: seen)
        ) { [source] () async -> Result<ListPage<Object>, KubeError> in
            do throws(KubeError) {
                return .success(try await source.list(continueToken: token))
            } catch {
                return .failure(error)
            }
        }
        guard !Task.isCancelled else { return }
        switch result {
        case .finished(.success(let page)):
            var items: [(key: ObjectKey, value: Value)] = []
            items.reserveCapacity(page.items.count)
            for item in page.items {
                if let value = project(item) { items.append((item.metadata.key, value)) }
            }
            let projected = WatcherState<Value>.Page(
                items: items, resourceVersion: page.resourceVersion, continueToken: page.continueToken)
            // The lock is held during the census. That is safe, since this task is the store's only writer, and readers
            // of the store don't take this lock.
            let room = room()
            step { [store] in $0.received(projected, ticket, now: $1, room: room) { store.census(of: $0) } }
        case .finished(.failure(let error)):
            step { $0.failed(error, ticket, now: $1) }
        case .timedOut:
            let limit = configuration.pageTimeout
            let error = KubeError(operation: "list", cause: .unexpectedAnswer("no answer within \(limit)"))
            step { $0.failed(error, ticket, now: $1) }
        case .interrupted:
            break
        }
    }

    private func watch(_ from: String, _ ticket: UInt64, _ seen: UInt64) async {
        await withDiscardingTaskGroup { group in
            // There are three children, and the first to end ends the others. Only the reader touches the store.
            let first = Signal()
            group.addTask {
                await self.read(from, ticket)
                first.advance()
            }
            group.addTask {
                // Watch events move the deadline while this sleeps, so it looks again when it wakes.
                while let deadline = self.state.withLock({ $0.silenceDeadline(ticket) }) {
                    guard self.timeline.now < deadline else { break }
                    if await self.timeline.sleep(until: deadline) { break }
                }
                first.advance()
            }
            group.addTask {
                await self.control.wait(past: seen)
                first.advance()
            }
            await first.wait(past: 0)
            group.cancelAll()
        }
        let isSilent = state.withLock { [timeline] in ($0.silenceDeadline(ticket).map { timeline.now >= $0 }) ?? false }
        if isSilent, !Task.isCancelled { step { $0.fellSilent(ticket, now: $1) } }
    }

    private func read(_ from: String, _ ticket: UInt64) async {
        do throws(KubeError) {
            let stream = try await source.watch(from: from)
            step { $0.opened(ticket, now: $1) }
            var events = stream.makeAsyncIterator()
            while let event = try await events.next(isolation: nil) {
                guard take(event, ticket) else { return }
            }
            if !Task.isCancelled { step { $0.ended(ticket, now: $1) } }
        } catch {
            // The task may be cancelled by a poke, a pause, silence or the end of `run`. None of these is a failure of
            // the server.
            if !Task.isCancelled { step { $0.failed(error, ticket, now: $1) } }
        }
    }

    /// Takes an event of the watch. False if the watch must not go on.
    ///
    /// It is not a part of `read`: there, its values would take 10 KB of each waiting watch, for as long as it waits.
    @inline(never)
    private func take(_ event: WatchEvent<Object>, _ ticket: UInt64) -> Bool {
        let projected: WatcherState<Value>.Event =
            switch event {
            case .applied(let object):
                .applied(object.metadata.key, project(object), resourceVersion: object.metadata.resourceVersion)
            case .deleted(let object):
                .deleted(object.metadata.key, resourceVersion: object.metadata.resourceVersion)
            case .bookmark(let version):
                .bookmark(resourceVersion: version)
            }
        if case .applied(let key, .some, _) = projected, store.isFull(for: key, room) {
            let room = room()
            step { $0.isFull(room, ticket, now: $1) }
            return false
        }
        step { $0.received(projected, ticket, now: $1) }
        return state.withLock { $0.silenceDeadline(ticket) } != nil
    }

    /// Changes the state under the lock, then acts outside of it.
    private func step(_ change: (inout WatcherState<Value>, Duration) -> [WatcherState<Value>.Output]) {
        let now = timeline.now
        let outputs = state.withLock { change(&$0, now) }
        for output in outputs {
            switch output {
            case .update(let update): store.apply(update)
            case .status(let status): observer(status)
            }
        }
    }
}

extension Watcher where Value == Decoded<Object> {
    /// Keeps the objects themselves.
    public convenience init(
        _ source: any ListWatch<Object>, into store: Store<Decoded<Object>>,
        configuration: WatcherConfiguration = .init(), timeline: Timeline = .continuous,
        seed: UInt64 = .random(in: .min ... .max), observer: @escaping Observer = { _ in }
    ) {
        self.init(
            source, into: store, configuration: configuration, timeline: timeline, seed: seed, observer: observer
        ) { $0 }
    }
}
