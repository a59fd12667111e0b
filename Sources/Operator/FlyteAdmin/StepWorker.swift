import ControlLoop
import Fleet
import FlyteAdmin
import Logging

/// Carries out one step of a plan. It does not touch the notes: its result says what it did.
struct StepWorker: Sendable {
    enum End: Sendable {
        case done
        /// The row that flyteadmin refused. Nil if it refused the delete.
        case refused(AdminRow?, String)
        case failed(RowPublisher.Failure)
    }
    struct Result: Sendable {
        var step: PublicationPlan.Step
        var deleted: AdminRowKey?
        var put: [AdminRow] = []
        var end = End.done
    }
    let client: FlyteAdminClient
    let kind: AttributeKind
    let mayWrite: @Sendable () -> Bool
    let logger: Logger

    func run(_ step: PublicationPlan.Step) async -> Result {
        var result = Result(step: step)
        switch step {
        case .put(let row): await put([row], &result)
        case .delete(let key, let back):
            if await delete(key, &result) { await put(back, &result) }
        }
        return result
    }

    /// True if the row is gone now.
    private func delete(_ key: AdminRowKey, _ result: inout Result) async -> Bool {
        guard mayWrite() else {
            result.end = .failed(.stopped)
            return false
        }
        do throws(FlyteAdminError) {
            try await client.delete(kind, project: key.project, domain: key.domain, workflow: key.workflow)
        } catch {
            result.end = error.kind == .refused ? .refused(nil, error.message) : .failed(.flyteAdmin(error))
            logger.warning("\(error)")
            return false
        }
        WriteLog(logger)(WriteLine(.removed, "flyteadmin \(kind.noun) \(key.shownInLog)"))
        result.deleted = key
        return true
    }

    /// Puts all rows, even if one is refused, since a wide delete removed each of them.
    private func put(_ rows: [AdminRow], _ result: inout Result) async {
        for row in rows {
            guard mayWrite() else {
                result.end = .failed(.stopped)
                return
            }
            let key = row.key
            do throws(FlyteAdminError) {
                try await client.set(kind, row.value, project: key.project, domain: key.domain, workflow: key.workflow)
            } catch {
                logger.warning("\(error)")
                guard error.kind == .refused else {
                    result.end = .failed(.flyteAdmin(error))
                    return
                }
                result.end = .refused(row, error.message)
                continue
            }
            WriteLog(logger)(WriteLine(.published, "flyteadmin \(kind.noun) \(key.shownInLog)"))
            result.put.append(row)
        }
    }
}

extension AdminRowKey {
    /// The key in the log's form: `project1/development/workflow`.
    var shownInLog: String { [project, domain, workflow].filter { !$0.isEmpty }.joined(separator: "/") }
}
