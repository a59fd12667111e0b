import Fleet
import FlyteAdmin

extension FlyteAdminView {
    /// Asks flyteadmin for its labels and, if one is named, for an execution. The view says what flyteadmin did not
    /// answer.
    public static func read(
        _ reach: FlyteAdminReach, execution: (name: String, project: String, domain: String)?
    ) async -> FlyteAdminView {
        var view = FlyteAdminView()
        do throws(FlyteAdminError) {
            var rows: [AdminRowKey: String] = [:]
            for row in try await reach.client.labels() where row.launchPlan.isEmpty && !row.project.isEmpty {
                rows[AdminRowKey(project: row.project, domain: row.domain, workflow: row.workflow)] = row.value
            }
            view.rows = rows
        } catch {
            view.problem = reach.explained(error)
            // After a missing answer it does not ask a second time.
            if error.kind != .refused { return view.without(execution: execution?.name) }
        }
        guard let execution else { return view }
        do throws(FlyteAdminError) {
            let found = try await reach.client.execution(
                execution.name, project: execution.project, domain: execution.domain)
            view.execution =
                found.map {
                    .present(Execution(cluster: $0.cluster, phase: $0.phase, label: $0.label, workflow: $0.workflow))
                } ?? .absent
        } catch {
            view.execution = .unknown(reach.explained(error))
        }
        return view
    }

    /// The view if flyteadmin can't be reached from here.
    public static func unknown(_ why: String, execution: String?) -> FlyteAdminView {
        FlyteAdminView(problem: why).without(execution: execution)
    }

    private func without(execution: String?) -> FlyteAdminView {
        guard execution != nil else { return self }
        var view = self
        view.execution = .unknown("flyteadmin could not be asked")
        return view
    }
}
