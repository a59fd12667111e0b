import KubeObjects
import Support
import Testing

@testable import Fleet

private let development = AdminRowKey(project: "p", domain: "development")
private let training = AdminRowKey(project: "p", domain: "development", workflow: "a.training")
private let serving = AdminRowKey(project: "p", domain: "development", workflow: "a.serving")
private let whole = AdminRowKey(project: "p", domain: "")
private let production = AdminRowKey(project: "p", domain: "production")
private let elsewhere = AdminRowKey(project: "q", domain: "production")

private func object(_ key: AdminRowKey, _ value: String, name: String? = nil, age: Int = 0) -> ExecutionClusterLabel {
    var metadata = ObjectMeta(name: name ?? [key.project, key.domain, key.workflow].joined(separator: "-"))
    metadata.creationTimestamp = Timestamp("2026-01-0\(9 - age)T00:00:00Z")
    return ExecutionClusterLabel(
        metadata: metadata,
        spec: ExecutionClusterLabelSpec(
            project: key.project, domain: key.domain.isEmpty ? nil : key.domain,
            workflow: key.workflow.isEmpty ? nil : key.workflow, value: value)
    )
}

private func claims(_ wanted: [AdminRowKey: String]) -> RowClaims {
    RowClaims(wanted.map { object($0.key, $0.value) }, labels: Set(wanted.values))
}

private func notes(_ rows: [AdminRowKey: String], restoring: [AdminRowKey: String] = [:]) -> PublishedRows {
    PublishedRows(
        endpoint: "https://a", rows: Set(rows.map { AdminRow($0.key, $0.value) }),
        restoring: Set(restoring.map { AdminRow($0.key, $0.value) }))
}

private func plan(
    _ wanted: [AdminRowKey: String], present: [AdminRowKey: String], published: PublishedRows,
    running: Set<String>? = nil, mayDelete: Bool = true
) -> PublicationPlan {
    PublicationPlan(
        claims(wanted), present: AdminRows(present), published: published, running: running, mayDelete: mayDelete)
}

private func secondPlan(
    _ wanted: [AdminRowKey: String], _ present: [AdminRowKey: String], _ published: PublishedRows
) -> PublicationPlan { plan(wanted, present: present, published: published) }

/// Carries a plan out on rows, with the delete as wide as flyteadmin's.
private func outcome(_ plan: PublicationPlan, on present: [AdminRowKey: String]) -> [AdminRowKey: String] {
    var rows = present
    for step in plan.steps {
        switch step {
        case .put(let row): rows[row.key] = row.value
        case .delete(let key, let back):
            rows = rows.filter { $0.key != key && !key.takesAlong($0.key) }
            for row in back { rows[row.key] = row.value }
        }
    }
    return rows
}

@Suite("What is written to flyteadmin")
struct PublicationTests {
    @Test("What is missing or other than wanted is written, and noted before that")
    func puts() {
        let plan = plan(
            [development: "a", training: "b", elsewhere: "c"], present: [development: "a", training: "other"],
            published: notes([:]))
        #expect(plan.steps == [.put(AdminRow(training, "b")), .put(AdminRow(elsewhere, "c"))])
        #expect(plan.settled == [development])
        #expect(plan.noted == notes([development: "a", training: "b", elsewhere: "c"]))
    }

    @Test("Where all is as wanted, nothing is written")
    func settled() {
        let rows = [development: "a", training: "b"]
        let plan = plan(rows, present: rows.merging([serving: "theirs"]) { $1 }, published: notes(rows))
        #expect(plan.steps.isEmpty)
        #expect(plan.noted == notes(rows))
    }

    @Test("While a value changes, both are noted, so that the row is ours whichever it has")
    func valueChange() {
        let plan = plan([training: "new"], present: [training: "old"], published: notes([training: "old"]))
        #expect(plan.noted.rows == [AdminRow(training, "old"), AdminRow(training, "new")])
        var after = plan.noted
        after.confirm(AdminRow(training, "new"))
        #expect(after.rows == [AdminRow(training, "new")])
    }

    @Test("A row is not written before flyteadmin runs with its label")
    func waits() {
        let wanted = [development: "new", training: "a", elsewhere: "new"]
        let present = [training: "x", elsewhere: "new"]
        let plan = plan(wanted, present: present, published: notes([:]), running: ["a"])
        #expect(plan.steps == [.put(AdminRow(training, "a"))] && plan.waiting == [development])
        #expect(plan.settled == [elsewhere], "a row that is there waits for nothing")
        #expect(!plan.noted.rows.contains(AdminRow(development, "new")))
    }

    @Test("A row below a deleted one that waits for its label goes back as it was")
    func waitsBelow() {
        let present = [development: "a", training: "old"]
        let plan = plan(
            [training: "new"], present: present, published: notes([development: "a", training: "old"]),
            running: ["a", "old"])
        #expect(outcome(plan, on: present) == [training: "old"])
        #expect(plan.noted.rows.contains(AdminRow(training, "old")) && plan.noted.restoring.isEmpty)
    }

    @Test("At another address, the rows that stand there as noted stay ours")
    func moved() {
        let old = notes([development: "a", training: "b"], restoring: [serving: "theirs"])
        let same = old.moved(to: "https://b", present: AdminRows([development: "a", training: "other"]))
        #expect(same.endpoint == "https://b" && same.rows == [AdminRow(development, "a")])
        #expect(same.restoring == old.restoring)
        let other = old.moved(to: "https://b", present: AdminRows([development: "x"]))
        #expect(other.rows.isEmpty && other.restoring.isEmpty)
    }

    @Test("A reading that lacks most of what was noted counts at the third poll in a row")
    func doubt() {
        var doubt = ReadingDoubt()
        var answers = (1...3).map { _ in doubt.judge(noted: 20, missing: 11) == nil }
        #expect(answers == [false, false, true])
        doubt = ReadingDoubt()
        answers = [11, 0, 11, 11, 11].map { doubt.judge(noted: 20, missing: $0) == nil }
        #expect(answers == [false, true, false, false, true])
        for (noted, missing) in [(10, 10), (30, 11), (22, 11)] {
            var fresh = ReadingDoubt()
            let why = fresh.judge(noted: noted, missing: missing)
            #expect(why == nil)
        }
    }

    @Test("A row goes with its object, and others' rows stay")
    func deletes() {
        let present = [training: "a", serving: "theirs", elsewhere: "theirs"]
        let plan = plan([:], present: present, published: notes([training: "a"]))
        #expect(plan.steps == [.delete(training, thenPut: [])])
        #expect(outcome(plan, on: present) == [serving: "theirs", elsewhere: "theirs"])
    }

    @Test("A row that somebody has set to something else since our object went is theirs")
    func takenOver() {
        let plan = plan([:], present: [training: "theirs"], published: notes([training: "ours"]))
        #expect(plan.steps.isEmpty)
        #expect(plan.noted.rows.isEmpty)
    }

    @Test("Rows that a project-domain's delete takes are put back, others' as they were")
    func wideDelete() {
        let present = [development: "a", training: "old", serving: "theirs", elsewhere: "c"]
        let plan = plan(
            [training: "b", elsewhere: "c"], present: present,
            published: notes([development: "a", training: "old", elsewhere: "c"]))
        #expect(
            plan.steps == [
                .delete(development, thenPut: [AdminRow(serving, "theirs"), AdminRow(training, "b")])
            ])
        #expect(outcome(plan, on: present) == [training: "b", serving: "theirs", elsewhere: "c"])
        #expect(plan.noted.restoring == [AdminRow(serving, "theirs")])
    }

    @Test("A project-domain and its workflow that go together need one delete")
    func bothGo() {
        let rows = [development: "a", training: "b"]
        let plan = plan([:], present: rows, published: notes(rows))
        #expect(plan.steps == [.delete(development, thenPut: [])])
    }

    @Test("What a whole project's delete takes along is put back in the same way")
    func projectDelete() {
        let present = [
            whole: "a", development: "b", training: "c", serving: "theirs", production: "theirs", elsewhere: "d",
        ]
        let plan = plan(
            [development: "b2", training: "c", elsewhere: "d"], present: present,
            published: notes([whole: "a", development: "b", training: "c", elsewhere: "d"]))
        let back = [(development, "b2"), (serving, "theirs"), (training, "c"), (production, "theirs")]
        #expect(plan.steps == [.delete(whole, thenPut: back.map { AdminRow($0.0, $0.1) })])
        #expect(
            outcome(plan, on: present) == [
                development: "b2", training: "c", serving: "theirs", production: "theirs", elsewhere: "d",
            ])
        #expect(plan.noted.restoring == [AdminRow(serving, "theirs"), AdminRow(production, "theirs")])
    }

    @Test("A project, its domain and its workflow that go together need one delete")
    func allGo() {
        let rows = [whole: "a", development: "b", training: "c"]
        #expect(plan([:], present: rows, published: notes(rows)).steps == [.delete(whole, thenPut: [])])
        let below = plan([whole: "a"], present: rows, published: notes(rows))
        #expect(below.steps == [.delete(development, thenPut: [])])
    }

    @Test("With the row of a launch plan anywhere below, a project's row is not deleted")
    func launchPlansOfProject() {
        let present = AdminRows([whole: "a"], withLaunchPlans: Set([serving] + serving.above))
        let plan = PublicationPlan(RowClaims(), present: present, published: notes([whole: "a"]), mayDelete: true)
        #expect(plan.steps.isEmpty && plan.noted.rows == [AdminRow(whole, "a")])
    }

    @Test("However a delete is cut off, objects' and others' rows are there in the end")
    func random() {
        var random = SeededRandom(seed: 19)
        let keys = [whole, development, training, serving, production, elsewhere]
        for _ in 0..<3000 {
            func some(_ share: Int, _ value: String) -> [AdminRowKey: String] {
                let taken = keys.filter { _ in Int.random(in: 0..<4, using: &random) < share }
                return Dictionary(uniqueKeysWithValues: taken.map { ($0, value) })
            }
            let (ours, theirs, wanted) = (some(2, "ours"), some(2, "theirs"), some(2, "wanted"))
            let present = ours.merging(theirs) { ours, _ in ours }
            let published = notes(ours)
            let plan = plan(wanted, present: present, published: published)
            let expected = present.filter { ours[$0.key] == nil }.merging(wanted) { $1 }
            guard outcome(plan, on: present) == expected else {
                Issue.record("\(present), wanted \(wanted): \(plan.steps)")
                return
            }
            // Cut off after any step, and a wide delete before what is put back.
            var rows = present
            for step in plan.steps.prefix(Int.random(in: 0...plan.steps.count, using: &random)) {
                switch step {
                case .put(let row): rows[row.key] = row.value
                case .delete(let key, let back):
                    rows = rows.filter { $0.key != key && !key.takesAlong($0.key) }
                    for row in back.prefix(Int.random(in: 0...back.count, using: &random)) { rows[row.key] = row.value }
                }
            }
            let again = secondPlan(wanted, rows, plan.noted)
            guard outcome(again, on: rows) == expected else {
                Issue.record("\(present), wanted \(wanted), cut off at \(rows): \(again.steps)")
                return
            }
        }
    }
    @Test("Others' rows that a crash lost are put back later, unless they are there again")
    func restores() {
        let published = notes([:], restoring: [serving: "theirs", training: "theirs"])
        let plan = plan([:], present: [training: "newer"], published: published)
        #expect(plan.steps == [.put(AdminRow(serving, "theirs"))])
        #expect(plan.noted.restoring == [AdminRow(serving, "theirs")])
        // Again a wide delete before it was back: it goes back with that one.
        var again = published
        again.rows = [AdminRow(development, "a")]
        #expect(
            PublicationPlan(RowClaims(), present: AdminRows([development: "a"]), published: again, mayDelete: true)
                .steps == [.delete(development, thenPut: [AdminRow(serving, "theirs"), AdminRow(training, "theirs")])])
    }

    @Test("What can't be put back is not taken along")
    func launchPlans() {
        let plan = PublicationPlan(
            RowClaims(), present: AdminRows([development: "a"], withLaunchPlans: [development]),
            published: notes([development: "a"]), mayDelete: true)
        #expect(plan.steps.isEmpty)
        #expect(plan.noted.rows == [AdminRow(development, "a")])
    }

    @Test("The older object decides, and a label that nobody has keeps the row as it is")
    func claims() {
        let claims = RowClaims(
            [
                object(development, "young", name: "young", age: 1), object(development, "old", name: "old", age: 5),
                object(training, "typo", name: "typo"), object(serving, "", name: "broken"),
            ], labels: ["young", "old"])
        #expect(claims.wanted.mapValues(\.value) == [development: "old"])
        #expect(claims.holds == ["young": .duplicate(of: "old"), "typo": .labelUnknown("typo")])
        #expect(claims.kept == [training, serving])
        let present = [development: "old", training: "good", serving: "good"]
        let plan = PublicationPlan(
            claims, present: AdminRows(present), published: notes(present), mayDelete: true)
        #expect(plan.steps.isEmpty)
        #expect(plan.noted == notes(present))
    }

    @Test("While an object can't be read, nothing is deleted")
    func unreadable() {
        let claims = RowClaims([], labels: [], unreadable: ["x"])
        let plan = PublicationPlan(
            claims, present: AdminRows([training: "a"]), published: notes([training: "a"]), mayDelete: true)
        #expect(plan.steps.isEmpty)
        #expect(plan.noted.rows == [AdminRow(training, "a")])
    }

    @Test("Notes survive being written and read, and other texts are not taken for notes")
    func text() {
        let published = notes([development: "a", training: "b"], restoring: [serving: "c"])
        #expect(PublishedRows(text: published.text) == published)
        for text in [
            "", "{}", "[]", #"{"endpoint":"e","rows":[["a"]],"restoring":[]}"#, #"{"endpoint":"e","rows":{}}"#,
        ] {
            #expect(PublishedRows(text: text) == nil)
        }
    }
}

@Suite("Labels in flyteadmin are not deleted in doubt")
struct DeletionStopTests {
    private func rows(_ count: Int) -> [AdminRowKey: String] {
        Dictionary(
            uniqueKeysWithValues: (0..<count).map { (AdminRowKey(project: "p\($0)", domain: "d"), "label") })
    }
    private func isHeld(_ decision: DeletionStop.Decision) -> Bool { decision != .allowed }

    @Test("One object, or a few that were seen before, may go at once")
    func few() {
        var stop = DeletionStop()
        #expect(!isHeld(stop.judge(RowClaims(), notes(rows(1)), isPoll: true)))
        let all = rows(10)
        #expect(!isHeld(stop.judge(claims(all), notes(all), isPoll: true)))
        #expect(!isHeld(stop.judge(RowClaims(), notes(all), isPoll: false)))
    }

    @Test("When all are gone at the start, they stay until that was found three times")
    func emptyAtStart() {
        var stop = DeletionStop()
        let published = notes(rows(2))
        #expect(isHeld(stop.judge(RowClaims(), published, isPoll: true)))
        for _ in 0..<10 { #expect(isHeld(stop.judge(RowClaims(), published, isPoll: false))) }
        #expect(isHeld(stop.judge(RowClaims(), published, isPoll: true)))
        #expect(!isHeld(stop.judge(RowClaims(), published, isPoll: true)))
    }

    @Test("The loss of most of many at once is doubted, also if seen, until they return")
    func many() {
        var stop = DeletionStop()
        let all = rows(20)
        let few = all.filter { $0.key.project < "p12" }
        #expect(!isHeld(stop.judge(claims(all), notes(all), isPoll: true)))
        #expect(isHeld(stop.judge(claims(few), notes(all), isPoll: true)))
        #expect(isHeld(stop.judge(claims(few), notes(all), isPoll: true)))
        #expect(!isHeld(stop.judge(claims(all), notes(all), isPoll: true)))
        #expect(isHeld(stop.judge(claims(few), notes(all), isPoll: true)))
    }
}
