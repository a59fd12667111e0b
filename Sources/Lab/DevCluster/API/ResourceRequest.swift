import JSON

/// A request for a stored resource, routed.
struct ResourceRequest: Sendable {
    var http: APIRequest
    var user: User
    var definition: ResourceDefinition
    var namespace: String?
    var name: String?
    var subresource: String?

    var key: String { ObjectCollection.key(namespace: namespace, name: name ?? "") }

    func notFound() -> APIError { .notFound(definition.groupResource, name ?? "") }

    /// The recorded writer: `fieldManager`, or the start of the `User-Agent`.
    var fieldManager: String {
        if let manager = http.parameter("fieldManager"), !manager.isEmpty { return manager }
        let agent = http.headers["user-agent"] ?? ""
        let prefix = agent.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        return String(decoding: Array(prefix.utf8.prefix(128)), as: UTF8.self)
    }
}

/// The query of a write.
struct WriteOptions: Sendable {
    enum FieldValidation: String, Sendable { case ignore = "Ignore", warn = "Warn", strict = "Strict" }
    var isDryRun: Bool
    var fieldValidation: FieldValidation
    var force: Bool

    init(_ request: APIRequest, kind: String, isApply: Bool = false) throws(APIError) {
        var errors: [FieldError] = []
        let dryRun = (request.query["dryRun"] ?? []).filter { !$0.isEmpty }
        if dryRun.contains(where: { $0 != "All" }) {
            errors.append(.unsupported("dryRun", .array(dryRun.map { .string($0) }), ["All"]))
        }
        isDryRun = !dryRun.isEmpty
        let validation = request.parameter("fieldValidation") ?? ""
        if !validation.isEmpty, FieldValidation(rawValue: validation) == nil {
            errors.append(.unsupported("fieldValidation", .string(validation), ["", "Ignore", "Strict", "Warn"]))
        }
        fieldValidation = FieldValidation(rawValue: validation) ?? .warn
        force = request.flag("force")
        let manager = request.parameter("fieldManager") ?? ""
        if manager.utf8.count > 128 {
            errors.append(.invalid("fieldManager", .string(manager), "may not be more than 128 bytes"))
        }
        if isApply, manager.isEmpty { errors.append(.required("fieldManager", "is required for apply patch")) }
        if kind == "PatchOptions", !isApply, request.query["force"] != nil {
            errors.append(.forbidden("force", "may not be specified for non-apply patch"))
        }
        if !errors.isEmpty { throw .invalidOptions(kind, errors) }
    }
}
