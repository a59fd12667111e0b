import JSON

extension RestAPI {
    func projects(_ tables: inout Tables) throws(GRPCFailure) -> Result {
        switch request.method {
        case "GET": return try list(tables)
        case "POST":
            guard let project = try body(.projectRegisterRequest)["project"] else {
                throw .invalidArgument("missing project")
            }
            try tables.register(project)
            return .empty
        default: throw .notAllowed
        }
    }

    func project(_ id: String, _ tables: inout Tables) throws(GRPCFailure) -> Result {
        switch request.method {
        case "GET" where version != .v1_10:
            if id.isEmpty { throw .invalidArgument("missing project_id") }
            guard let project = tables.projects[id] else { throw .notFound("project [\(id)] not found") }
            return Result(message: .project, json: tables.message(id, project))
        case "PUT":
            try tables.update(id, try body(.project))
            return .empty
        default: throw .notAllowed
        }
    }

    private func list(_ tables: Tables) throws(GRPCFailure) -> Result {
        let (limit, offset) = (try number("limit"), try offset("ListProjects"))
        let filter = try ListFilter(request.query["filters"] ?? "", of: .projects)
        func sorting(_ name: String) -> String? { request.query["sort_by." + name] ?? request.query["sortBy." + name] }
        // With a key the default is descending, without one it is by name.
        let isAscending = sorting("key") == nil || sorting("direction") == "ASCENDING"
        let isByTime = sorting("key") == "created_at"
        let page = tables.page(
            limit: limit, offset: offset, filter: filter,
            by: { project, id in
                let number = String(project.created)
                return isByTime ? String(repeating: "0", count: max(0, 12 - number.count)) + number : id
            }, isAscending: isAscending)
        return Result(
            message: .projects,
            json: [
                "projects": .array(page.projects.map { tables.message($0.0, $0.1) }), "token": .string(page.token),
            ])
    }
}
