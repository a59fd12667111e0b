import ControlLoop
import Fleet
import FlyteAdmin
import Kube
import Logging

/// Keeps flyteadmin equal to the FlyteProjects: first the projects, then their attributes. The rows have the same
/// safety as those of execution labels, and their own notes. It serves one flyteadmin and one caller at a time.
struct ProjectPublisher {
    private var registrar: ProjectRegistrar
    private var taskResources: RowPublisher
    private var executionConfigs: RowPublisher
    /// The claims of the last complete pass. Nil: nothing is known to be as wanted.
    private var done: ProjectClaims?

    /// The result of one pass.
    struct Report: Sendable {
        var registrations = ProjectRegistrar.Report()
        var taskResources = RowPublisher.Report()
        var executionConfigs = RowPublisher.Report()

        var failure: RowPublisher.Failure? {
            registrations.failure ?? taskResources.failure ?? executionConfigs.failure
        }
        /// Why rows without an object are still there.
        var held: String? { taskResources.held ?? executionConfigs.held }

        /// - Parameter failure: the state of what was not tried.
        func publication(of demand: ProjectDemand, _ failure: Publication?) -> Publication {
            if let problem = registrations.problems[demand.project], demand.registration != nil { return problem }
            let rows = [(demand.taskResources, taskResources), (demand.executionConfigs, executionConfigs)]
            for (rows, report) in rows {
                if let words = rows.lazy.compactMap({ report.refused[$0.key] }).first { return .refused(words) }
                if !rows.allSatisfy({ report.published.contains($0.key) }) { return failure ?? .pending }
            }
            return demand.registration != nil && registrations.failure != nil ? failure ?? .pending : .published
        }
    }

    init(
        client: FlyteAdminClient, notes: (client: KubeClient, namespace: String), endpoint: String,
        mayWrite: @escaping @Sendable () -> Bool, gate: WriteGate, logger: Logger
    ) {
        func publisher(_ kind: AttributeKind, _ configMap: String) -> RowPublisher {
            let store = PublishedRowsStore(
                client: notes.client, namespace: notes.namespace, configMapName: configMap,
                writeLog: WriteLog(logger))
            return RowPublisher(
                client: client, kind: kind, store: store, endpoint: endpoint, mayWrite: mayWrite, gate: gate,
                logger: logger)
        }
        registrar = ProjectRegistrar(client: client, mayWrite: mayWrite, gate: gate, logger: logger)
        taskResources = publisher(.taskResource, FlyteAdminNotes.taskResources)
        executionConfigs = publisher(.workflowExecutionConfig, FlyteAdminNotes.executionConfigs)
    }

    mutating func retryRefused() {
        registrar.retryRefused()
        taskResources.retryRefused()
        executionConfigs.retryRefused()
    }

    /// Looks at everything again in the next pass.
    mutating func forget() { done = nil }
    func isNews(_ claims: ProjectClaims) -> Bool { done != claims }

    mutating func pass(_ claims: ProjectClaims, isPoll: Bool) async -> Report {
        var report = Report()
        report.registrations = await registrar.pass(claims.registrations, isPoll: isPoll)
        if !report.registrations.made.isEmpty {
            // Their rows were refused because the project was missing.
            taskResources.retryRefused()
            executionConfigs.retryRefused()
        }
        if report.failure == nil, await !taskResources.isIdle(claims.taskResources) {
            report.taskResources = await taskResources.pass(claims.taskResources, isPoll: isPoll)
        }
        if report.failure == nil, await !executionConfigs.isIdle(claims.executionConfigs) {
            report.executionConfigs = await executionConfigs.pass(claims.executionConfigs, isPoll: isPoll)
        }
        done = report.failure == nil ? claims : nil
        return report
    }
}
