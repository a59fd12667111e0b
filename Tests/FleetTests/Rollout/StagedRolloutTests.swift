import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("A staged rollout")
struct StagedRolloutTests {
    /// A fleet on virtual time: what a data plane is given is in sync at the next look, unless the test says otherwise.
    private struct Model {
        var policy = RolloutPolicy()
        var members: [String: StagedRollout.Member]
        var rollout = StagedRollout(first: 1)
        var now = Duration.zero
        var alike: Set<Int64> = []
        var resumedAt: String?
        var pinned: String?

        init(_ names: [String], groups: [[String]] = [], _ change: (inout RolloutPolicy) -> Void = { _ in }) {
            policy.type = .progressive
            policy.groups = groups
            members = Dictionary(uniqueKeysWithValues: names.map { ($0, StagedRollout.Member()) })
            change(&policy)
            step()
        }

        @discardableResult
        mutating func step(after seconds: Int = 0) -> Duration? {
            now += .seconds(seconds)
            return rollout.step(
                .init(
                    policy: policy, members: members, alike: alike, resumedAt: resumedAt, pinned: pinned,
                    known: Set(1...revisions), now: now))
        }
        private var revisions: Int64 = 1
        mutating func begin(_ revision: Int64) {
            revisions = revision
            rollout.begin(revision, overruling: pinned)
            step()
        }
        /// Those whose turn it is are in sync for long enough.
        mutating func succeed() {
            step(after: 1)
            step(after: 600)
        }
        /// What a restart leaves of it.
        mutating func restart() {
            rollout = StagedRollout(revision: rollout.revision, record: rollout.record)
            now += .seconds(1_000)
        }
        var turns: [String] { rollout.record.current.keys.sorted() }
        func having(_ revision: Int64) -> [String] {
            rollout.record.assigned.filter { $0.value == revision }.keys.sorted()
        }
        var pause: StagedRollout.PauseReason? {
            if case .paused(let pause) = rollout.phase { pause.reason } else { nil }
        }
    }

    @Test("The first revision is what all data planes have, and is complete")
    func first() {
        let model = Model(["a", "b"])
        #expect(model.having(1) == ["a", "b"])
        #expect(model.rollout.phase == .complete && model.rollout.counts == (2, 2))
    }

    @Test("A name twice in the groups is refused, and so is an unknown one")
    func invalidGroups() {
        func problem(_ groups: [[String]]) -> String? {
            var policy = RolloutPolicy()
            policy.groups = groups
            return policy.problem(dataPlanes: ["a", "b"])
        }
        #expect(problem([["a"], ["b"]]) == nil && problem([]) == nil && problem([[], ["b"]]) == nil)
        #expect(problem([["a"], ["b", "a"]]) == #"spec.rollout.groups names "a" twice"#)
        #expect(problem([["b", "b"]]) == #"spec.rollout.groups names "b" twice"#)
        #expect(
            problem([["x"], ["a", "y"]])?.contains(#"names "x" and 1 more, and there is no such DataPlane"#) == true)
    }

    @Test("Groups have their turns in order, each data plane after its time of success")
    func order() {
        var model = Model(["a", "b", "c", "d"], groups: [["d"], ["b", "a"]]) { $0.maxParallel = 2 }
        model.begin(2)
        #expect(model.turns == ["d"] && model.having(1) == ["a", "b", "c"])
        // It is seen in sync one second later.
        let wait = model.step(after: 1)
        #expect(wait == .seconds(600) && model.turns == ["d"])
        model.step(after: 599)
        #expect(model.turns == ["d"])
        model.step(after: 1)
        #expect(model.turns == ["a", "b"] && model.having(2) == ["a", "b", "d"])
        model.succeed()
        #expect(model.turns == ["c"] && model.rollout.phase == .progressing && model.rollout.counts == (3, 4))
        model.succeed()
        #expect(model.rollout.phase == .complete && model.rollout.counts == (4, 4))
        #expect(model.rollout.record.complete == 2)
    }

    @Test("No more data planes than maxParallel have their turn at a time")
    func parallel() {
        var model = Model((0..<20).map { "dp-\($0)" }) { $0.maxParallel = 3 }
        model.begin(2)
        for _ in 0..<10 {
            #expect(model.turns.count <= 3)
            model.succeed()
        }
        #expect(model.rollout.phase == .complete)
    }

    @Test("A failure that the change brought pauses it; one from before does not count")
    func failures() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.members["a"]?.failures = ["ns Quota: Conflict"]
        model.begin(2)
        model.step(after: 10)
        #expect(model.pause == nil && model.turns == ["a"])
        model.members["a"]?.failures = ["ns Quota: Conflict", "ns LimitRange: Invalid"]
        model.step(after: 10)
        #expect(model.pause == .tooManyFailures)
        #expect(model.rollout.record.pause?.message.contains("a: ns LimitRange: Invalid") == true)
        model.step(after: 10_000)
        #expect(model.having(1) == ["b"])
    }

    @Test("maxFailures counts over all data planes of a rollout")
    func someFailures() {
        var model = Model(["a", "b"], groups: [["a"], ["b"]]) { $0.maxFailures = 1 }
        model.begin(2)
        model.members["a"]?.failures = ["x"]
        model.step()
        model.step(after: 600)
        #expect(model.pause == nil && model.turns == ["b"])
        model.members["b"]?.failures = ["y"]
        model.step()
        #expect(model.pause == .tooManyFailures)
    }

    @Test("resume lets pass what fails now, and the same annotation again does nothing")
    func resume() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.begin(2)
        model.members["a"]?.failures = ["x"]
        model.step()
        model.resumedAt = "now"
        model.step()
        #expect(model.pause == nil && model.turns == ["a"])
        model.members["a"]?.failures = ["x", "y"]
        model.step(after: 1)
        #expect(model.pause == .tooManyFailures)
    }

    @Test("One that is not in sync by its deadline pauses the rollout")
    func deadline() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.begin(2)
        model.members["a"]?.isPending = true
        model.step(after: 1_799)
        #expect(model.pause == nil)
        model.step(after: 1)
        #expect(model.pause == .deadlineExceeded && model.having(1) == ["b"])
    }

    @Test("One that is away is passed over and follows when it is back")
    func away() {
        var model = Model(["a", "b", "c"], groups: [["a", "b"], ["c"]]) { $0.maxParallel = 2 }
        model.members["b"]?.isAvailable = false
        model.begin(2)
        model.succeed()
        #expect(model.turns == ["c"])
        model.succeed()
        #expect(model.rollout.phase == .complete && model.having(1) == ["b"] && model.rollout.counts == (2, 3))
        model.members["b"]?.isAvailable = true
        model.step(after: 5)
        #expect(model.turns == ["b"] && model.having(2) == ["a", "b", "c"])
        model.succeed()
        #expect(model.rollout.counts == (3, 3))
    }

    @Test("One that goes away in its turn has until the deadline, and then another turn")
    func goesAway() {
        var model = Model(["a", "b"], groups: [["a"], ["b"]])
        model.begin(2)
        model.step()
        model.step(after: 600)
        model.members["b"]?.isAvailable = false
        model.step(after: 1_700)
        #expect(model.turns == ["b"])
        model.step(after: 200)
        #expect(model.turns == [] && model.rollout.phase == .complete)
        model.members["b"]?.isAvailable = true
        model.step(after: 1)
        #expect(model.turns == ["b"])
    }

    @Test("A first group that is away altogether pauses the rollout after the deadline")
    func firstGroupAway() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.members["a"]?.isAvailable = false
        model.begin(2)
        let wait = model.step()
        #expect(model.turns == [] && model.having(2) == [] && wait == .seconds(1_800))
        model.step(after: 1_800)
        #expect(model.pause == .deadlineExceeded && model.having(2) == [])
    }

    @Test("While it is paused no step is due for a first group that is away")
    func pausedWhileAway() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.members["a"]?.isAvailable = false
        model.begin(2)
        model.policy.paused = true
        var wait = model.step(after: 1_900)
        #expect(wait == nil && model.pause == .requested)
        // It has the whole time once the rollout goes on.
        model.policy.paused = false
        wait = model.step(after: 10)
        #expect(wait == .seconds(1_800) && model.pause == nil)
    }

    @Test("A newer revision begins with the first group, whatever was under way")
    func newest() {
        var model = Model(["a", "b", "c"], groups: [["a"], ["b"]])
        model.begin(2)
        model.step()
        model.step(after: 600)
        #expect(model.turns == ["b"])
        model.begin(3)
        #expect(
            model.turns == ["a"] && model.having(3) == ["a"] && model.having(2) == ["b"] && model.having(1) == ["c"])
    }

    @Test("What a change broke counts again after a turn that was cut off")
    func cutOff() {
        func model() -> Model {
            var model = Model(["a", "b"], groups: [["a"]])
            model.members["a"]?.failures = ["from before"]
            model.begin(2)
            model.members["a"]?.failures = ["from before", "x"]
            return model
        }
        // A newer change: until it is there, the failures are those of the one before.
        var newer = model()
        newer.members["a"]?.isBehind = true
        newer.members["a"]?.isPending = true
        newer.begin(3)
        newer.step(after: 600)
        #expect(newer.pause == nil && newer.turns == ["a"])
        newer.restart()
        newer.members["a"]?.isBehind = false
        newer.members["a"]?.isPending = false
        newer.succeed()
        #expect(newer.pause == .tooManyFailures && newer.having(1) == ["b"])
        // The change after that mends it.
        newer.members["a"]?.isBehind = true
        newer.begin(4)
        newer.members["a"] = .init(failures: ["from before"])
        newer.succeed()
        #expect(newer.pause == nil && newer.turns == ["b"])

        // An undo, and a change before it has arrived.
        var undone = model()
        undone.step()
        #expect(undone.pause == .tooManyFailures)
        undone.members["a"]?.isBehind = true
        undone.pinned = "1"
        undone.step()
        #expect(undone.turns == [] && undone.having(1) == ["a", "b"])
        undone.begin(3)
        undone.members["a"]?.isBehind = false
        undone.succeed()
        #expect(undone.pause == .tooManyFailures && undone.having(1) == ["b"])

        // An undo that has arrived: what fails since then is not of a change.
        var later = model()
        later.pinned = "1"
        later.step()
        later.members["a"]?.failures = ["y"]
        later.step()
        later.begin(3)
        later.succeed()
        #expect(later.pause == nil && later.turns == ["b"])

        // An outage until the deadline.
        var away = Model(["a", "b"], groups: [["b"], ["a"]])
        away.begin(2)
        away.succeed()
        away.members["a"] = .init(isAvailable: false, failures: ["x"])
        away.step(after: 1_800)
        #expect(away.turns == [] && away.rollout.phase == .complete)
        away.members["a"]?.isAvailable = true
        away.succeed()
        #expect(away.pause == .tooManyFailures)
    }

    @Test("A revision that is the same as an older one changes nothing where that one is")
    func alike() {
        var model = Model(["a", "b", "c"], groups: [["a"]])
        model.begin(2)
        model.alike = [1]
        model.begin(3)
        #expect(model.having(3) == ["a", "b", "c"] && model.turns == ["a"])
        model.succeed()
        #expect(model.rollout.phase == .complete)
    }

    @Test("Disabled data planes and those in Observe have no turn and don't count")
    func skipped() {
        var model = Model(["a", "b", "c"], groups: [["a", "b"]])
        model.members["a"]?.isEnabled = false
        model.members["b"]?.isObserved = true
        model.begin(2)
        #expect(model.turns == ["c"] && model.having(1) == ["a", "b"] && model.having(2) == ["c"])
        model.succeed()
        #expect(model.rollout.phase == .complete && model.rollout.counts == (1, 1))
        model.members["b"]?.isObserved = false
        model.members["a"]?.isEnabled = true
        model.step()
        #expect(model.turns == ["a"])
    }

    @Test("A change during Observe is staged when Observe ends, and is not complete before")
    func observed() {
        var model = Model(["a", "b"], groups: [["a"]])
        for name in ["a", "b"] {
            model.members[name] = .init(isObserved: true, isBehind: true, failures: ["in Observe"])
        }
        model.members["c"] = .init(isObserved: true)
        model.begin(2)
        model.step(after: 10)
        #expect(model.having(1) == ["a", "b"] && model.having(2) == [] && model.rollout.record.complete == 1)
        #expect(model.rollout.phase == .complete && model.rollout.counts == (0, 0))
        #expect(model.step(after: 10) == nil, "nothing is due while all are in Observe")
        // What failed in Observe is of the newest revision, so the turn waits for what fails without it.
        for name in ["a", "b", "c"] { model.members[name] = .init(isBehind: true, failures: ["in Observe"]) }
        let wait = model.step(after: 1)
        #expect(model.turns == [] && model.having(1) == ["a", "b", "c"] && wait == .seconds(1))
        for name in ["a", "b", "c"] { model.members[name] = .init() }
        model.step(after: 1)
        #expect(model.turns == ["a"] && model.having(1) == ["b", "c"] && model.rollout.phase == .progressing)
        model.members["a"]?.failures = ["in Observe"]
        model.step(after: 1)
        #expect(model.pause == .tooManyFailures)
    }

    @Test("In Observe the newest revision counts, at its end the one before")
    func observedPlace() throws {
        let content = try #require(StagedContent(ClusterRegistrySpec(), .standard))
        let stages = [Int64(1): StagesInForce.Stage(1, content), 2: StagesInForce.Stage(2, content)]
        let place = StagesInForce.staged(.init(revisions: ["a": 1], fallback: 1, observed: 2, stages: stages))
        func revision(_ name: String, _ mode: Mode) -> Int64? {
            if case .stage(let stage) = place.place(of: name, mode: mode) { stage.number } else { nil }
        }
        #expect(revision("a", .observe) == 2 && revision("new", .observe) == 2)
        #expect(revision("a", .enforce) == 1 && revision("new", .enforce) == 1)
    }

    @Test("A new data plane gets the last revision that is complete, and has its turn")
    func newcomer() {
        var model = Model(["a", "b"], groups: [["a"], ["b"]])
        model.begin(2)
        model.members["z"] = .init()
        model.step(after: 1)
        #expect(model.having(1) == ["b", "z"])
        for _ in 0..<2 { model.succeed() }
        #expect(model.turns == ["z"])
    }

    @Test("Paused begins no turn; a turn that has begun goes on")
    func paused() {
        var model = Model(["a", "b"], groups: [["a"], ["b"]])
        model.begin(2)
        model.policy.paused = true
        model.step()
        model.step(after: 600)
        #expect(model.pause == .requested && model.having(1) == ["b"] && model.rollout.counts.updated == 1)
        model.policy.paused = false
        model.step()
        #expect(model.turns == ["b"])
    }

    @Test("A pin puts all back at once and holds until the next revision")
    func pin() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.begin(2)
        model.pinned = "1/2"
        model.step()
        #expect(model.having(1) == ["a", "b"] && model.rollout.phase == .complete && model.turns == [])
        model.members["new"] = .init()
        model.step()
        #expect(model.having(1) == ["a", "b", "new"])
        #expect(model.rollout.counts == (3, 3))
        // The annotation is still there.
        model.begin(3)
        model.step()
        #expect(model.having(3) == ["a"])
        model.pinned = "2/3"
        model.step()
        #expect(model.having(2) == ["a", "b", "new"])
    }

    @Test("A pin that is taken away begins the newest revision with the first group")
    func unpin() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.begin(2)
        model.pinned = "1"
        model.step()
        model.pinned = nil
        model.step()
        #expect(model.turns == ["a"] && model.having(1) == ["b"])
    }

    @Test("A pin of a revision that isn't there is not followed")
    func unknownPin() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.begin(2)
        for text in ["9", "-1", "x", ""] {
            model.pinned = text
            model.step()
            #expect(model.turns == ["a"] && model.having(1) == ["b"])
        }
    }

    @Test("A restart continues the rollout: no second canary, no step back, failures kept")
    func restart() {
        var model = Model(["a", "b", "c"], groups: [["a"], ["b"]])
        model.begin(2)
        model.step()
        model.step(after: 600)
        model.restart()
        model.members = model.members.mapValues { _ in .init(isAvailable: nil, isPending: true) }
        model.step()
        #expect(model.turns == ["b"] && model.having(2) == ["a", "b"] && model.having(1) == ["c"])
        model.members = model.members.mapValues { _ in .init(failures: ["x"]) }
        model.step(after: 1)
        #expect(model.pause == .tooManyFailures)
    }

    @Test("After a restart no data plane with an unknown state is skipped")
    func unknown() {
        var model = Model(["a", "b"], groups: [["a"], ["b"]])
        model.begin(2)
        model.step()
        model.step(after: 600)
        model.step()
        #expect(model.turns == ["b"])
        var other = Model(["a", "b"], groups: [["a"], ["b"]])
        other.members = other.members.mapValues { _ in .init(isAvailable: nil, isPending: true) }
        other.begin(2)
        #expect(other.turns == [] && other.having(2) == [])
        other.members = other.members.mapValues { _ in .init() }
        other.step(after: 1)
        #expect(other.turns == ["a"])
    }

    private func entry(_ reason: FailureReason) -> FailureEntry {
        FailureEntry(
            namespace: "ns", object: "resourcequotas/q", reason: reason, message: "",
            since: Timestamp(Instant(secondsSince1970: 0)), attempts: 1)
    }

    @Test("A webhook that changes what the revision writes pauses it in the first group")
    func webhook() {
        var model = Model(["a", "b"], groups: [["a"]])
        model.begin(2)
        model.members["a"]?.fails(entry(.rewritten))
        model.step(after: 10)
        #expect(model.pause == .tooManyFailures && model.having(1) == ["b"])
        #expect(model.rollout.record.pause?.message.contains("Rewritten") == true)
    }

    @Test(
        "A slow server is waited for without a failure, and pauses it at the deadline",
        arguments: [FailureReason.timeout, .tooManyRequests, .serverError])
    func slow(_ reason: FailureReason) {
        var model = Model(["a", "b"], groups: [["a"]])
        model.begin(2)
        model.members["a"]?.fails(entry(reason))
        #expect(model.members["a"]?.failures.isEmpty == true && model.members["a"]?.isPending == true)
        model.step(after: 1_000)
        #expect(model.pause == nil && model.turns == ["a"] && model.having(1) == ["b"])
        model.members["a"] = StagedRollout.Member()
        model.succeed()
        #expect(model.turns == ["b"])
        model.members["b"]?.fails(entry(reason))
        model.step(after: 1_800)
        #expect(model.pause == .deadlineExceeded)
    }

    @Test("A hand-edited state names no revision that is missing, and nobody waits for one")
    func edited() {
        var model = Model(["a", "b", "c"], groups: [["a"]])
        model.begin(2)
        model.succeed()
        var record = model.rollout.record
        (record.assigned["b"], record.complete, record.pinned, record.tolerated) = (99, 77, 55, -5)
        record.updated.insert("b")
        let mended = record.mended(known: [1, 2], newest: 2)
        #expect(mended.assigned["b"] == nil && mended.complete == nil && mended.pinned == nil && mended.tolerated == 0)
        #expect(mended.updated == ["a"])
        model.rollout = StagedRollout(revision: 2, record: mended)
        model.step()
        #expect(model.having(99).isEmpty)
        for _ in 0..<3 { model.succeed() }
        #expect(model.rollout.phase == .complete && model.having(2) == ["a", "b", "c"])
        // A state without a fault stays as it is.
        #expect(model.rollout.record.mended(known: [1, 2], newest: 2) == model.rollout.record)
    }

    @Test("If the state is lost, the statuses tell the revisions: not all get one at once")
    func lost() {
        var model = Model(["a", "b", "new"], groups: [["a"]])
        let record = StagedRollout.Record(applied: ["a": 2, "b": 1, "gone": 9], known: [1, 2], newest: 2)
        #expect(record.complete == 1 && record.updated == ["a"])
        model.rollout = StagedRollout(revision: 2, record: record)
        model.step()
        #expect(model.having(2) == ["a", "b"] && model.turns == ["b"] && model.having(1) == ["new"])
        let nothing = StagedRollout.Record(applied: [:], known: [1, 2], newest: 2)
        #expect(nothing.complete == 1 && nothing.updated.isEmpty)
    }

    @Test("At most maxParallel have a turn, and only a pin sends one back")
    func invariants() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<200 {
            var model = Model(
                ["a", "b", "c", "d", "e"], groups: [["b"], ["a", "c"]]
            ) {
                $0.maxParallel = 2
                $0.maxFailures = 1
            }
            var revision: Int64 = 1
            for _ in 0..<60 {
                let name = ["a", "b", "c", "d", "e"].randomElement(using: &random)!
                let before = model.rollout.record.assigned
                switch Int.random(in: 0..<8, using: &random) {
                case 0:
                    revision += 1
                    model.begin(revision)
                case 1: model.members[name]?.isAvailable = [true, false, nil].randomElement(using: &random)!
                case 2: model.members[name]?.isPending.toggle()
                case 3: model.members[name]?.failures = Bool.random(using: &random) ? [] : ["x", "y"]
                case 4: model.resumedAt = "\(model.now)"
                case 5: model.restart()
                default: break
                }
                let wait = model.step(after: Int.random(in: 0..<900, using: &random))
                #expect(model.turns.count <= 2)
                #expect(wait.map { $0 > .zero } ?? true)
                for (name, old) in before { #expect((model.rollout.record.assigned[name] ?? 0) >= old) }
                for name in model.turns { #expect(model.rollout.record.assigned[name] == revision) }
            }
        }
    }

    @Test("A stored revision whose number has no next one is not ours")
    func numbers() throws {
        let content = try #require(StagedContent(ClusterRegistrySpec(), TemplateSet(files: [:])))
        func read(_ number: Int64) throws -> StoredRevision? {
            StoredRevision(
                try DynamicObject(
                    json: [
                        "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": ["name": "r"],
                        "revision": .int(number), "data": try JSON(encoding: content),
                    ]))
        }
        #expect(try read(7)?.number == 7)
        for number in [Int64.max, Int64.max - 1, 0, -5, .min] { #expect(try read(number) == nil) }
    }
}
