import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// Brings changes of templates, values and workload identity to the data planes one after the other, if the registry
/// asks for that.
///
/// `StagedRollout` decides. This type stores what a restart needs, and puts in force only what is stored. So no data
/// plane goes back a step after a restart.
final class StoredRollout: Sendable {
    /// What the registry's status shows.
    struct Report: Sendable, Hashable {
        /// Nil if changes go to all data planes at once.
        var status: RolloutStatus?
        /// Why the rollout stands still: something in the registry can't be followed.
        var problem: String?
    }
    struct Outcome: Sendable {
        /// When to look again only because time has passed.
        var again: Duration?
        /// Nil if it has not changed.
        var news: Report?
    }

    private struct State: Sendable {
        var rollout: StagedRollout?
        var contents: [Int64: StagedContent] = [:]
        var stages: [Int64: StagesInForce.Stage] = [:]
        /// The stored state.
        var noted: StagedRollout.Record?
        var report = Report()
    }

    private let store: RevisionStore
    private let router: EventRouter
    private let timeline: Timeline
    private let state = Locked(State())

    init(store: RevisionStore, router: EventRouter, timeline: Timeline) {
        self.store = store
        self.router = router
        self.timeline = timeline
    }

    var report: Report { state.withLock { $0.report } }

    /// One step, by one caller at a time.
    ///
    /// - Parameter members: the states of the data planes, given the revision for each.
    func reconcile(
        _ plan: PlanInForce, members: ([String: Int64]) -> [String: StagedRollout.Member]
    ) async throws(KubeError) -> Outcome {
        let before = report
        var state = state.withLock { $0 }
        var again: Duration?
        do throws(KubeError) {
            if plan.spec.rollout.type == .all {
                try await end(&state, plan)
            } else if plan.problem == nil {
                // Nothing follows from a registry that can't be used.
                again = try await advance(&state, plan, members)
            }
        } catch {
            // Another leader may have written meanwhile. The stored state counts and is read again.
            if error.isConflict || error.isNotFound || error.isAlreadyExists { state = State() }
            let grant = error.isForbidden ? "; manifests/components/staged-rollout grants it" : ""
            state.report.problem = "the revisions of the rollout can't be kept: \(error)\(grant)"
            self.state.withLock { [state] in $0 = state }
            throw error
        }
        self.state.withLock { [state] in $0 = state }
        return Outcome(again: again, news: state.report == before ? nil : state.report)
    }

    /// Changes go to all data planes at once from now on, so the stored state is out of date.
    private func end(_ state: inout State, _ plan: PlanInForce) async throws(KubeError) {
        defer { state.report = Report() }
        router.stage(.unknown)
        guard state.rollout != nil || plan.registry?.status?.rollout != nil else { return }
        for stored in try await store.load() where stored.record != nil { try await store.note(nil, on: stored.number) }
        state = State()
    }

    private func advance(
        _ state: inout State, _ plan: PlanInForce, _ members: ([String: Int64]) -> [String: StagedRollout.Member]
    ) async throws(KubeError) -> Duration? {
        if state.rollout == nil { try await load(&state, plan) }
        guard var rollout = state.rollout ?? first(state, plan) else { return nil }
        let annotations = plan.registry?.metadata.annotations ?? [:]
        let pinned = annotations[RolloutNames.pinned]
        var policy = plan.spec.rollout
        state.report.problem = problem(plan, state, pinned)
        // A new revision counts once it is stored. If that fails, the next attempt gets the same number.
        var contents = state.contents
        if state.rollout == nil {
            contents[rollout.revision] = plan.stagedContent
        } else if state.report.problem != nil {
            // Each data plane keeps its revision, and still gets drift put back and new project-domains.
            policy.paused = true
        } else if let content = plan.stagedContent, content != contents[rollout.revision] {
            rollout.begin((contents.keys.max() ?? 0) + 1, overruling: pinned)
            contents[rollout.revision] = content
        }
        let newest = contents[rollout.revision]
        let again = rollout.step(
            StagedRollout.Input(
                policy: policy, members: members(rollout.record.assigned),
                alike: Set(contents.filter { $0.value == newest && $0.key != rollout.revision }.keys),
                resumedAt: annotations[RolloutNames.resumedAt], pinned: pinned, known: Set(contents.keys),
                now: timeline.now))
        if state.rollout?.revision != rollout.revision, let newest {
            try await store.create(.init(number: rollout.revision, content: newest, record: rollout.record))
        } else if rollout.record != state.noted {
            try await store.note(rollout.record, on: rollout.revision)
        }
        (state.contents, state.rollout, state.noted) = (contents, rollout, rollout.record)
        state.report.status = RolloutStatus(rollout)
        bringIntoForce(&state, rollout)
        try await tidyUp(&state, rollout)
        return again
    }

    private func load(_ state: inout State, _ plan: PlanInForce) async throws(KubeError) {
        let stored = try await store.load()
        state.contents = Dictionary(stored.map { ($0.number, $0.content) }) { $1 }
        guard let newest = stored.last else { return }
        let known = Set(state.contents.keys)
        // The state also counts as lost if it was removed although the registry's status shows a rollout.
        let isLost = newest.isStateBroken || (newest.record == nil && plan.registry?.status?.rollout != nil)
        if let record = newest.record {
            let mended = record.mended(known: known, newest: newest.number)
            state.rollout = StagedRollout(revision: newest.number, record: mended)
            state.noted = record
        } else if isLost {
            let applied = plan.dataPlanes.compactMapValues { $0.status?.appliedRevision }
            let record = StagedRollout.Record(applied: applied, known: known, newest: newest.number)
            state.rollout = StagedRollout(revision: newest.number, record: record)
        }
    }

    /// Changes went to all data planes at once until now, so all of them have what is in force.
    private func first(_ state: State, _ plan: PlanInForce) -> StagedRollout? {
        guard plan.stagedContent != nil else { return nil }
        return StagedRollout(first: (state.contents.keys.max() ?? 0) + 1)
    }

    private func problem(_ plan: PlanInForce, _ state: State, _ pinned: String?) -> String? {
        if let problem = plan.spec.rollout.problem(dataPlanes: Set(plan.dataPlanes.keys)) { return problem }
        guard let pinned, pinned != state.rollout?.record.overruled, let rollout = state.rollout else { return nil }
        let revision = RolloutNames.revision(pinnedBy: pinned)
        if let revision, state.contents[revision] != nil || revision == rollout.revision { return nil }
        return "the annotation \(RolloutNames.pinned) asks for revision \(pinned.quotedForMessage), and there is none"
    }

    private func bringIntoForce(_ state: inout State, _ rollout: StagedRollout) {
        let fallback = rollout.record.pinned ?? rollout.record.complete ?? rollout.revision
        let observed = rollout.record.pinned ?? rollout.revision
        let used = Set(rollout.record.assigned.values).union([fallback, observed])
        state.stages = state.stages.filter { used.contains($0.key) }
        for number in used where state.stages[number] == nil {
            state.stages[number] = state.contents[number].map { StagesInForce.Stage(number, $0) }
        }
        router.stage(
            .staged(
                .init(
                    revisions: rollout.record.assigned, fallback: fallback, observed: observed, stages: state.stages)))
    }

    /// Keeps the revisions in use and the last ten.
    private func tidyUp(_ state: inout State, _ rollout: StagedRollout) async throws(KubeError) {
        let kept = Set(state.contents.keys.sorted().suffix(Self.keptRevisions)).union(state.stages.keys)
        for number in state.contents.keys where !kept.contains(number) {
            try await store.delete(number)
            state.contents[number] = nil
        }
    }
    private static let keptRevisions = 10
}
