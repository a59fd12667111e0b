import Fleet
import JSON
import KubeObjects
import Support

/// The next step of `squadron leave`, by what it sees. Nothing else is remembered, so an interrupted run continues
/// where it stopped. The DataPlane goes last, since it says what else belongs to the data plane.
struct LeavePlan: Sendable {
    enum Step: Sendable, Hashable {
        /// Nothing is done, for this reason.
        case refuse(String)
        /// What it waits for. Then everything is read again.
        case wait(String)
        case cordon
        /// The cluster leaves what flyteadmin reads.
        case unpublish
        case removeKeys(of: SecretKeys, keys: [String], annotations: [String])
        case removeAccount(JoinedObject)
        case removeOther(JoinedObject)
        case removeDataPlane
        case done
    }

    let request: LeaveRequest
    private(set) var step = Step.done
    /// What is left to do, with this step.
    private(set) var left: [String] = []
    /// What stays, and why.
    private(set) var notes: [String] = []

    private let facts: LeaveFacts
    private let plane: DataPlane?
    private var cluster: String { plane?.clusterName ?? request.name }

    init(_ request: LeaveRequest, _ facts: LeaveFacts) {
        (self.request, self.facts) = (request, facts)
        let planes = facts.objects.decoded(DataPlane.self)
        plane = planes.objects.first { $0.metadata.name == request.name }
        guard let plane else {
            if let problem = planes.problems.first(where: { $0.hasPrefix("DataPlane \(request.name): ") }) {
                step = .refuse(problem)
            } else {
                notes = ["there is no DataPlane \(request.name): nothing is left to do"]
            }
            return
        }
        let removal = Removal(plane, facts, request, planes.objects)
        notes = removal.notes
        let isCordoned = plane.spec.unschedulable || plane.isLeaving
        if !isCordoned { left.append("cordon it") }
        if !plane.isLeaving { left.append("take it out of what flyteadmin reads") }
        left += removal.steps.map(\.text)
        left.append("delete DataPlane \(request.name)")
        step =
            refusal(plane) ?? (isCordoned ? nil : .cordon) ?? publishing(plane) ?? removal.steps.first?.step
            ?? end(plane)
    }

    private func end(_ plane: DataPlane) -> Step {
        guard plane.metadata.deletionTimestamp != nil else { return .removeDataPlane }
        return .wait("DataPlane \(request.name) to go: \((plane.metadata.finalizers ?? []).listed())")
    }

    private func refusal(_ plane: DataPlane) -> Step? {
        if let here = facts.clusterUID, let known = plane.status?.clusterUID, here != known {
            return .refuse(
                "the context reaches another cluster than DataPlane \(request.name) (another kube-system UID)")
        }
        let labels = facts.objects.decoded(ExecutionLabel.self)
        if let problem = labels.problems.first {
            return .refuse("\(problem): whether it names \(cluster) is not known")
        }
        let naming = labels.objects.filter { $0.spec.clusters.contains { $0.name == cluster } }.map(\.metadata.name)
        if !naming.isEmpty {
            return .refuse(
                "\(cluster) is named by \(naming.count == 1 ? "ExecutionLabel" : "ExecutionLabels") "
                    + "\(naming.sorted().listed(limit: 50)): take it out there first")
        }
        if facts.flyteAdmin.registry?.mode == .observe, facts.flyteAdmin.entry(of: cluster) != nil {
            return .refuse(
                "the registry is in Observe, so that nothing is published, and what flyteadmin reads names \(cluster)")
        }
        return nil
    }

    // MARK: What flyteadmin reads

    private func publishing(_ plane: DataPlane) -> Step? {
        let flyte = facts.flyteAdmin
        if !plane.isLeaving { return cordoned(plane, flyte) ?? .unpublish }
        guard flyte.isKept else { return nil }
        if flyte.entry(of: cluster) != nil {
            return .wait("the operator to take \(cluster) out of what flyteadmin reads" + said(.published))
        }
        switch flyte.rollout() {
        case .done, .noReaders: return nil
        case .waits(let text): return .wait("flyteadmin to run without \(cluster): \(text)")
        case .needsRestart(let name): return .wait("flyteadmin to run without \(cluster): \(restart(name))")
        }
    }

    /// Nil once none of flyteadmin's executions runs there and no new one can.
    private func cordoned(_ plane: DataPlane, _ flyte: FlyteAdminFacts) -> Step? {
        var since = plane.cordonTime
        if flyte.isKept {
            if flyte.entry(of: cluster)?.enabled ?? false {
                return .wait("the operator to publish that \(cluster) is cordoned" + said(.published))
            }
            switch flyte.rollout() {
            case .done(let time): since = [since, time].compactMap { $0 }.max()
            case .waits(let text): return .wait("flyteadmin to run with \(cluster) cordoned: \(text)")
            case .needsRestart(let name): return .wait("flyteadmin to run with \(cluster) cordoned: \(restart(name))")
            case .noReaders: return request.abandonsExecutions ? nil : .refuse(unknown(why: Self.noReaders))
            }
        }
        if request.abandonsExecutions { return nil }
        if !flyte.isKept, let file = flyte.files.first(where: { sends(it: $0) }) {
            return .refuse(unknown(why: "\(file.place), which Squadron does not keep, sends executions there"))
        }
        guard flyte.registry?.flyteAdmin != nil else {
            return .refuse(unknown(why: "the registry has no spec.flyteAdmin to ask"))
        }
        guard let count = executions, since.map({ count.asOf >= $0 }) ?? true else {
            return .wait("the operator to ask flyteadmin what runs on \(cluster)")
        }
        if count.running == 0 { return nil }
        return .refuse(
            "flyteadmin runs \(count.running) executions on \(cluster) (as of \(Timestamp(count.asOf))), and could not abort "
                + "them any longer. Wait for them or abort them, then run this again, or add --abandon-executions")
    }

    /// The operator's count of flyteadmin's executions there, and its time.
    private var executions: (running: Int64, asOf: Instant)? {
        let object = facts.objects[.dataPlanes].first { $0.metadata.name == request.name }
        guard let running = object?.status("executions", "running")?.int,
            let time = object?.status("executions", "asOf")?.string.flatMap({ Timestamp($0)?.instant })
        else { return nil }
        return (running, time)
    }

    private func sends(it file: FlyteAdminFacts.File) -> Bool {
        file.configuration.clusters.contains { $0.name == cluster && $0.enabled }
    }

    private static let noReaders =
        "spec.publish.restart is not set, and no Deployment here mounts what is published: whether flyteadmin has read it "
        + "can't be seen"

    private func unknown(why: String) -> String {
        "what flyteadmin runs on \(cluster) is not known: \(why). --abandon-executions goes on all the same"
    }

    private func restart(_ name: String) -> String {
        "restart it: kubectl -n \(request.namespace) rollout restart deployment/\(name)"
    }

    /// The registry's message, if it explains why this can't continue.
    private func said(_ type: ConditionType) -> String {
        guard let condition = facts.flyteAdmin.conditions.first(where: { $0.type == type.rawValue }),
            condition.status != .isTrue
        else { return "" }
        return " (\(type.rawValue): \(condition.reason): \(condition.message))"
    }
}

extension DataPlane {
    /// When the DataPlane was cordoned, as far as the API server recorded it.
    fileprivate var cordonTime: Instant? {
        (metadata.managedFields ?? []).filter { $0.fieldsV1?[path: ["f:spec", "f:unschedulable"]] != nil }
            .compactMap { $0.time?.instant }.max()
    }
}
