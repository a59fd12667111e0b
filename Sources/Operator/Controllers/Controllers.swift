import ControlLoop
import DataPlaneAgent
import Kube
import Logging
import Support

/// Hands each key to its controller.
struct Controllers: Sendable {
    let plan: PlanController
    let dataPlane: DataPlaneController
    let executionLabel: ExecutionLabelController
    let assignment: AssignmentController
    let project: ProjectController
    let registry: RegistryController
    let publishing: PublishingController
    let stagedRollout: StagedRolloutController
    let clusterProfiles: ClusterProfileController
    let tidying: TidyingController
    let request: RequestController
    let logger: Logger

    func reconcile(_ work: Work) async -> Controller<Work>.Outcome {
        do throws(KubeError) {
            switch work {
            case .plan: return plan.reconcile()
            case .dataPlane(let name): return try await dataPlane.reconcile(name)
            case .executionLabel(let name): return try await executionLabel.reconcile(name)
            case .assignment(let name): return try await assignment.reconcile(name)
            case .project(let name): return try await project.reconcile(name)
            case .registry(let name): return try await registry.reconcile(name)
            case .publishing: return try await publishing.reconcile()
            case .stagedRollout: return try await stagedRollout.reconcile()
            case .clusterProfiles: return try await clusterProfiles.reconcile()
            case .tidying: return tidying.reconcile()
            case .requested(let work): return request.reconcile(work)
            }
        } catch {
            if !error.isCancelled { logger.warning("\(error)", metadata: ["work": "\(work)"]) }
            return .failed(error.description, retryAfter: error.retryAfter)
        }
    }
}

extension Controllers {
    /// Puts the controllers together from what they share.
    init(
        inputs: Inputs, pool: AgentPool, sources: CredentialSources, executions: ExecutionCounter,
        flyteAdmin: FlyteAdminLoop, reports: Reports, statuses: Statuses, writer: ControlPlaneWriter,
        router: EventRouter, wallClock: WallClock, timeline: Timeline, logger: Logger
    ) {
        let (informers, plans) = (inputs.informers, inputs.plans)
        let renewals = CredentialRenewals(
            sources: sources, pool: pool, plans: plans, router: router, events: writer.events)
        let agents = DataPlaneAgents(
            informers: informers, pool: pool,
            credentials: CredentialsReader(informers: informers, renewals: renewals, wallClock: wallClock),
            executions: executions, flyteAdmin: reports.flyteAdmin)
        let clusters = ClusterIdentities(
            pool: pool, router: router, recorder: ClusterRecorder(client: writer.client, logger: logger))
        plan = PlanController(
            inputs: inputs, agents: agents, clusters: clusters, flyteAdmin: reports.flyteAdmin, router: router)
        dataPlane = DataPlaneController(
            inputs: inputs, agents: agents, clusters: clusters, statuses: statuses, router: router)
        executionLabel = ExecutionLabelController(inputs: inputs, statuses: statuses)
        assignment = AssignmentController(
            inputs: inputs, pool: pool, flyteAdmin: reports.flyteAdmin, statuses: statuses, router: router)
        project = ProjectController(
            inputs: inputs, pool: pool, flyteAdmin: reports.flyteAdmin, statuses: statuses)
        registry = RegistryController(inputs: inputs, pool: pool, reports: reports, statuses: statuses)
        publishing = PublishingController(
            inputs: inputs,
            publisher: ClustersPublisher(
                inputs: inputs, reports: reports, writer: writer, wallClock: wallClock, timeline: timeline),
            restarts: FlyteAdminRestarts(
                informers: informers, memory: reports.publishing, writer: writer, timeline: timeline),
            reports: reports, router: router)
        stagedRollout = StagedRolloutController(
            plans: plans, members: RolloutMembers(informers: informers, pool: pool, writer: statuses.writer),
            rollout: reports.rollout, writer: writer, router: router)
        clusterProfiles = ClusterProfileController(
            inputs: inputs, pool: pool, statuses: statuses.writer, writer: writer, wallClock: wallClock)
        tidying = TidyingController(plans: plans, agents: agents, clusters: clusters, statuses: statuses)
        request = RequestController(inputs: inputs, pool: pool, flyteAdmin: flyteAdmin, router: router, logger: logger)
        self.logger = logger
    }
}
