import HTTP
import JSON
import Support

/// The part of flyteadmin's REST API that has to do with projects and with what it keeps by project: execution cluster
/// labels and other matchable attributes.
///
/// - Nothing is tried again by itself, except once with a fresh OAuth2 token after a 401.
/// - An answer is bounded in size and time; one that is not JSON (a login page, a proxy's) is an error, never "no rows".
/// - Credentials go to the endpoint's own server only: redirects are not followed. What it repeats of them is hidden.
public struct FlyteAdminClient: Sendable {
    public enum Authorization: Sendable {
        case none
        case token(Sensitive)
        case oauth2(OAuth2Tokens)

        fileprivate var clientSecret: Sensitive? {
            if case .oauth2(let tokens) = self { tokens.clientSecret } else { nil }
        }
    }

    public struct Options: Sendable {
        public var timeouts = HTTPTimeouts(
            connect: .seconds(5), firstByte: .seconds(10), idle: .seconds(10), total: .seconds(30))
        /// Of a list of all rows. 100 bytes a row: 16 MiB are far more than an installation has.
        public var maximumBodySize = 16 << 20
        public var pageSize = 100
        /// More pages than this are no answer that ends.
        public var maximumPages = 1000
        public init() {}
    }

    private let base: String
    private let transport: any HTTPTransport
    private let authorization: Authorization
    let options: Options

    /// - Parameter endpoint: `https://flyteadmin.flyte.svc:443`; a path in it comes before the API's. Whether http is
    ///   all right there is the caller's to check, and the transport's to permit.
    public init(
        endpoint: String, transport: any HTTPTransport, authorization: Authorization = .none,
        options: Options = Options()
    ) {
        base = endpoint.withoutSlashesAtTheEnd
        self.transport = transport
        self.authorization = authorization
        self.options = options
    }

    /// Every execution cluster label there is, of all projects.
    public func labels() async throws(FlyteAdminError) -> [LabelRow] { try await rows(.executionClusterLabel) }

    /// Every row of one kind there is, of all projects.
    public func rows(_ kind: AttributeKind) async throws(FlyteAdminError) -> [LabelRow] {
        let operation = "list the \(kind.noun)s"
        // flyteadmin takes the enum's number or name; older ones have been asked with the number.
        let answer = try await json(
            .get, "/api/v1/matchable_attributes?resource_type=\(kind.rawValue)", nil, operation)
        guard let rows = Answers.rows(answer, kind) else {
            throw FlyteAdminError(
                .unreachable, operation: operation, message: "the answer is not flyteadmin's: it has no configurations")
        }
        return rows
    }

    /// Sets the label of a project-domain, with `workflow` of one workflow, without a domain of the whole project.
    public func setLabel(
        _ value: String, project: String, domain: String, workflow: String = ""
    ) async throws(FlyteAdminError) {
        try await set(.executionClusterLabel, value, project: project, domain: domain, workflow: workflow)
    }

    /// - Parameter value: as `LabelRow.value` has it.
    public func set(
        _ kind: AttributeKind, _ value: String, project: String, domain: String, workflow: String = ""
    ) async throws(FlyteAdminError) {
        let operation = "set the \(kind.shortNoun) of " + Self.name(project, domain, workflow)
        let path = try Self.path(project, domain, workflow, operation)
        guard let matching = kind.attributes(value) else {
            throw FlyteAdminError(.refused, operation: operation, message: "the value is no JSON")
        }
        // The gateway takes project, domain and workflow from the path; they are in the body too, as flytectl has them.
        var attributes: JSON = ["project": .string(project), "matching_attributes": matching]
        if !domain.isEmpty { attributes["domain"] = .string(domain) }
        if !workflow.isEmpty { attributes["workflow"] = .string(workflow) }
        _ = try await json(.put, path, ["attributes": attributes], operation)
    }

    /// Deletes the label of a project-domain, of one workflow, or without a domain of the whole project; no error where there
    /// is none.
    ///
    /// flyteadmin's filter skips what is empty: **deleting a project-domain's label deletes those of all its workflows
    /// too, and deleting a project's all of that project**. Whoever calls this puts back what should stay.
    public func deleteLabel(project: String, domain: String, workflow: String = "") async throws(FlyteAdminError) {
        try await delete(.executionClusterLabel, project: project, domain: domain, workflow: workflow)
    }

    /// Deletes a row of that kind, and **all those below it**; no error where there is none.
    public func delete(
        _ kind: AttributeKind, project: String, domain: String, workflow: String = ""
    ) async throws(FlyteAdminError) {
        let operation = "delete the \(kind.shortNoun) of " + Self.name(project, domain, workflow)
        let path = try Self.path(project, domain, workflow, operation)
        do {
            // Without the type in the body it would delete the task resources, whose number is 0.
            _ = try await json(.delete, path, ["resource_type": .string(kind.name)], operation)
        } catch {
            if !error.isNotFound { throw error }
        }
    }

    /// Every project, each once and in flyteadmin's order. It leaves archived ones out itself, mostly: see
    /// `archivedProjects`.
    public func projects() async throws(FlyteAdminError) -> ProjectList {
        try await projects("", "list the projects")
    }

    /// The archived ones, which flyteadmin only lists for who asks for them.
    public func archivedProjects() async throws(FlyteAdminError) -> Set<String> {
        try await projects("&filters=" + "eq(state,1)".percentEncoded, "list the archived projects")
            .archived
    }

    /// The project as it is, archived or not; nil where there is none. flyteadmin before 1.11 has no call for one project.
    public func project(_ id: String) async throws(FlyteAdminError) -> ListedProject? {
        let list = try await projects(
            "&filters=" + "eq(identifier,\(id))".percentEncoded, "look for the project " + ServerText.clean(id))
        return list.active.first { $0.id == id } ?? list.archivedProjects.first { $0.id == id }
    }

    /// Makes a project. Whether there is one already is flyteadmin's to say (409).
    public func register(_ project: ListedProject) async throws(FlyteAdminError) {
        let operation = "register the project " + ServerText.clean(project.id)
        _ = try await json(.post, "/api/v1/projects", ["project": project.json], operation)
    }

    /// Changes name, description and object labels of a project to what is not empty here.
    ///
    /// **A change without the state would make the project ACTIVE**, also an archived one: the state goes along as it was
    /// read. Between the reading and this call somebody may have archived it; that is undone then, and flyteadmin offers
    /// no way to prevent it.
    public func update(_ project: ListedProject) async throws(FlyteAdminError) {
        let operation = "change the project " + ServerText.clean(project.id)
        guard let id = PathSegment.encode(project.id) else {
            throw FlyteAdminError(.refused, operation: operation, message: "such a name can't be in a URL")
        }
        _ = try await json(.put, "/api/v1/projects/" + id, project.json, operation)
    }

    func projects(_ filter: String, _ operation: String) async throws(FlyteAdminError) -> ProjectList {
        var list = ProjectList()
        var seen: Set<String> = []
        var token = ""
        for _ in 0..<options.maximumPages {
            // The token is an offset: a project that is made meanwhile shifts the pages, and one comes twice.
            var path = "/api/v1/projects?limit=\(options.pageSize)" + filter
            if !token.isEmpty { path += "&token=" + token.percentEncoded }
            guard let page = Answers.projects(try await json(.get, path, nil, operation)) else {
                throw FlyteAdminError(
                    .unreachable, operation: operation, message: "the answer is not flyteadmin's: it has no projects")
            }
            for project in page.projects.active where seen.insert(project.id).inserted { list.active.append(project) }
            list.archivedProjects += page.projects.archivedProjects
            if page.token.isEmpty || page.total == 0 { return list }
            token = page.token
        }
        throw FlyteAdminError(
            .unreachable, operation: operation, message: "more than \(options.maximumPages) pages: the list has no end")
    }

    private static func name(_ project: String, _ domain: String, _ workflow: String) -> String {
        let place = domain.isEmpty ? "project \(project)" : "\(project)/\(domain)"
        return ServerText.clean(place + (workflow.isEmpty ? "" : " workflow \(workflow)"))
    }

    private static func path(
        _ project: String, _ domain: String, _ workflow: String, _ operation: String
    ) throws(FlyteAdminError) -> String {
        let (kind, parts) =
            if !workflow.isEmpty { ("workflow", [project, domain, workflow]) } else if !domain.isEmpty {
                ("project_domain", [project, domain])
            } else { ("project", [project]) }
        let segments = parts.compactMap(PathSegment.encode)
        guard segments.count == parts.count else {
            throw FlyteAdminError(
                .refused, operation: operation, message: "a name that is empty, \".\" or \"..\" can't be in a URL")
        }
        return "/api/v1/\(kind)_attributes/" + segments.joined(separator: "/")
    }

    func json(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSON?, _ operation: String
    ) async throws(FlyteAdminError) -> JSON {
        var request = HTTPRequest(method, base + path, headers: ["Accept": "application/json"])
        request.timeouts = options.timeouts
        request.maximumBodySize = options.maximumBodySize
        if let body {
            request.headers["Content-Type"] = "application/json"
            request.body = body.serialized()
        }
        request.bearerToken = try await token(operation)
        var response = try await send(request, operation)
        var secrets = [request.bearerToken, authorization.clientSecret]
        if response.status == 401, case .oauth2(let tokens) = authorization, let rejected = request.bearerToken {
            // Revoked, or the server's keys were rotated: once more, with a token that surely is a new one.
            tokens.drop(rejected)
            request.bearerToken = try await token(operation)
            secrets.append(request.bearerToken)
            response = try await send(request, operation)
        }
        let redaction = Redaction(secrets.compactMap { $0 })
        let answer = try AnswerCheck(response, operation: operation, server: "flyteadmin", redaction: redaction)
        return answer.json.redacted(by: redaction)
    }

    private func token(_ operation: String) async throws(FlyteAdminError) -> Sensitive? {
        switch authorization {
        case .none: nil
        case .token(let token): token
        case .oauth2(let tokens): try await tokens.token(for: operation)
        }
    }

    private func send(_ request: HTTPRequest, _ operation: String) async throws(FlyteAdminError) -> HTTPResponse {
        do {
            return try await transport.send(request)
        } catch {
            throw FlyteAdminError(error, operation: operation)
        }
    }
}
