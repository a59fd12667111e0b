import JSON

/// The real server's errors, word for word.
extension APIError {
    static func badRequest(_ message: String) -> APIError {
        APIError(code: 400, reason: "BadRequest", message: message)
    }

    static func notFound(_ resource: GroupResource, _ name: String) -> APIError {
        APIError(
            code: 404, reason: "NotFound", message: "\(resource) \"\(name)\" not found",
            details: Details(name: name, group: resource.group, kind: resource.resource))
    }
    static let noSuchResource = APIError(
        code: 404, reason: "NotFound", message: "the server could not find the requested resource", details: Details())
    static let methodNotAllowed = APIError(
        code: 405, reason: "MethodNotAllowed",
        message: "the server does not allow this method on the requested resource",
        details: Details())

    static func alreadyExists(_ resource: GroupResource, _ name: String) -> APIError {
        APIError(
            code: 409, reason: "AlreadyExists", message: "\(resource) \"\(name)\" already exists",
            details: Details(name: name, group: resource.group, kind: resource.resource))
    }
    static func conflict(_ resource: GroupResource, _ name: String, _ why: String) -> APIError {
        APIError(
            code: 409, reason: "Conflict", message: "Operation cannot be fulfilled on \(resource) \"\(name)\": \(why)",
            details: Details(name: name, group: resource.group, kind: resource.resource))
    }
    static func modified(_ resource: GroupResource, _ name: String) -> APIError {
        conflict(
            resource, name,
            "the object has been modified; please apply your changes to the latest version and try again")
    }
    static func forbidden(_ resource: GroupResource, _ name: String, _ why: String, causes: [Cause] = []) -> APIError {
        let subject = name.isEmpty ? "\(resource)" : "\(resource) \"\(name)\""
        return APIError(
            code: 403, reason: "Forbidden", message: "\(subject) is forbidden: \(why)",
            details: Details(name: name, group: resource.group, kind: resource.resource, causes: causes))
    }

    static func invalid(group: String, kind: String, name: String, _ errors: [FieldError]) -> APIError {
        let subject = group.isEmpty ? kind : "\(kind).\(group)"
        return APIError(
            code: 422, reason: "Invalid", message: "\(subject) \"\(name)\" is invalid: \(errors.aggregate)",
            details: Details(
                name: name, group: group, kind: kind,
                causes: errors.map { Cause(reason: $0.kind.rawValue, message: $0.body, field: $0.field) }))
    }
    static func invalidOptions(_ kind: String, _ errors: [FieldError]) -> APIError {
        invalid(group: "meta.k8s.io", kind: kind, name: "", errors)
    }

    static func unsupportedMediaType(_ accepted: [String]) -> APIError {
        APIError(
            code: 415, reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format - accepted media types include: "
                + accepted.joined(separator: ", "))
    }
    static let notAcceptable = APIError(
        code: 406, reason: "NotAcceptable",
        message: "only the following media types are accepted: application/json")

    /// The history does not reach back to where a watch should start.
    static func tooOld(_ revision: Int64, oldest: Int64) -> APIError {
        APIError(code: 410, reason: "Expired", message: "too old resource version: \(revision) (\(oldest))")
    }
    static let listExpired = APIError(
        code: 410, reason: "Expired", message: "The resourceVersion for the provided list is too old.")
    static func continueExpired(_ token: String) -> APIError {
        var error = APIError(
            code: 410, reason: "Expired",
            message:
                "The provided continue parameter is too old to display a consistent list result. You can start a new list "
                + "without the continue parameter, or use the continue token in this response to retrieve the remainder of "
                + "the results. Continuing with the provided token results in an inconsistent list - objects that were "
                + "created, modified, or deleted between the time the first chunk was returned and now may show up in the list."
        )
        error.continueToken = token
        return error
    }
    static func tooLargeResourceVersion(_ revision: Int64, current: Int64) -> APIError {
        APIError(
            code: 504, reason: "Timeout",
            message: "Timeout: Too large resource version: \(revision), current: \(current)",
            details: Details(
                causes: [Cause(reason: "ResourceVersionTooLarge", message: "Too large resource version")],
                retryAfterSeconds: 1))
    }
    static let tooLargeBody = APIError(
        code: 413, reason: "RequestEntityTooLarge",
        message: "Request entity too large: limit is 3145728")
    static func internalError(_ message: String) -> APIError {
        APIError(
            code: 500, reason: "InternalError", message: "Internal error occurred: \(message)",
            details: Details(causes: [Cause(reason: "", message: message)]))
    }
}
