/// The messages of flyteidl 1.16 that the API reads and writes (`flyteidl/protos/flyteidl/admin`).
extension ProtoMessage {
    static let labels = ProtoMessage("Labels", [Field("values", .map)])

    static let project = ProtoMessage(
        "Project",
        [
            Field("id", .text), Field("name", .text),
            Field("domains", .list(.message(ProtoMessage("Domain", [Field("id", .text), Field("name", .text)])))),
            Field("description", .text), Field("labels", .message(labels)),
            Field("state", .enumeration(["ACTIVE", "ARCHIVED", "SYSTEM_GENERATED", "SYSTEM_ARCHIVED"])),
            Field("org", .text),
        ])
    static let projectRegisterRequest = ProtoMessage("ProjectRegisterRequest", [Field("project", .message(project))])
    static let projects = ProtoMessage(
        "Projects", [Field("projects", .list(.message(project))), Field("token", .text)])

    // MARK: Matchable resources

    private static let taskResourceSpec = ProtoMessage(
        "TaskResourceSpec", ["cpu", "gpu", "memory", "storage", "ephemeral_storage"].map { Field($0, .text) })
    private static let pluginOverride = ProtoMessage(
        "PluginOverride",
        [
            Field("task_type", .text), Field("plugin_id", .list(.text)),
            Field("missing_plugin_behavior", .enumeration(["FAIL", "USE_DEFAULT"])),
        ])
    static let securityContext = ProtoMessage(
        "SecurityContext",
        [
            Field(
                "run_as",
                .message(
                    ProtoMessage(
                        "Identity",
                        [
                            Field("iam_role", .text), Field("k8s_service_account", .text), Field("oauth2_client", .any),
                            Field("execution_identity", .text),
                        ]))),
            Field("secrets", .list(.any)), Field("tokens", .list(.any)),
        ])
    static let envs = ProtoMessage(
        "Envs",
        [
            Field(
                "values",
                .list(.message(ProtoMessage("KeyValuePair", [Field("key", .text), Field("value", .text)]))))
        ])
    static let rawOutputDataConfig = ProtoMessage(
        "RawOutputDataConfig", [Field("output_location_prefix", .text)])
    static let executionClusterLabel = ProtoMessage("ExecutionClusterLabel", [Field("value", .text)])

    static let workflowExecutionConfig = ProtoMessage(
        "WorkflowExecutionConfig",
        [
            Field("max_parallelism", .int32), Field("security_context", .message(securityContext)),
            Field("raw_output_data_config", .message(rawOutputDataConfig)), Field("labels", .message(labels)),
            Field("annotations", .message(labels)), Field("interruptible", .optionalBool),
            Field("overwrite_cache", .bool), Field("envs", .message(envs)),
            Field("execution_env_assignments", .list(.any)),
        ])

    static let matchingAttributes: ProtoMessage = {
        func target(_ name: String, _ message: ProtoMessage) -> Field {
            Field(name, .message(message), oneof: "target")
        }
        return ProtoMessage(
            "MatchingAttributes",
            [
                target(
                    "task_resource_attributes",
                    ProtoMessage(
                        "TaskResourceAttributes",
                        [
                            Field("defaults", .message(taskResourceSpec)), Field("limits", .message(taskResourceSpec)),
                        ])),
                target(
                    "cluster_resource_attributes",
                    ProtoMessage("ClusterResourceAttributes", [Field("attributes", .map)])),
                target(
                    "execution_queue_attributes",
                    ProtoMessage("ExecutionQueueAttributes", [Field("tags", .list(.text))])),
                target("execution_cluster_label", executionClusterLabel),
                target(
                    "quality_of_service",
                    ProtoMessage(
                        "QualityOfService",
                        [
                            Field("tier", .enumeration(["UNDEFINED", "HIGH", "MEDIUM", "LOW"]), oneof: "designation"),
                            Field("spec", .any, oneof: "designation"),
                        ])),
                target(
                    "plugin_overrides",
                    ProtoMessage("PluginOverrides", [Field("overrides", .list(.message(pluginOverride)))])),
                target("workflow_execution_config", workflowExecutionConfig),
                target(
                    "cluster_assignment",
                    ProtoMessage("ClusterAssignment", [Field("cluster_pool_name", .text)])),
            ])
    }()

    /// `ProjectAttributes`, `ProjectDomainAttributes` or `WorkflowAttributes`.
    static func attributes(_ level: Tables.Level) -> ProtoMessage {
        var fields = [Field("project", .text)]
        if level != .project { fields.append(Field("domain", .text)) }
        if level == .workflow { fields.append(Field("workflow", .text)) }
        fields += [Field("matching_attributes", .message(matchingAttributes)), Field("org", .text)]
        return ProtoMessage("Attributes", fields)
    }
    /// `…AttributesUpdateRequest` and `…AttributesGetResponse`.
    static func attributesHolder(_ level: Tables.Level) -> ProtoMessage {
        ProtoMessage("AttributesHolder", [Field("attributes", .message(attributes(level)))])
    }
    static func deleteRequest(_ level: Tables.Level) -> ProtoMessage {
        var message = attributes(level)
        message.fields.removeAll { $0.name == "matching_attributes" }
        message.fields.append(Field("resource_type", .enumeration(Tables.ResourceType.allCases.map(\.name))))
        return message
    }
    static let configurations = ProtoMessage(
        "ListMatchableAttributesResponse",
        [
            Field(
                "configurations",
                .list(
                    .message(
                        ProtoMessage(
                            "MatchableAttributesConfiguration",
                            [
                                Field("attributes", .message(matchingAttributes)), Field("domain", .text),
                                Field("project", .text), Field("workflow", .text), Field("launch_plan", .text),
                                Field("org", .text),
                            ]))))
        ])
}
