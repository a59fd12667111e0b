import KubeObjects
import Support

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Takes part in an election and runs a closure while elected. `Election` has the rules; this carries them out.
public final class LeaderElector: Sendable {
    /// The events of an election, for logs and metrics.
    public enum Event: Sendable, Hashable, CustomStringConvertible {
        /// The holder of the lease, which may be us. Nil for nobody.
        case holder(String?)
        case elected(transitions: Int)
        case lost
        case released
        /// An attempt did not succeed.
        case failed(String)

        public var description: String {
            switch self {
            case .holder(let identity?): "\(identity) leads"
            case .holder(nil): "nobody leads"
            case .elected(let transitions): "elected, after \(transitions) changes of leader"
            case .lost: "lost the lease"
            case .released: "released the lease"
            case .failed(let why): "an attempt failed: \(why)"
            }
        }
    }

    private enum LeadEnd: Sendable {
        case returned(Result<Void, any Error>)
        case lost
    }

    public let identity: String
    private let store: any LeaseStore
    private let configuration: ElectionConfiguration
    private let timeline: Timeline
    private let wallClock: WallClock
    private let observer: @Sendable (Event) -> Void
    private let election: Locked<Election>
    private let random: Locked<SeededRandom>
    /// The holder that the observer was last told.
    private let announced = Locked<String?>(nil)

    public init(
        _ store: any LeaseStore, identity: String = LeaderElector.uniqueIdentity(),
        configuration: ElectionConfiguration = ElectionConfiguration(), timeline: Timeline = .continuous,
        wallClock: WallClock = .system, seed: UInt64 = .random(in: .min ... .max),
        observer: @escaping @Sendable (Event) -> Void = { _ in }
    ) {
        self.identity = identity
        self.store = store
        self.configuration = configuration
        self.timeline = timeline
        self.wallClock = wallClock
        self.observer = observer
        election = Locked(Election(identity: identity, configuration: configuration))
        random = Locked(SeededRandom(seed: seed))
    }

    /// `<host name>_<random UUID>`, as in client-go. A restarted pod is another candidate.
    public static func uniqueIdentity() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let host =
            gethostname(&buffer, buffer.count - 1) == 0
            ? String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "unknown"
        func hex(_ value: UInt64, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        let (high, low) = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
        let version = 0x4000 | high & 0x0FFF
        let variant = 0x8000 | (low >> 48) & 0x3FFF
        let parts = [
            hex(high >> 32, 8), hex(high >> 16 & 0xFFFF, 4), hex(version, 4), hex(variant, 4),
            hex(low & 0xFFFF_FFFF_FFFF, 12),
        ]
        return host + "_" + parts.joined(separator: "-")
    }

    /// Contends until elected, then runs `lead`. When the term is lost, `lead` is cancelled, and after its end
    /// contending starts again. When `lead` returns or throws, the lease is released, and this returns or throws as
    /// well.
    ///
    /// When the task is cancelled, so is `lead`, and after its end the lease is released. For a graceful end let `lead`
    /// return by itself; the lease is renewed until then. Only one call may run at a time.
    public func run(_ lead: @escaping @Sendable (Leadership) async throws -> Void) async throws {
        while !Task.isCancelled {
            guard let leadership = await acquire() else { return }
            let end = await serve(leadership, lead)
            leadership.revoke()
            switch end {
            case .lost:
                observer(.lost)
                // The term was lost by time only, and perhaps nobody has taken the lease. Releasing it lets the next
                // candidate in sooner.
                await release()
            case .returned(let result):
                await release()
                if Task.isCancelled, case .failure = result { return }
                return try result.get()
            }
        }
    }

    private func acquire() async -> Leadership? {
        while !Task.isCancelled {
            await attempt(until: timeline.now + configuration.renewDeadline)
            let now = timeline.now
            let (role, transitions) = election.withLock { ($0.role, $0.transitions) }
            if case .leader(let end) = role {
                observer(.elected(transitions: transitions))
                return Leadership(until: end, timeline: timeline)
            }
            await timeline.sleep(until: nextAttempt(now))
        }
        return nil
    }

    private func serve(
        _ leadership: Leadership, _ lead: @escaping @Sendable (Leadership) async throws -> Void
    ) async -> LeadEnd {
        await withTaskGroup(of: LeadEnd?.self) { group in
            group.addTask {
                do {
                    return .returned(.success(try await lead(leadership)))
                } catch {
                    return .returned(.failure(error))
                }
            }
            group.addTask { await self.keep(leadership) ? .lost : nil }
            // If it is cancelled from outside, `keep` ends without a result, and the end of `lead` counts.
            var end = LeadEnd.lost
            while let result = await group.next() {
                guard let result else { continue }
                end = result
                break
            }
            leadership.revoke()
            group.cancelAll()
            return end
        }
    }

    /// Renews until the term is lost (true) or the task is cancelled (false).
    private func keep(_ leadership: Leadership) async -> Bool {
        while true {
            guard case .leader(let end) = election.withLock({ $0.role }) else { return true }
            if await timeline.sleep(until: nextAttempt(timeline.now)) { return false }
            let now = timeline.now
            if election.withLock({ $0.expire(now: now) }) { return true }
            await attempt(until: end)
            if Task.isCancelled { return false }
            guard case .leader(let extended) = election.withLock({ $0.role }), leadership.extend(until: extended) else {
                return true
            }
        }
    }

    private func nextAttempt(_ now: Duration) -> Duration {
        let election = election.withLock { $0 }
        return random.withLock { election.nextAttempt(now: now, using: &$0) }
    }

    /// One attempt to get or keep the lease, with up to three requests. It is given up at `deadline`. A request may
    /// take at most half of the time that a renewal has, so that one that hangs on a dead connection leaves time for
    /// another.
    private func attempt(until deadline: Duration) async {
        var request = election.withLock { [timeline, wallClock] in
            $0.begin(now: timeline.now, wall: MicroTimestamp(wallClock.now))
        }
        while true {
            let (sent, startedAt) = (request, timeline.now)
            let limit = min(deadline, startedAt + configuration.renewDeadline / 2)
            let result = await race(until: limit, on: timeline) { await self.perform(sent) }
            guard case .finished(let reply) = result else {
                observer(.failed("no answer in time"))
                break
            }
            if case .failed(let text) = reply, !Task.isCancelled { observer(.failed(text)) }
            let next = election.withLock { [timeline, wallClock] in
                $0.receive(
                    reply, to: sent, startedAt: startedAt, now: timeline.now, wall: MicroTimestamp(wallClock.now))
            }
            guard case .request(let another) = next, !Task.isCancelled else { break }
            request = another
        }
        announceHolder()
    }

    private func announceHolder() {
        let holder = election.withLock { $0.holder }
        let isNews = announced.withLock { announced in
            defer { announced = holder }
            return announced != holder
        }
        if isNews { observer(.holder(holder)) }
    }

    private func release() async {
        guard let request = releaseRequest() else { return }
        // The task is unstructured, since the release must also be sent after our own task was cancelled. That is when
        // it matters most: the others then need not wait until the lease runs out. It is bounded in time, and we wait
        // for it.
        let result = await Task { [timeline, configuration] in
            await race(until: timeline.now + configuration.renewDeadline / 2, on: timeline) {
                let reply = await self.perform(request)
                // A renewal that was under way when the work ended may have succeeded. Look again, once.
                guard reply == .conflict, case .found(let lease) = await self.perform(.read) else { return reply }
                self.election.withLock { [timeline = self.timeline] in $0.observe(lease, now: timeline.now) }
                self.announceHolder()
                guard let again = self.releaseRequest() else { return reply }
                return await self.perform(again)
            }
        }.value
        if case .finished(.written) = result { observer(.released) }
    }

    private func releaseRequest() -> Election.Request? {
        election.withLock { [wallClock] in $0.release(wall: MicroTimestamp(wallClock.now)) }
    }

    private func perform(_ request: Election.Request) async -> Election.Reply {
        do throws(LeaseStoreError) {
            switch request {
            case .read: return try await store.get().map { .found($0) } ?? .missing
            case .create(let record): return .written(try await store.create(record))
            case .update(let record, let version): return .written(try await store.update(record, version: version))
            }
        } catch {
            return switch error {
            case .conflict: .conflict
            case .missing: .missing
            case .failed(let text): .failed(text)
            }
        }
    }
}
