import JSON

/// An execution as flyteadmin has it.
public struct RanExecution: Sendable, Hashable {
    /// Empty if it was created in no cluster, or if flyteadmin runs everything in its own.
    public var cluster: String
    /// `RUNNING`, `SUCCEEDED`, … (`WorkflowExecution.Phase` in `flyteidl/core/execution.proto`).
    public var phase: String
    /// The label of the launch itself.
    public var label: String
    /// The workflow's name.
    public var workflow: String
}

extension FlyteAdminClient {
    /// One execution. Nil if there is none with that name.
    public func execution(
        _ name: String, project: String, domain: String
    ) async throws(FlyteAdminError) -> RanExecution? {
        let operation = "get the execution " + ServerText.clean("\(project)/\(domain)/\(name)")
        let segments = [project, domain, name].compactMap(PathSegment.encode)
        guard segments.count == 3 else {
            throw FlyteAdminError(.refused, operation: operation, message: "such a name can't be in a URL")
        }
        let answer: JSON
        do throws(FlyteAdminError) {
            answer = try await json(.get, "/api/v1/executions/" + segments.joined(separator: "/"), nil, operation)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
        guard let execution = Answers.execution(answer) else {
            throw FlyteAdminError(
                .unreachable, operation: operation, message: "the answer is not flyteadmin's: it has no execution")
        }
        return execution
    }
}

extension Answers {
    /// Nil if the answer is not an execution.
    static func execution(_ json: JSON) -> RanExecution? {
        guard json["id"]?.object != nil, let spec = json["spec"], spec.object != nil else { return nil }
        let closure = json["closure"]
        let system = member("system_metadata", of: spec["metadata"])
        return RanExecution(
            cluster: text("execution_cluster", of: system), phase: text("phase", of: closure),
            label: text("value", of: member("execution_cluster_label", of: spec)),
            workflow: text("name", of: member("workflow_id", of: closure)))
    }
}
