import JSON

/// A request, as the server has read it.
struct Request: Sendable {
    var method: String
    /// The path, percent-decoded as a whole as in grpc-gateway, so an encoded slash is a slash.
    var path: String
    var query: [String: String] = [:]
    /// The headers by lower-case name.
    var headers: [String: String] = [:]
    var body: [UInt8] = []
}

struct Answer: Sendable {
    var status: Int
    var headers: [(String, String)]
    var body: [UInt8]

    init(_ status: Int, _ json: JSON) {
        self.status = status
        headers = [("Content-Type", "application/json")]
        body = json.serialized()
    }
    init(_ status: Int, headers: [(String, String)] = [], text: String, type: String) {
        self.status = status
        self.headers = headers + [("Content-Type", type)]
        body = Array(text.utf8)
    }
}

/// The REST API over the tables: the paths, and the JSON form of messages. A pure value.
struct RestAPI {
    private let request: Request

    init(_ request: Request) { self.request = request }

    func answer(_ tables: inout Tables) -> Answer {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        // Go's ServeMux redirects such paths.
        if parts.contains(where: { $0 == "." || $0 == ".." || $0.isEmpty }), request.path != "/" {
            return Answer(
                301, headers: [("Location", "/")], text: "<a href=\"/\">Moved Permanently</a>.", type: "text/html")
        }
        do throws(GRPCFailure) {
            return Answer(200, spelled(try call(parts, &tables)))
        } catch {
            return Answer(error.status, error.json)
        }
    }

    private func call(_ parts: [String], _ tables: inout Tables) throws(GRPCFailure) -> JSON {
        guard parts.count >= 3, parts[0] == "api", parts[1] == "v1" else { throw .notFound("Not Found") }
        switch (request.method, parts[2], parts.count) {
        case ("GET", "projects", 3): return try projects(tables)
        case ("GET", "matchable_attributes", 3): return list(try queryType(), tables)
        case (_, "project_domain_attributes", 5):
            return try attributes(Tables.RowID(project: parts[3], domain: parts[4]), &tables)
        case (_, "workflow_attributes", 6):
            return try attributes(Tables.RowID(project: parts[3], domain: parts[4], workflow: parts[5]), &tables)
        case (_, "projects", 3), (_, "matchable_attributes", 3):
            throw GRPCFailure(code: 12, message: "Method Not Allowed")
        default: throw .notFound("Not Found")
        }
    }

    private func attributes(_ named: Tables.RowID, _ tables: inout Tables) throws(GRPCFailure) -> JSON {
        var id = named
        switch request.method {
        case "GET":
            id.type = try queryType()
            try tables.validate(project: id.project, domain: id.domain)
            let (row, value) = try tables.get(id)
            var attributes: JSON = [
                "project": .string(row.project), "domain": .string(row.domain), "matching_attributes": value, "org": "",
            ]
            if !id.workflow.isEmpty { attributes["workflow"] = .string(row.workflow) }
            return ["attributes": attributes]
        case "PUT":
            let matching = try matchingAttributes()
            try tables.validate(project: id.project, domain: id.domain)
            guard let matching else { throw .invalidArgument("missing matching_attributes") }
            let found = Tables.ResourceType.allCases.first { $0.member.map { matching[$0] != nil } ?? false }
            guard let found else {
                let name = [id.project, id.domain, id.workflow].filter { !$0.isEmpty }.joined(separator: "-")
                throw .invalidArgument("Unrecognized matching attributes type for request \(name)")
            }
            id.type = found
            tables.rows[id] = matching
            return [:]
        case "DELETE":
            // A missing type or body means 0, the task resources.
            let body = try object()
            id.type = try Self.type(Self.member("resource_type", of: body))
            try tables.validate(project: id.project, domain: id.domain)
            tables.delete(id)
            return [:]
        default: throw GRPCFailure(code: 12, message: "Method Not Allowed")
        }
    }

    private func list(_ type: Tables.ResourceType, _ tables: Tables) -> JSON {
        let rows = tables.list(type).map { id, value -> JSON in
            [
                "attributes": value, "domain": .string(id.domain), "project": .string(id.project),
                "workflow": .string(id.workflow), "launch_plan": .string(id.launchPlan), "org": "",
            ]
        }
        return ["configurations": .array(rows)]
    }

    private func projects(_ tables: Tables) throws(GRPCFailure) -> JSON {
        let token = request.query["token"] ?? ""
        guard let offset = token.isEmpty ? 0 : Int(token), offset >= 0 else {
            throw .invalidArgument("invalid pagination token \(token) for ListProjects")
        }
        guard let limit = Int(request.query["limit"] ?? "0"), limit >= 0 else {
            throw .invalidArgument("parsing field \"limit\": strconv.ParseUint: invalid syntax")
        }
        let filters = request.query["filters"] ?? ""
        let filter = filters.isEmpty ? nil : try ProjectFilter(filters)
        let page = tables.page(limit: limit, offset: offset, filter: filter)
        let domains = JSON.array(tables.domains.map { ["id": .string($0), "name": .string($0)] })
        let projects = page.projects.map { id, state -> JSON in
            [
                "id": .string(id), "name": .string(id), "domains": domains, "description": "", "labels": nil,
                "state": .string(state.name), "org": "",
            ]
        }
        return ["projects": .array(projects), "token": .string(page.token)]
    }

    // MARK: Reading requests

    /// Both spellings, as protojson reads them.
    private static func member(_ name: String, of json: JSON?) -> JSON? { json?[name] ?? json?[camelCase(name)] }

    private func object() throws(GRPCFailure) -> JSON {
        if request.body.isEmpty { return [:] }
        guard let json = try? JSON(parsing: request.body), json.object != nil else {
            throw .invalidArgument("proto: syntax error (line 1:1): unexpected token")
        }
        return json
    }

    private func matchingAttributes() throws(GRPCFailure) -> JSON? {
        let body = try object()
        let known = ["project", "domain", "workflow", "org", "matching_attributes", "matchingAttributes"]
        let unknown =
            body.object?.keys.first { $0 != "attributes" }
            ?? body["attributes"]?.object?.keys.first { !known.contains($0) }
        if let unknown { throw .invalidArgument("proto: (line 1:2): unknown field \"\(unknown)\"") }
        // If there are no `attributes`, the gateway makes them for the names of the path.
        let matching = Self.member("matching_attributes", of: body["attributes"])
        return matching.map { Self.respelled($0, Self.snakeCase) }
    }

    private func queryType() throws(GRPCFailure) -> Tables.ResourceType {
        let text = request.query["resource_type"] ?? request.query["resourceType"]
        return try Self.type(text.map { Int64($0).map { .int($0) } ?? .string($0) })
    }

    private static func type(_ json: JSON?) throws(GRPCFailure) -> Tables.ResourceType {
        switch json {
        case nil, .null: return .taskResource
        case .int(let number):
            if let type = Tables.ResourceType(rawValue: number) { return type }
            throw .invalidArgument("invalid value for resource_type")
        case .string(let name):
            if let type = Tables.ResourceType.allCases.first(where: { $0.name == name }) { return type }
            fallthrough
        default: throw .invalidArgument("parsing field \"resource_type\": not a valid value")
        }
    }

    // MARK: Spelling

    /// flyteadmin sets its snake case marshaler up only for `application/json`. A client without an `Accept` gets camel
    /// case.
    private func spelled(_ json: JSON) -> JSON {
        let type = "application/json"
        let isSnake = request.headers["accept"] == type || request.headers["content-type"] == type
        return isSnake ? json : Self.respelled(json, Self.camelCase)
    }

    private static func respelled(_ json: JSON, _ spell: (String) -> String) -> JSON {
        switch json {
        case .object(let members):
            .object(
                Dictionary(
                    members.map { (spell($0.key), respelled($0.value, spell)) }, uniquingKeysWith: { first, _ in first }
                ))
        case .array(let elements): .array(elements.map { respelled($0, spell) })
        default: json
        }
    }
    private static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        return parts.prefix(1).joined() + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
    private static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}
