/// The messages of executions (`flyteidl/protos/flyteidl/admin/execution.proto`), without what only the console shows.
extension ProtoMessage {
    static let identifier = ProtoMessage(
        "Identifier",
        [
            Field("resource_type", .enumeration(["UNSPECIFIED", "TASK", "WORKFLOW", "LAUNCH_PLAN", "DATASET"])),
            Field("project", .text), Field("domain", .text), Field("name", .text), Field("version", .text),
            Field("org", .text),
        ])
    static let executionID = ProtoMessage(
        "WorkflowExecutionIdentifier", ["project", "domain", "name", "org"].map { Field($0, .text) })

    private static let executionMetadata = ProtoMessage(
        "ExecutionMetadata",
        [
            Field("mode", .enumeration(["MANUAL", "SCHEDULED", "SYSTEM", "RELAUNCH", "CHILD_WORKFLOW", "RECOVERED"])),
            Field("principal", .text), Field("nesting", .number(0...Int64(UInt32.max))), Field("scheduled_at", .any),
            Field("parent_node_execution", .any), Field("reference_execution", .any),
            Field(
                "system_metadata",
                .message(
                    ProtoMessage("SystemMetadata", [Field("execution_cluster", .text), Field("namespace", .text)]))
            ),
            Field("artifact_ids", .list(.any)),
        ])

    static let executionSpec = ProtoMessage(
        "ExecutionSpec",
        [
            Field("launch_plan", .message(identifier)), Field("inputs", .any),
            Field("metadata", .message(executionMetadata)),
            Field("notifications", .any, oneof: "notification_overrides"),
            Field("disable_all", .bool, oneof: "notification_overrides"), Field("labels", .message(labels)),
            Field("annotations", .message(labels)), Field("security_context", .message(securityContext)),
            Field("auth_role", .any), Field("quality_of_service", .any), Field("max_parallelism", .int32),
            Field("raw_output_data_config", .message(rawOutputDataConfig)), Field("cluster_assignment", .any),
            Field("interruptible", .optionalBool), Field("overwrite_cache", .bool), Field("envs", .message(envs)),
            Field("tags", .list(.text)), Field("execution_cluster_label", .message(executionClusterLabel)),
            Field("execution_env_assignments", .list(.any)),
        ])
    static let executionCreateRequest = ProtoMessage(
        "ExecutionCreateRequest",
        [
            Field("project", .text), Field("domain", .text), Field("name", .text),
            Field("spec", .message(executionSpec)), Field("inputs", .any), Field("org", .text),
        ])
    static let executionCreateResponse = ProtoMessage(
        "ExecutionCreateResponse", [Field("id", .message(executionID))])
    static let terminateRequest = ProtoMessage(
        "ExecutionTerminateRequest", [Field("id", .message(executionID)), Field("cause", .text)])

    private static let executionClosure: ProtoMessage = {
        let failure = ProtoMessage(
            "ExecutionError",
            [
                Field("code", .text), Field("message", .text), Field("error_uri", .text),
                Field("kind", .enumeration(["UNKNOWN", "USER", "SYSTEM"])),
            ])
        let abort = ProtoMessage("AbortMetadata", [Field("cause", .text), Field("principal", .text)])
        return ProtoMessage(
            "ExecutionClosure",
            [
                Field("outputs", .any, oneof: "output_result"),
                Field("error", .message(failure), oneof: "output_result"),
                Field("abort_metadata", .message(abort), oneof: "output_result"),
                Field("computed_inputs", .any),
                Field("phase", .enumeration(Tables.Execution.Phase.allCases.map(\.rawValue))),
                Field("started_at", .any), Field("duration", .any), Field("created_at", .any),
                Field("updated_at", .any), Field("notifications", .list(.any)),
                Field("workflow_id", .message(identifier)), Field("state_change_details", .any),
            ])
    }()
    static let execution = ProtoMessage(
        "Execution",
        [
            Field("id", .message(executionID)), Field("spec", .message(executionSpec)),
            Field("closure", .message(executionClosure)),
        ])
    static let executions = ProtoMessage(
        "ExecutionList", [Field("executions", .list(.message(execution))), Field("token", .text)])
}
