import ControlLoop
import Fleet
import FlyteAdmin
import Kube
import Logging

/// Brings flyteadmin's rows of one kind in line with the objects: it reads, plans, notes, writes and notes again.
///
/// It serves one flyteadmin and one caller at a time. It lives as long as the connection's settings stay the same.
struct RowPublisher {
    let client: FlyteAdminClient
    let kind: AttributeKind
    let store: PublishedRowsStore
    let endpoint: String
    let mayWrite: @Sendable () -> Bool
    let gate: WriteGate
    let logger: Logger

    private var notes: PublishedRows?
    private var stop: DeletionStop
    private var refusals = Refusals()

    init(
        client: FlyteAdminClient, kind: AttributeKind = .executionClusterLabel, store: PublishedRowsStore,
        endpoint: String, mayWrite: @escaping @Sendable () -> Bool,
        gate: WriteGate, logger: Logger
    ) {
        self.client = client
        self.kind = kind
        stop = kind == .executionClusterLabel ? DeletionStop() : DeletionStop(of: kind.noun + "s", by: "FlyteProject")
        self.store = store
        self.endpoint = endpoint
        self.mayWrite = mayWrite
        self.gate = gate
        self.logger = logger
    }

    /// The result of one pass.
    struct Report: Sendable {
        /// The rows that are there as wanted, and those that flyteadmin refused, with its words.
        var published: Set<AdminRowKey> = []
        var refused: [AdminRowKey: String] = [:]
        /// Why the pass ended early. The remaining steps were not tried.
        var failure: Failure?
        /// Why rows without an object are still there.
        var held: String?
        /// Rows that wait until flyteadmin runs with their label.
        var waiting: Set<AdminRowKey> = []
        /// The labels that rows name. Nil if they could not be read.
        var named: Set<String>?
    }
    enum Failure: Error, Sendable {
        case flyteAdmin(FlyteAdminError)
        /// The ConfigMap of the notes failed. Nothing is written to flyteadmin that could not be noted.
        case notes(KubeError)
        /// More rows than that ConfigMap can hold. None of them is written.
        case tooMany(Int, configMap: String)
        /// Another replica leads now, or this process ends.
        case stopped

        /// flyteadmin did not answer, or the answer was not flyteadmin's.
        var isOfFlyteAdmin: Bool { if case .flyteAdmin = self { true } else { false } }
    }

    /// Asks again at the next pass for what flyteadmin refused.
    mutating func retryRefused() { refusals.retryAll() }

    /// Whether there is nothing to do, even without asking flyteadmin: nothing is wanted and nothing is noted.
    mutating func isIdle(_ claims: RowClaims) async -> Bool {
        guard claims.wanted.isEmpty else { return false }
        do throws(Failure) {
            let notes = try await readNotes()
            return notes.rows.isEmpty && notes.restoring.isEmpty
        } catch {
            // Without the right to the notes nothing has been noted, so nothing is ours.
            if case .notes(let error) = error { return error.isForbidden }
            return false
        }
    }

    /// - Parameter running: the labels that flyteadmin runs with. Nil if nobody can tell.
    mutating func pass(_ claims: RowClaims, running: Set<String>? = nil, isPoll: Bool) async -> Report {
        var report = Report()
        do throws(Failure) {
            var notes = try await readNotes()
            let (present, named) = try await self.present()
            notes = settled(notes, present)
            report.named = named.union(notes.rows.map(\.value)).union(notes.restoring.map(\.value))
            if isPoll { refusals.polled() }
            if case .held(let why) = stop.judge(claims, notes, isPoll: isPoll) { report.held = why }
            let plan = PublicationPlan(
                claims, present: present, published: notes, running: running, mayDelete: report.held == nil)
            (report.published, report.waiting) = (plan.settled, plan.waiting)
            refusals.retain(Set(plan.steps.map(\.name)))
            let due = plan.steps.filter { step in
                guard let words = refusals[step.name] else { return true }
                if case .put(let row) = step { report.refused[row.key] = words }
                return false
            }
            guard !due.isEmpty || plan.noted != self.notes else { return report }
            guard gate.enter() else { throw .stopped }
            defer { gate.leave() }
            try await write(plan.noted)
            notes = plan.noted
            await carryOut(due, &notes, &report)
            if gate.isClosed { report.failure = report.failure ?? .stopped }
            // Also after a failure: what was done must not be forgotten.
            try await write(notes)
        } catch {
            report.failure = report.failure ?? error
        }
        return report
    }

    private mutating func readNotes() async throws(Failure) -> PublishedRows {
        if let notes { return notes }
        let reading: PublishedRowsStore.Reading
        do throws(KubeError) { reading = try await store.read() } catch { throw .notes(error) }
        var found = PublishedRows(endpoint: endpoint)
        switch reading {
        case .none: break
        case .unreadable: logger.error("ConfigMap \(store.configMapName) can't be read: it is written again")
        case .notes(let old): found = old
        }
        notes = found
        return found
    }

    /// The notes for this address. Notes for another address hold for the rows that are also here: it is then the same
    /// flyteadmin under another address.
    private func settled(_ notes: PublishedRows, _ present: AdminRows) -> PublishedRows {
        guard notes.endpoint != endpoint else { return notes }
        let moved = notes.moved(to: endpoint, present: present)
        logger.warning(
            "flyteadmin has another address: rows that differ from their notes are no longer ours",
            metadata: [
                "old": "\(notes.endpoint)", "new": "\(endpoint)", "noted": "\(notes.rows.count)",
                "ours": "\(moved.rows.count)",
            ])
        return moved
    }

    private mutating func write(_ new: PublishedRows) async throws(Failure) {
        guard new != notes else { return }
        guard mayWrite() else { throw .stopped }
        guard new.text.utf8.count <= PublishedRows.sizeLimit else {
            throw .tooMany(new.rows.count, configMap: store.configMapName)
        }
        do throws(KubeError) { try await store.write(new) } catch { throw .notes(error) }
        notes = new
    }

    private func present() async throws(Failure) -> (rows: AdminRows, named: Set<String>) {
        let rows: [AttributeRow]
        do throws(FlyteAdminError) { rows = try await client.rows(kind) } catch { throw .flyteAdmin(error) }
        var present = AdminRows()
        for row in rows where !row.project.isEmpty {
            let key = AdminRowKey(project: row.project, domain: row.domain, workflow: row.workflow)
            // No call sets a workflow's row without a domain either.
            if row.launchPlan.isEmpty, !row.domain.isEmpty || row.workflow.isEmpty {
                present.values[key] = row.value
            } else {
                present.withLaunchPlans.formUnion([key] + key.above)
            }
        }
        return (present, Set(rows.map(\.value)))
    }

    // MARK: Steps

    /// A few steps at a time, since they concern different rows. No step begins after a failure. A refusal concerns
    /// only its own step.
    private static let atATime = 4

    private mutating func carryOut(
        _ steps: [PublicationPlan.Step], _ notes: inout PublishedRows, _ report: inout Report
    ) async {
        let worker = StepWorker(client: client, kind: kind, mayWrite: mayWrite, logger: logger)
        var confirmed: [AdminRow] = []
        await withTaskGroup(of: StepWorker.Result.self) { group in
            var rest = steps[...]
            for _ in 0..<Self.atATime { if let step = rest.popFirst() { group.addTask { await worker.run(step) } } }
            while let result = await group.next() {
                take(result, &notes, &confirmed, &report)
                if report.failure == nil, !gate.isClosed, let step = rest.popFirst() {
                    group.addTask { await worker.run(step) }
                }
            }
        }
        notes.confirm(confirmed)
    }

    private mutating func take(
        _ result: StepWorker.Result, _ notes: inout PublishedRows, _ confirmed: inout [AdminRow],
        _ report: inout Report
    ) {
        if let key = result.deleted {
            notes.forget(key)
            // Rows that went with it, and were neither put back nor will be.
            let below = key.isWide ? notes.rows.map(\.key).filter(key.takesAlong) : []
            for row in below where !result.step.puts(row) { notes.forget(row) }
            report.published.subtract(below)
        }
        for row in result.put {
            if notes.restoring.remove(row) == nil {
                confirmed.append(row)
                // A row that waits for another value was put back as it was.
                if !report.waiting.contains(row.key) { report.published.insert(row.key) }
            }
        }
        switch result.end {
        case .done: refusals.remove(result.step.name)
        case .refused(let row, let words):
            refusals.add(result.step.name, words)
            if let row { report.refused[row.key] = words }
        case .failed(let failure): report.failure = report.failure ?? failure
        }
    }
}

extension PublicationPlan.Step {
    /// Equal for the same step of a later plan. A step with another value is another step.
    var name: String {
        switch self {
        case .put(let row): "put \(row.key.project)/\(row.key.domain)/\(row.key.workflow) \(row.value)"
        case .delete(let key, _): "delete \(key.project)/\(key.domain)/\(key.workflow)"
        }
    }
    func puts(_ key: AdminRowKey) -> Bool {
        switch self {
        case .put(let row): row.key == key
        case .delete(_, let rows): rows.contains { $0.key == key }
        }
    }
}
