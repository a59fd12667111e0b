import ControlLoop
import Fleet
import FlyteAdmin
import KubeObjects
import Logging
import Support

/// Counts the executions that flyteadmin still runs on cordoned or disabled data planes, for their statuses.
///
/// It has its own task. flyteadmin lists executions only by project-domain, so one round takes as many questions as
/// there are project-domains. Nothing else waits for it.
final class ExecutionCounter: Sendable {
    struct Context: Sendable {
        /// The executions that have not ended, by cluster. Nil: flyteadmin is not configured, or can't be asked yet.
        var ask: @Sendable ([String]) async throws(FlyteAdminError) -> [String: Int]?
        /// Whether this replica leads. Only one asks.
        var mayAsk: @Sendable () -> Bool = { true }
        /// Whether flyteadmin is about to be restarted with what was published. A count after that is worth more.
        var isRollingOut: @Sendable () -> Bool = { false }
        /// Called when the status of that DataPlane needs an update.
        var changed: @Sendable (String) -> Void
        var logger: Logger
        var wallClock = WallClock.system
        var timeline = Timeline.continuous
        var interval = Duration.seconds(300)
    }
    private struct State {
        var schedule: CountSchedule
        /// The cluster of each DataPlane.
        var clusters: [String: String] = [:]
        var counts: [String: ExecutionCount] = [:]
        /// Until when the first question waits for a rollout.
        var patience: Duration?
        var random = SeededRandom()
        var problem: String?

        mutating func forget(_ dataPlane: String) {
            guard let cluster = clusters.removeValue(forKey: dataPlane), !clusters.values.contains(cluster) else {
                return
            }
            schedule.drop(cluster)
            counts[cluster] = nil
        }
    }

    private let context: Context
    private let state: Locked<State>
    private let signal = Signal()

    init(_ context: Context) {
        self.context = context
        state = Locked(State(schedule: CountSchedule(interval: context.interval)))
    }

    /// The count for a DataPlane's status. From now on it is counted if it gets no new executions.
    func count(of object: DataPlane) -> ExecutionCount? {
        let name = object.metadata.name
        guard object.takesNothingNew else {
            drop(name)
            return nil
        }
        let cluster = object.clusterName
        // The count of an earlier process, if it is of the same cluster.
        let known = object.status?.clusterName == cluster ? object.status?.executions : nil
        let age = known.map { Duration.seconds(max(0, context.wallClock.now - $0.asOf.instant)) }
        let (count, isNew) = state.withLock { state -> (ExecutionCount?, Bool) in
            if let before = state.clusters[name], before != cluster { state.forget(name) }
            let isNew = state.clusters.updateValue(cluster, forKey: name) == nil
            state.schedule.want(cluster, age: age, now: context.timeline.now)
            if state.counts[cluster] == nil, let known { state.counts[cluster] = known }
            return (state.counts[cluster], isNew)
        }
        if isNew { signal.advance() }
        return count
    }

    /// Stops counting for a DataPlane that is deleted or gets executions again, or after flyteadmin was removed from
    /// the settings.
    func drop(_ dataPlane: String) { state.withLock { $0.forget(dataPlane) } }

    func run() async {
        while !Task.isCancelled {
            let seen = signal.generation
            let now = context.timeline.now
            let due = state.withLock { $0.schedule.due(now) }
            if due.isEmpty {
                await signal.wait(past: seen, until: state.withLock { $0.schedule.wake }, on: context.timeline)
            } else if waits(now) {
                await context.timeline.sleep(until: now + Delay.nextQuestionToFlyteAdmin)
            } else {
                await count(state.withLock { $0.schedule.due(context.timeline.now) })
            }
        }
    }

    private func waits(_ now: Duration) -> Bool {
        let isRollingOut = context.isRollingOut()
        return state.withLock { state in
            guard isRollingOut else {
                state.patience = nil
                return false
            }
            let end = state.patience ?? now + Delay.patienceForRollout
            state.patience = end
            return now < end
        }
    }

    private func count(_ clusters: [String]) async {
        // In whole seconds, as in a status. It is never later than the first question.
        let asOf = Timestamp(Instant(secondsSince1970: context.wallClock.now.secondsSince1970.rounded(.down)))
        let found: [String: Int]
        do throws(FlyteAdminError) {
            guard context.mayAsk(), let answer = try await context.ask(clusters) else {
                await context.timeline.sleep(until: context.timeline.now + Delay.nextQuestionToFlyteAdmin)
                return
            }
            found = answer
        } catch {
            guard error.kind != .cancelled else { return }
            return took(clusters, problem: error.description)
        }
        took(clusters, problem: nil)
        let changed = state.withLock { state in
            for cluster in clusters { state.counts[cluster] = ExecutionCount(running: found[cluster] ?? 0, asOf: asOf) }
            return state.clusters.filter { clusters.contains($0.value) }.keys.sorted()
        }
        for name in changed { context.changed(name) }
    }

    /// Notes the end of a round. Without an answer, the earlier count stays with its time.
    private func took(_ clusters: [String], problem: String?) {
        let isNews = state.withLock { state in
            state.schedule.asked(clusters, context.timeline.now, using: &state.random)
            defer { state.problem = problem }
            return state.problem != problem
        }
        if isNews, let problem { context.logger.warning("executions were not counted: \(problem)") }
    }
}

/// One round of questions, for every domain of every project in flyteadmin, archived ones included.
struct ExecutionRound: Sendable {
    let client: FlyteAdminClient
    /// Questions at a time.
    static let atATime = 4

    func counts(on clusters: [String]) async throws(FlyteAdminError) -> [String: Int] {
        var rest = try await client.everyProjectDomain()[...]
        var counts: [String: Int] = [:]
        var failure: FlyteAdminError?
        await withTaskGroup(of: Result<[String: Int], FlyteAdminError>.self) { group in
            func ask() {
                guard let (project, domain) = rest.popFirst() else { return }
                group.addTask { [client] in
                    do throws(FlyteAdminError) {
                        return .success(
                            try await client.unfinishedExecutions(on: clusters, project: project, domain: domain))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<Self.atATime { ask() }
            while let result = await group.next() {
                switch result {
                case .success(let found):
                    counts.merge(found) { $0 + $1 }
                    ask()
                case .failure(let error):
                    failure = failure ?? error
                    rest = []
                    group.cancelAll()
                }
            }
        }
        if let failure { throw failure }
        return counts
    }
}
