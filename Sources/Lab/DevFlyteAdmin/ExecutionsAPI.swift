import JSON

extension RestAPI {
    func launch(_ tables: inout Tables) throws(GRPCFailure) -> Result {
        guard request.method == "POST" else { throw .notAllowed }
        let made = try tables.create(try body(.executionCreateRequest), now: now)
        return Result(message: .executionCreateResponse, json: ["id": made.id])
    }

    func executions(_ project: String, _ domain: String, _ tables: Tables) throws(GRPCFailure) -> Result {
        guard request.method == "GET" else { throw .notAllowed }
        let limit = try number("limit")
        if limit == 0 { throw .invalidArgument("invalid value for limit") }
        let offset = try offset("ListExecutions")
        let filter = try ListFilter(request.query["filters"] ?? "", of: .executions)
        let page = tables.list(project: project, domain: domain, limit: limit, offset: offset, filter: filter)
        return Result(
            message: .executions,
            json: ["executions": .array(page.executions.map(\.message)), "token": .string(page.token)])
    }

    func execution(_ names: [String], _ tables: inout Tables) throws(GRPCFailure) -> Result {
        switch request.method {
        case "GET":
            let found = try tables.get(project: names[0], domain: names[1], execution: names[2])
            return Result(message: .execution, json: found.message)
        case "DELETE":
            let cause = try body(.terminateRequest)["cause"]?.string ?? ""
            try tables.abort(project: names[0], domain: names[1], execution: names[2], cause: cause)
            return .empty
        default: throw .notAllowed
        }
    }
}
