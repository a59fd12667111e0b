/// Decides which data plane has which revision, and which is next. Pure: it gets the states of the data planes and the
/// time.
///
/// A data plane keeps its revision, for drift and for new project-domains, until its turn comes. Then it gets the
/// newest revision, and counts as updated once it has been in sync with that for `minSuccessSeconds`. The policy's
/// groups have their turns one after the other. What must outlive the process is in `record`.
public struct StagedRollout: Sendable, Hashable {
    public enum PauseReason: String, Sendable, Hashable, Codable {
        case requested = "Requested", tooManyFailures = "TooManyFailures", deadlineExceeded = "DeadlineExceeded"
    }
    public struct Pause: Sendable, Hashable, Codable {
        public var reason: PauseReason
        public var message: String
    }
    public enum Phase: Sendable, Hashable {
        case complete
        case progressing
        case paused(Pause)
    }

    /// What a restart needs.
    public struct Record: Sendable, Hashable, Codable {
        /// The revision of each data plane.
        public internal(set) var assigned: [String: Int64] = [:]
        /// The data planes that have been in sync with the newest revision for long enough.
        public internal(set) var updated: Set<String> = []
        /// The data planes that have their turn now, each with what failed there before it began.
        public internal(set) var current: [String: Set<String>] = [:]
        /// What failed in a data plane before a turn that ended without a result: a newer revision or a pin came, or the
        /// data plane went away. The next turn counts everything else that fails there.
        public internal(set) var cutOff: [String: Set<String>]?
        /// The last completed revision, and the one before it.
        public internal(set) var complete: Int64?
        public internal(set) var completeBefore: Int64?
        public internal(set) var pause: Pause?
        /// How many failures of the newest revision were tolerated.
        public internal(set) var tolerated = 0
        /// The annotation of the last resumption that was followed.
        public internal(set) var resumed: String?
        /// The revision to which all data planes were returned.
        public internal(set) var pinned: Int64?
        /// The annotation that asked for a pin when a newer revision came. It does not count any more.
        public internal(set) var overruled: String?
    }

    private struct Turn: Sendable, Hashable {
        var began: Duration
        var inSyncSince: Duration?
    }

    /// The newest revision.
    public private(set) var revision: Int64
    public private(set) var record: Record
    public private(set) var phase = Phase.progressing
    /// The number of active members, and how many of them are updated.
    public private(set) var counts = (updated: 0, total: 0)
    private var turns: [String: Turn] = [:]
    private var firstGroupAwaySince: Duration?

    public static func == (one: StagedRollout, other: StagedRollout) -> Bool {
        one.revision == other.revision && one.record == other.record && one.phase == other.phase
            && one.counts == other.counts
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(revision) }

    /// The very first revision, which all data planes already have.
    public init(first revision: Int64) {
        self.revision = revision
        record = Record()
        record.complete = revision
    }

    /// The rollout of an earlier process. Its turns begin again, since their durations are not stored.
    public init(revision: Int64, record: Record) {
        self.revision = revision
        self.record = record
    }

    /// Begins a newer revision with the first group, whatever was in progress.
    /// - Parameter pinned: the registry's annotation `rollout-pinned`. It was about the state before.
    public mutating func begin(_ revision: Int64, overruling pinned: String? = nil) {
        self.revision = revision
        record.overruled = pinned
        record.cutOff(record.current)
        (record.updated, record.current, record.tolerated) = ([], [:], 0)
        (record.pause, record.pinned) = (nil, nil)
        (turns, firstGroupAwaySince) = ([:], nil)
    }

    /// Decides again about everything.
    ///
    /// - Returns: after how long a step is due only because time has passed. Nil for never.
    public mutating func step(_ input: Input) -> Duration? {
        forget(input.members)
        followPin(input)
        followResumption(input)
        takeIn(input)
        if record.pinned == nil {
            judgeTurns(input)
            if record.pause == nil, !input.policy.paused {
                startTurns(input)
            } else {
                // No group is waited for while none may begin.
                firstGroupAwaySince = nil
            }
        }
        conclude(input)
        return nextStep(input)
    }

    private mutating func forget(_ members: [String: Member]) {
        record.assigned = record.assigned.filter { members[$0.key] != nil }
        record.updated.formIntersection(members.keys)
        record.forgetCutOff(members, newest: revision)
        record.cutOff(record.current.filter { members[$0.key]?.hasTurns == false })
        record.current = record.current.filter { members[$0.key]?.hasTurns == true }
        turns = turns.filter { record.current[$0.key] != nil }
    }

    /// All data planes return to the pinned revision at once, and stay there until the next change or until the pin is
    /// removed.
    private mutating func followPin(_ input: Input) {
        let counts = input.pinned != record.overruled
        let wanted = counts ? input.pinned.flatMap(RolloutNames.revision(pinnedBy:)) : nil
        guard wanted != record.pinned, wanted.map({ input.known.contains($0) }) ?? true else { return }
        record.pinned = wanted
        record.cutOff(record.current)
        (record.updated, record.current, turns) = ([], [:], [:])
        guard let pinned = wanted else { return }
        record.pause = nil
        for name in input.members.keys { record.assigned[name] = pinned }
    }

    private mutating func followResumption(_ input: Input) {
        guard input.resumedAt != record.resumed else { return }
        record.resumed = input.resumedAt
        guard record.pause != nil, input.resumedAt != nil else { return }
        record.pause = nil
        firstGroupAwaySince = nil
        // The user has seen the failures and tolerates them.
        for name in record.current.keys {
            record.current[name] = input.members[name]?.failures ?? []
            turns[name] = Turn(began: input.now)
        }
    }

    /// Assigns a revision to data planes without one, and to those for which the newest one changes nothing. In Observe a
    /// data plane keeps the revision that it has, if any: its turn comes when Observe ends.
    private mutating func takeIn(_ input: Input) {
        for (name, member) in input.members {
            let before = record.assigned[name]
            if member.isObserved {
                record.updated.remove(name)
                continue
            }
            if let pinned = record.pinned {
                record.assigned[name] = before ?? pinned
                continue
            }
            let start = before ?? record.complete ?? revision
            if before == nil, start == revision {
                record.assigned[name] = revision
                record.updated.insert(name)
            } else if start != revision, input.alike.contains(start), member.isEnabled {
                record.assigned[name] = revision
                record.updated.insert(name)
            } else {
                record.assigned[name] = start
            }
        }
    }

    private mutating func judgeTurns(_ input: Input) {
        let deadline = Duration.seconds(input.policy.progressDeadlineSeconds)
        var brought: [String] = []
        var passed = 0
        for (name, before) in record.current.sorted(by: { $0.key < $1.key }) {
            guard let member = input.members[name] else { continue }
            var turn = turns[name] ?? Turn(began: input.now)
            let isLate = input.now - turn.began >= deadline
            let new = member.isBehind ? [] : member.failures.subtracting(before)
            if member.isAvailable == true { brought += new.sorted().map { "\(name): \($0)" } }
            let mayPass = record.tolerated + brought.count <= input.policy.maxFailures
            if member.isAvailable != true {
                turn.inSyncSince = nil
                // It is skipped, and goes on when it is back.
                if isLate {
                    record.current[name] = nil
                    record.cutOff([name: before])
                }
            } else if !member.isPending, new.isEmpty || mayPass {
                let since = turn.inSyncSince ?? input.now
                turn.inSyncSince = since
                if input.now - since >= .seconds(input.policy.minSuccessSeconds) {
                    record.current[name] = nil
                    record.updated.insert(name)
                    passed += new.count
                }
            } else {
                turn.inSyncSince = nil
                if isLate {
                    pause(
                        .deadlineExceeded,
                        "\(name) is not in sync \(input.policy.progressDeadlineSeconds) s after it "
                            + "got revision \(revision)")
                }
            }
            turns[name] = record.current[name] == nil ? nil : turn
        }
        defer { record.tolerated += passed }
        if record.tolerated + brought.count > input.policy.maxFailures, !brought.isEmpty {
            let shown = brought.prefix(5).joined(separator: "; ")
            let more = brought.count > 5 ? "; and \(brought.count - 5) more" : ""
            pause(.tooManyFailures, "since revision \(revision): \(shown)\(more)")
        }
    }

    private mutating func pause(_ reason: PauseReason, _ message: String) {
        // The first reason stays, since what follows is its effect.
        if record.pause == nil { record.pause = Pause(reason: reason, message: message) }
    }

    private mutating func startTurns(_ input: Input) {
        var isFirst = true
        for group in input.policy.allGroups(input.members.keys) {
            let active = group.filter { input.members[$0]?.hasTurns == true }
            if active.isEmpty { continue }
            defer { isFirst = false }
            let waiting = active.filter { !record.updated.contains($0) && record.current[$0] == nil }
            for name in waiting where input.members[name]?.isAvailable == true && !isUntold(name, input) {
                guard record.current.count < max(1, input.policy.maxParallel) else { break }
                record.current[name] = record.cutOff?[name] ?? input.members[name]?.failures ?? []
                record.cutOff?[name] = nil
                record.assigned[name] = revision
                turns[name] = Turn(began: input.now)
            }
            if active.contains(where: { record.current[$0] != nil }) { return firstGroupAwaySince = nil }
            // No data plane of the group could begin. After a restart it is not known yet which can.
            let isUnknown = waiting.contains { input.members[$0]?.isAvailable == nil || isUntold($0, input) }
            let isAway = isFirst && !active.contains { record.updated.contains($0) }
            guard isUnknown || isAway else { continue }
            let since = firstGroupAwaySince ?? input.now
            firstGroupAwaySince = since
            if input.now - since < .seconds(input.policy.progressDeadlineSeconds) { return }
            if isAway {
                pause(
                    .deadlineExceeded,
                    "no data plane of the first group has been available for "
                        + "\(input.policy.progressDeadlineSeconds) s: \(active.prefix(5).joined(separator: ", "))")
                return
            }
        }
        firstGroupAwaySince = nil
    }

    /// Whether its turn must wait, since its failures are those of another revision than the one it has. That is so right
    /// after Observe.
    private func isUntold(_ name: String, _ input: Input) -> Bool {
        guard let member = input.members[name], member.hasTurns, member.isBehind, member.isAvailable == true else {
            return false
        }
        return !record.updated.contains(name) && record.current[name] == nil && record.cutOff?[name] == nil
    }

    private mutating func conclude(_ input: Input) {
        let active = input.members.filter { $0.value.hasTurns }
        let updated = active.keys.filter { record.updated.contains($0) }
        counts = (updated.count, active.count)
        if record.pinned != nil {
            counts.updated = active.values.count { !$0.isPending && $0.failures.isEmpty }
            return phase = .complete
        }
        let isDone =
            record.current.isEmpty
            && active.allSatisfy { record.updated.contains($0.key) || $0.value.isAvailable == false }
        if let pause = record.pause { return phase = .paused(pause) }
        // What nobody has is not complete: data planes in Observe that have an older one return to that.
        let isOnlySeen =
            active.isEmpty
            && input.members.contains { name, member in
                member.isEnabled && member.isObserved && record.assigned[name] ?? revision != revision
            }
        if isDone, !updated.isEmpty || active.isEmpty && !isOnlySeen, record.complete != revision {
            (record.completeBefore, record.complete) = (record.complete, revision)
        }
        if isDone, record.complete == revision || isOnlySeen { return phase = .complete }
        phase =
            input.policy.paused
            ? .paused(Pause(reason: .requested, message: "spec.rollout.paused is set")) : .progressing
    }

    private func nextStep(_ input: Input) -> Duration? {
        guard record.pinned == nil, record.pause == nil else { return nil }
        let deadline = Duration.seconds(input.policy.progressDeadlineSeconds)
        var times = turns.values.map { turn in
            turn.inSyncSince.map { $0 + .seconds(input.policy.minSuccessSeconds) } ?? turn.began + deadline
        }
        if let firstGroupAwaySince { times.append(firstGroupAwaySince + deadline) }
        if input.members.keys.contains(where: { isUntold($0, input) }) { times.append(input.now + .seconds(1)) }
        return times.min().map { max(.milliseconds(100), $0 - input.now) }
    }
}
