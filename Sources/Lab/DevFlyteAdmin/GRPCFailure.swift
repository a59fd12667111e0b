import JSON

/// An error of gRPC, as its gateway (grpc-gateway 2) writes it.
struct GRPCFailure: Error, Hashable {
    var code: Int64
    var message: String
    var details: [JSON] = []

    static func invalidArgument(_ message: String) -> GRPCFailure { GRPCFailure(code: 3, message: message) }
    static func notFound(_ message: String) -> GRPCFailure { GRPCFailure(code: 5, message: message) }
    static func alreadyExists(_ message: String) -> GRPCFailure { GRPCFailure(code: 6, message: message) }
    static func failedPrecondition(_ message: String) -> GRPCFailure { GRPCFailure(code: 9, message: message) }
    static func `internal`(_ message: String) -> GRPCFailure { GRPCFailure(code: 13, message: message) }
    static func unauthenticated(_ message: String) -> GRPCFailure { GRPCFailure(code: 16, message: message) }
    static let notAllowed = GRPCFailure(code: 12, message: "Method Not Allowed")
    static let noSuchPath = GRPCFailure(code: 5, message: "Not Found")

    /// A project-domain's validation says more of it than a whole project's.
    static func inactive(_ project: String, hasDetails: Bool = true) -> GRPCFailure {
        let detail: JSON = [
            "@type": "type.googleapis.com/flyteidl.admin.InactiveProject", "id": .string(project), "org": "",
        ]
        return GRPCFailure(
            code: 3, message: "project [\(project)] is not active", details: hasDetails ? [detail] : [])
    }

    var status: Int {
        switch code {
        case 3, 9: 400
        case 5: 404
        case 6: 409
        case 12: 501
        case 16: 401
        default: 500
        }
    }
    var json: JSON { ["code": .int(code), "message": .string(message), "details": .array(details)] }
}
