import JSON

extension RestAPI {
    func attributes(_ named: Tables.RowID, _ tables: inout Tables) throws(GRPCFailure) -> Result {
        var id = named
        let level = named.level
        switch request.method {
        case "GET":
            id.type = try queryType()
            try tables.validate(id, isWrite: false)
            let (row, value) = try found(id, tables)
            return Result(
                message: .attributesHolder(level),
                json: [
                    "attributes": [
                        "project": .string(row.project), "domain": .string(row.domain),
                        "workflow": .string(row.workflow), "matching_attributes": value,
                    ]
                ])
        case "PUT":
            // Names in the path win over those in the body.
            let attributes = try body(.attributesHolder(level))["attributes"]
            try tables.validate(id, isWrite: true)
            guard let matching = attributes?["matching_attributes"] else {
                throw .invalidArgument("missing matching_attributes")
            }
            let type = Tables.ResourceType.allCases.first { $0.member.map { matching[$0] != nil } ?? false }
            guard let type else {
                let name = [id.project, id.domain, id.workflow].filter { !$0.isEmpty }.joined(separator: "-")
                throw .invalidArgument("Unrecognized matching attributes type for request \(name)")
            }
            id.type = type
            try tables.put(id, matching)
            return .empty
        case "DELETE":
            // A missing type or body means the first, the task resources. The query is not read.
            let type = try body(.deleteRequest(level))["resource_type"]?.string
            id.type = Tables.ResourceType.allCases.first { $0.name == type } ?? .taskResource
            try tables.validate(id, isWrite: true)
            tables.delete(id)
            return .empty
        default: throw .notAllowed
        }
    }

    /// A project always has an execution config. What its row leaves out has flyteadmin's defaults.
    private func found(_ id: Tables.RowID, _ tables: Tables) throws(GRPCFailure) -> (Tables.RowID, JSON) {
        guard id.level == .project, id.type == .workflowExecutionConfig else { return try tables.get(id) }
        let member = "workflow_execution_config"
        var config = (try? tables.get(id))?.1[member] ?? [:]
        if (config["max_parallelism"]?.int ?? 0) == 0 { config["max_parallelism"] = 25 }
        return (id, [member: config])
    }

    func configurations(_ tables: Tables) throws(GRPCFailure) -> Result {
        guard request.method == "GET" else { throw .notAllowed }
        let rows = tables.list(try queryType()).map { id, value -> JSON in
            [
                "attributes": value, "domain": .string(id.domain), "project": .string(id.project),
                "workflow": .string(id.workflow), "launch_plan": .string(id.launchPlan),
            ]
        }
        return Result(message: .configurations, json: ["configurations": .array(rows)])
    }
}
