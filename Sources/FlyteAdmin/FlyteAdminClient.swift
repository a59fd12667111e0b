import HTTP
import JSON
import Support

/// The part of flyteadmin's REST API about projects and what flyteadmin keeps for them: execution cluster labels and
/// other matchable attributes.
///
/// - It does not retry by itself, except once with a fresh OAuth2 token after a 401.
/// - Each answer is bounded in size and time. An answer that is not JSON (a login page, a proxy's error) is an error.
///   Only the answer to a change may be empty.
/// - Credentials are sent only to the endpoint's own server, since redirects are not followed. If the server repeats
///   them, they are hidden.
public struct FlyteAdminClient: Sendable {
    public enum Authorization: Sendable {
        case none
        /// Sent as a bearer token.
        case token(Sensitive)
        /// Its tokens are sent as bearer tokens.
        case oauth2(OAuth2Tokens)

        fileprivate var clientSecret: Sensitive? {
            if case .oauth2(let tokens) = self { tokens.clientSecret } else { nil }
        }
    }

    public struct Options: Sendable {
        public var timeouts = HTTPTimeouts(
            connect: .seconds(5), firstByte: .seconds(10), idle: .seconds(10), total: .seconds(30))
        /// The most bytes of a list of all rows. A row has some 100 bytes, so 16 MiB are far more than any installation
        /// needs.
        public var maximumBodySize = 16 << 20
        /// The projects, or executions, that are asked for at a time.
        public var pageSize = 100
        /// A list with more pages than this fails, since it seems to have no end.
        public var maximumPages = 1000
        /// The most bytes of text that a list of projects may have. A project has some 200.
        public var maximumProjectBytes = 32 << 20
        public init() {}
    }

    private let base: String
    private let transport: any HTTPTransport
    private let authorization: Authorization
    let options: Options

    /// - Parameter endpoint: for example `https://flyteadmin.flyte.svc:443`. A path in it comes before the API's. The
    ///   caller checks whether http is allowed there, and the transport permits it.
    public init(
        endpoint: String, transport: any HTTPTransport, authorization: Authorization = .none,
        options: Options = Options()
    ) {
        base = endpoint.withoutSlashesAtTheEnd
        self.transport = transport
        self.authorization = authorization
        self.options = options
    }

    /// The execution cluster labels of all projects.
    public func labels() async throws(FlyteAdminError) -> [AttributeRow] { try await rows(.executionClusterLabel) }

    /// The rows of one kind of all projects.
    public func rows(_ kind: AttributeKind) async throws(FlyteAdminError) -> [AttributeRow] {
        let operation = "list the \(kind.noun)s"
        // flyteadmin accepts the enum's number or name. We send the number, which older versions are known to accept.
        let answer = try await json(
            .get, "/api/v1/matchable_attributes?resource_type=\(kind.rawValue)", nil, operation)
        guard let rows = Answers.rows(answer, kind) else {
            throw FlyteAdminError(
                .unreachable, operation: operation, message: "the answer is not flyteadmin's: it has no configurations")
        }
        return rows
    }

    /// Sets the label of a project-domain. With `workflow` it is that of one workflow, without a domain that of the
    /// whole project.
    public func setLabel(
        _ value: String, project: String, domain: String, workflow: String = ""
    ) async throws(FlyteAdminError) {
        try await set(.executionClusterLabel, value, project: project, domain: domain, workflow: workflow)
    }

    /// - Parameter value: in the form of `AttributeRow.value`.
    public func set(
        _ kind: AttributeKind, _ value: String, project: String, domain: String, workflow: String = ""
    ) async throws(FlyteAdminError) {
        let operation = "set the \(kind.shortNoun) of " + Self.name(project, domain, workflow)
        let path = try Self.path(project, domain, workflow, operation)
        guard let matching = kind.attributes(value) else {
            throw FlyteAdminError(.refused, operation: operation, message: "the value is not JSON")
        }
        // The gateway takes project, domain and workflow from the path. The body repeats them, as flytectl does.
        var attributes: JSON = ["project": .string(project), "matching_attributes": matching]
        if !domain.isEmpty { attributes["domain"] = .string(domain) }
        if !workflow.isEmpty { attributes["workflow"] = .string(workflow) }
        _ = try await json(.put, path, ["attributes": attributes], operation)
    }

    /// Deletes the label of a project-domain, of one workflow or, without a domain, of the whole project. A missing
    /// label is not an error.
    ///
    /// flyteadmin's filter ignores empty fields: **the delete of a project-domain's label also deletes those of all its
    /// workflows, and the delete of a project's label deletes all labels of that project**. The caller must put back
    /// what should stay.
    public func deleteLabel(project: String, domain: String, workflow: String = "") async throws(FlyteAdminError) {
        try await delete(.executionClusterLabel, project: project, domain: domain, workflow: workflow)
    }

    /// Deletes a row of that kind, and **all rows below it**. A missing row is not an error.
    public func delete(
        _ kind: AttributeKind, project: String, domain: String, workflow: String = ""
    ) async throws(FlyteAdminError) {
        let operation = "delete the \(kind.shortNoun) of " + Self.name(project, domain, workflow)
        let path = try Self.path(project, domain, workflow, operation)
        do {
            // Without the type in the body flyteadmin would delete the task resources, whose number is 0.
            _ = try await json(.delete, path, ["resource_type": .string(kind.name)], operation)
        } catch {
            if !error.isNotFound { throw error }
        }
    }

    /// All projects in flyteadmin's order, each active one once. flyteadmin mostly leaves out archived ones: see
    /// `archivedProjects`.
    public func projects() async throws(FlyteAdminError) -> ProjectList {
        try await projects("", "list the projects")
    }

    /// The ids of the archived projects, which flyteadmin lists only on request.
    public func archivedProjects() async throws(FlyteAdminError) -> Set<String> {
        try await projects("&filters=" + "eq(state,1)".percentEncoded, "list the archived projects")
            .archived
    }

    /// The project, archived or not. Nil if there is none. flyteadmin before 1.11 has no call for a single project.
    public func project(_ id: String) async throws(FlyteAdminError) -> ListedProject? {
        let list = try await projects(
            "&filters=" + "eq(identifier,\(id))".percentEncoded, "look for the project " + ServerText.clean(id))
        return list.active.first { $0.id == id } ?? list.archivedProjects.first { $0.id == id }
    }

    /// Registers a project. flyteadmin itself reports an existing one (409).
    public func register(_ project: ListedProject) async throws(FlyteAdminError) {
        let operation = "register the project " + ServerText.clean(project.id)
        _ = try await json(.post, "/api/v1/projects", ["project": project.json], operation)
    }

    /// Changes name, description and object labels of a project, as far as they are not empty here.
    ///
    /// **Without the state flyteadmin would make the project ACTIVE**, even an archived one, so the change includes the
    /// state that was read. If somebody archives the project between the read and this call, that is undone. flyteadmin
    /// offers no way to prevent it.
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
        var (token, bytes) = ("", 0)
        for _ in 0..<options.maximumPages {
            // The token is an offset. A project that is registered meanwhile shifts the pages, so that one project
            // comes twice.
            var path = "/api/v1/projects?limit=\(options.pageSize)" + filter
            if !token.isEmpty { path += "&token=" + token.percentEncoded }
            guard let page = Answers.projects(try await json(.get, path, nil, operation)) else {
                throw FlyteAdminError(
                    .unreachable, operation: operation, message: "the answer is not flyteadmin's: it has no projects")
            }
            for project in page.projects.active where seen.insert(project.id).inserted { list.active.append(project) }
            list.archivedProjects += page.projects.archivedProjects
            bytes += (page.projects.active + page.projects.archivedProjects).reduce(0) { $0 + $1.textBytes }
            guard bytes <= options.maximumProjectBytes else {
                throw FlyteAdminError(
                    .unreachable, operation: operation,
                    message: "the list has more than \(options.maximumProjectBytes) bytes of text")
            }
            if page.token.isEmpty || page.total == 0 { return list }
            token = page.token
        }
        throw FlyteAdminError(
            .unreachable, operation: operation,
            message: "more than \(options.maximumPages) pages: the list does not end")
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
            // The token was revoked, or the server's keys were rotated. Try once more with a token that is certainly
            // new.
            tokens.drop(rejected)
            request.bearerToken = try await token(operation)
            secrets.append(request.bearerToken)
            response = try await send(request, operation)
        }
        let redaction = Redaction(secrets.compactMap { $0 })
        let answer = try AnswerCheck(
            response, operation: operation, server: "flyteadmin", mayBeEmpty: method != .get, redaction: redaction)
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
