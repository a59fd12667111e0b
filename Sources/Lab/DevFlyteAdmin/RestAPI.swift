import JSON
import Support

/// A request, as the server has read it.
struct Request: Sendable {
    var method: String
    /// The path, percent-decoded as a whole as in grpc-gateway, so an encoded slash is a slash.
    var path: String
    /// As it came.
    var rawQuery = ""
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
    let request: Request
    let version: DevFlyteAdmin.Version
    let now: Instant

    init(_ request: Request, version: DevFlyteAdmin.Version, now: Instant) {
        self.request = request
        self.version = version
        self.now = now
    }

    /// The result of a call: a message, and how it is written.
    struct Result {
        var message: ProtoMessage
        var json: JSON
        static let empty = Result(message: ProtoMessage("Empty", []), json: [:])
    }

    func answer(_ tables: inout Tables) -> Answer {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        // Go's ServeMux redirects such paths. An empty part at the end stays.
        if parts.dropLast().contains(where: \.isEmpty) || parts.contains(where: { $0 == "." || $0 == ".." }) {
            return Answer(
                301, headers: [("Location", "/")], text: "<a href=\"/\">Moved Permanently</a>.", type: "text/html")
        }
        do throws(GRPCFailure) {
            let result = try call(parts, &tables)
            return Answer(200, result.message.written(result.json, spelling))
        } catch {
            var error = error
            if version == .v1_10 { error.details = [] }
            return Answer(error.status, error.json)
        }
    }

    private func call(_ parts: [String], _ tables: inout Tables) throws(GRPCFailure) -> Result {
        guard parts.count >= 3, parts[0] == "api", parts[1] == "v1" else { throw .noSuchPath }
        // Go reads the query of a GET only.
        if request.method == "GET", request.rawQuery.contains(";") {
            throw .invalidArgument("invalid semicolon separator in query")
        }
        let names = Array(parts.dropFirst(3))
        switch (parts[2], names.count) {
        case ("projects", 0): return try projects(&tables)
        case ("projects", 1): return try project(names[0], &tables)
        case ("domains", 0) where version != .v1_10:
            return Result(message: Self.anything, json: ["domains": Self.domains(tables)])
        case ("version", 0):
            let build: JSON = ["Build": "unknown", "Version": .string(version.rawValue), "BuildTime": ""]
            return Result(
                message: ProtoMessage("GetVersionResponse", [.init("control_plane_version", .any)]),
                json: ["control_plane_version": build])
        case ("matchable_attributes", 0): return try configurations(tables)
        case ("project_attributes", 1): return try attributes(Tables.RowID(project: names[0]), &tables)
        case ("project_domain_attributes", 2):
            return try attributes(Tables.RowID(project: names[0], domain: names[1]), &tables)
        case ("workflow_attributes", 3):
            return try attributes(Tables.RowID(project: names[0], domain: names[1], workflow: names[2]), &tables)
        case ("executions", 0): return try launch(&tables)
        case ("executions", 2): return try executions(names[0], names[1], tables)
        case ("executions", 3): return try execution(names, &tables)
        default: throw .noSuchPath
        }
    }

    private static let anything = ProtoMessage("GetDomainsResponse", [.init("domains", .any)])
    private static func domains(_ tables: Tables) -> JSON {
        .array(tables.domains.map { ["id": .string($0), "name": .string($0)] })
    }

    // MARK: Reading requests

    func body(_ message: ProtoMessage) throws(GRPCFailure) -> JSON {
        if request.body.isEmpty { return [:] }
        guard let json = try? JSON(parsing: request.body) else { throw .invalidArgument(GoSyntax.error(request.body)) }
        return try message.read(json, in: request.body, isStrict: version != .v1_10)
    }

    /// A number of a query: `limit`.
    func number(_ name: String) throws(GRPCFailure) -> Int {
        guard let text = request.query[name] else { return 0 }
        guard let number = UInt32(text) else {
            throw .invalidArgument(
                "parsing field \"\(name)\": strconv.ParseUint: parsing \"\(text)\": invalid syntax")
        }
        return Int(number)
    }

    func offset(_ list: String) throws(GRPCFailure) -> Int {
        let token = request.query["token"] ?? ""
        guard let offset = token.isEmpty ? 0 : Int(token), offset >= 0 else {
            throw .invalidArgument("invalid pagination token \(token) for \(list)")
        }
        return offset
    }

    func queryType() throws(GRPCFailure) -> Tables.ResourceType {
        guard let text = request.query["resource_type"] ?? request.query["resourceType"] else { return .taskResource }
        let found = Tables.ResourceType.allCases.first { $0.name == text || String($0.rawValue) == text }
        guard let found else {
            throw .invalidArgument("parsing field \"resource_type\": \"\(text)\" is not a valid value")
        }
        return found
    }

    /// flyteadmin sets its snake case marshaler up only for `application/json`. A client without an `Accept` gets camel
    /// case.
    private var spelling: ProtoMessage.Spelling {
        let type = "application/json"
        let isSnake = request.headers["accept"] == type || request.headers["content-type"] == type
        return isSnake && version != .v1_10 ? .snake : .camel
    }
}

/// The errors of Go's `encoding/json` for a text that is not JSON.
enum GoSyntax {
    static func error(_ body: [UInt8]) -> String {
        let text = body.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        guard let first = text.first else { return "unexpected EOF" }
        func shown(_ byte: UInt8) -> String { "'\(Character(Unicode.Scalar(byte)))'" }
        for literal in ["null", "true", "false"] where literal.utf8.first == first {
            for (byte, wanted) in zip(text, literal.utf8) where byte != wanted {
                return "invalid character \(shown(byte)) in literal \(literal) (expecting \(shown(wanted)))"
            }
        }
        let starts = Array("{[\"-0123456789".utf8)
        return starts.contains(first)
            ? "unexpected EOF" : "invalid character \(shown(first)) looking for beginning of value"
    }
}
