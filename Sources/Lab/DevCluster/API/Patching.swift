import JSON

extension APIServer {
    func patch(_ request: ResourceRequest) throws(APIError) -> APIResponse {
        let type = MediaRange.contentType(request.http.headers["content-type"]) ?? ""
        let accepted =
            ["application/json-patch+json", "application/merge-patch+json"]
            + (request.definition.isCustom ? [] : ["application/strategic-merge-patch+json"]) + [
                "application/apply-patch+yaml"
            ]
        guard accepted.contains(type) else {
            // The router of built-in kinds has no other types. For custom kinds the error lists the types.
            throw request.definition.isCustom
                ? .unsupportedMediaType(accepted)
                : APIError(
                    code: 415, reason: "UnsupportedMediaType", message: "415: Unsupported Media Type",
                    details: APIError.Details())
        }
        let isApply = type == "application/apply-patch+yaml"
        let options = try WriteOptions(request.http, kind: "PatchOptions", isApply: isApply)
        let presenter = try Presenter(request, now: clock.now)
        if isApply { return try apply(request, options, presenter) }
        let document: JSON
        do {
            document = try JSON(parsing: request.http.body)
        } catch {
            let isCutOff = request.http.body.isEmpty || ObjectReading.looksCutOff(request.http.body)
            throw .badRequest("error decoding patch: \(isCutOff ? "unexpected end of JSON input" : "\(error)")")
        }
        let patching = try Patching(type, document, definition: request.definition)
        let manager = fieldManager(request)
        var warnings: [String] = []
        let result = try modify(request, options) { live throws(APIError) in
            let patched = try patching(live)
            // For one kind of patch the result does not fit. For the other kind the patch itself does not.
            let isStrategic = type == "application/strategic-merge-patch+json"
            let shown = isStrategic ? GoText.decoded(document) : patched.serializedString
            func unfit(_ why: String) -> APIError {
                .invalid(group: "", kind: "", name: "", [.invalid("patch", .string(shown), why)])
            }
            let read: ObjectReading.Result
            do throws(ObjectReading.Unfit) {
                read = try ObjectReading(definition: request.definition).normalised(patched)
            } catch {
                throw unfit(isStrategic ? error.conversion ?? error.message : error.message)
            }
            if options.fieldValidation == .strict, !read.problems.isEmpty {
                throw unfit("strict decoding error: " + read.problems.joined(separator: ", "))
            }
            warnings = options.fieldValidation == .warn ? read.problems : []
            try self.requireName(read.object, request)
            let sent = read.object["metadata"]?["resourceVersion"]?.string ?? ""
            let object = self.reset(MetadataRules.complete(read.object, from: live), live, request)
            return Change(
                object: manager.tracked(live: live, new: object, manager: request.fieldManager),
                resourceVersion: sent == live["metadata"]?["resourceVersion"]?.string || sent.isEmpty ? nil : sent)
        }
        return respond(200, presenter.answer(request.definition.presented(result)), request, warnings: warnings)
    }

    private func apply(_ request: ResourceRequest, _ options: WriteOptions, _ presenter: Presenter) throws(APIError)
        -> APIResponse
    {
        let definition = request.definition
        let application = try Application(request, options, fieldManager(request))
        if store.stored(definition.storage, request.key) == nil,
            let created = try create(application, request, options)
        {
            return respond(201, presenter.answer(definition.presented(created)), request)
        }
        let result = try modify(request, options) { live throws(APIError) in
            try self.change(live, application, request)
        }
        return respond(200, presenter.answer(definition.presented(result)), request)
    }

    /// Nil if somebody else created the object in between.
    private func create(
        _ application: Application, _ request: ResourceRequest, _ options: WriteOptions
    ) throws(APIError) -> JSON? {
        guard request.subresource == nil else { throw request.notFound() }
        if let uid = application.uid {
            throw .conflict(
                request.definition.groupResource, request.name ?? "",
                "uid mismatch: the provided object specified uid \(uid), and no existing object was found")
        }
        var object = try application.normalised(try application.applied(to: nil))
        if (object["metadata"]?["name"]?.string ?? "").isEmpty {
            throw .badRequest(
                "the name of the object (\(request.name ?? "") based on URL) was undeterminable: name must be provided"
            )
        }
        try place(&object, request)
        object[path: ["metadata", "name"]] = .string(request.name ?? "")
        return try createdByApply(object, request, options)
    }

    private func change(
        _ live: JSON, _ application: Application, _ request: ResourceRequest
    ) throws(APIError) -> Change {
        let object = try application.applied(to: live)
        if object == live { return Change(object: live) }
        let read = try application.normalised(object)
        let sent = application.configuration["metadata"]?["resourceVersion"]?.string ?? ""
        if let uid = application.uid, uid != live["metadata"]?["uid"]?.string {
            throw .conflict(
                request.definition.groupResource, request.name ?? "",
                "StorageError: invalid object, Code: 4, Key: /registry/\(request.definition.plural)/\(request.key), "
                    + "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: \(uid), "
                    + "UID in object meta: \(live["metadata"]?["uid"]?.string ?? "")")
        }
        return Change(
            object: reset(MetadataRules.complete(read, from: live), live, request),
            resourceVersion: sent.isEmpty ? nil : sent)
    }

    /// Nil if somebody else created the object in between.
    private func createdByApply(_ object: JSON, _ request: ResourceRequest, _ options: WriteOptions) throws(APIError)
        -> JSON?
    {
        do {
            return try insert(object, request, options)
        } catch {
            if error.reason == "AlreadyExists" { return nil }
            throw error
        }
    }
}

/// A server-side apply: the configuration, its manager, and the merge with the live object.
private struct Application {
    let configuration: JSON
    private let definition: ResourceDefinition
    private let manager: FieldManager
    private let name: String
    private let force: Bool

    init(_ request: ResourceRequest, _ options: WriteOptions, _ manager: FieldManager) throws(APIError) {
        configuration = try ApplyConfiguration.read(request.http.body, request)
        definition = request.definition
        self.manager = manager
        name = request.fieldManager
        force = options.force
    }

    /// The UID that the object must have. Nil if the configuration names none.
    var uid: String? {
        guard let uid = configuration["metadata"]?["uid"]?.string, !uid.isEmpty else { return nil }
        return uid
    }

    func applied(to live: JSON?) throws(APIError) -> JSON {
        do {
            return try manager.applied(configuration, live: live, manager: name, force: force)
        } catch {
            switch error {
            case .conflicts(let conflicts): throw .applyConflicts(conflicts)
            case .invalid(let failure): throw internalError("failed to create typed patch object", failure.message)
            }
        }
    }

    func normalised(_ object: JSON) throws(APIError) -> JSON {
        do throws(ObjectReading.Unfit) {
            return try ObjectReading(definition: definition).normalised(object).object
        } catch {
            throw internalError(
                "failed to convert new object",
                "unable to convert unstructured object to \(qualifiedKind): \(error.unstructured ?? error.message)",
                suffix: " to proper version")
        }
    }

    private var qualifiedKind: String {
        "\(definition.group.isEmpty ? "/" : "")\(definition.apiVersion), Kind=\(definition.kind)"
    }

    private func internalError(_ what: String, _ why: String, suffix: String = "") -> APIError {
        let metadata = configuration["metadata"]
        let name = "\(metadata?["namespace"]?.string ?? "")/\(metadata?["name"]?.string ?? "")"
        return APIError(code: 500, reason: "", message: "\(what) (\(name); \(qualifiedKind))\(suffix): \(why)")
    }
}

/// A patch of one of the three plain types, ready to be applied.
struct Patching {
    private let apply: (JSON) throws(APIError) -> JSON

    init(_ contentType: String, _ document: JSON, definition: ResourceDefinition) throws(APIError) {
        switch contentType {
        case "application/json-patch+json":
            let patch: JSONPatch
            do { patch = try JSONPatch(document) } catch { throw Self.error(error) }
            apply = { live throws(APIError) in
                do throws(JSONPatch.Failure) { return try patch.apply(to: live) } catch { throw Self.error(error) }
            }
        default:
            guard document.object != nil else {
                let what = document.array == nil ? "value" : "array"
                throw .badRequest(
                    "error decoding patch: json: cannot unmarshal \(what) into Go value of type map[string]interface {}"
                )
            }
            if contentType == "application/merge-patch+json" {
                apply = { live throws(APIError) in live.mergePatched(with: document) }
            } else {
                apply = { live throws(APIError) in
                    do throws(StrategicMergePatch.Failure) {
                        return try StrategicMergePatch.apply(document, to: live, type: definition.type)
                    } catch {
                        throw APIError(code: 500, reason: "", message: error.message)
                    }
                }
            }
        }
    }

    func callAsFunction(_ live: JSON) throws(APIError) -> JSON { try apply(live) }

    private static func error(_ failure: JSONPatch.Failure) -> APIError {
        switch failure {
        case .malformed(let why): .badRequest("error decoding patch: \(why)")
        case .rejected:
            APIError(
                code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request",
                details: APIError.Details())
        case .tooMany(let count):
            APIError(
                code: 413, reason: "RequestEntityTooLarge",
                message:
                    "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got \(count)")
        }
    }
}

/// The body of an apply.
enum ApplyConfiguration {
    static func read(_ body: [UInt8], _ request: ResourceRequest) throws(APIError) -> JSON {
        let definition = request.definition
        var configuration: JSON
        do {
            configuration = try JSON(parsing: body)
        } catch {
            configuration = try parseYAML(body)
        }
        guard configuration.object != nil else { throw .badRequest("error decoding YAML: expected an object") }
        let apiVersion = configuration["apiVersion"]?.string ?? ""
        let kind = configuration["kind"]?.string ?? ""
        if apiVersion.isEmpty || kind.isEmpty {
            let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false)
            let group = parts.count > 1 ? String(parts[0]) : ""
            throw .badRequest("invalid object type: \(group)/\(parts.last ?? ""), Kind=\(kind)")
        }
        if apiVersion != definition.apiVersion || kind != definition.kind {
            throw .badRequest("invalid object type: \(apiVersion.contains("/") ? "" : "/")\(apiVersion), Kind=\(kind)")
        }
        if let managed = configuration["metadata"]?["managedFields"], !managed.isNull, managed.array?.isEmpty != true {
            throw .badRequest("metadata.managedFields must be nil")
        }
        let name = configuration["metadata"]?["name"]?.string ?? ""
        if !name.isEmpty, name != request.name {
            throw .badRequest(
                "the name of the object (\(name)) does not match the name on the URL (\(request.name ?? ""))")
        }
        let namespace = configuration["metadata"]?["namespace"]?.string ?? ""
        if let wanted = request.namespace, !namespace.isEmpty, namespace != wanted {
            throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
        }
        if configuration["metadata"] == nil { configuration["metadata"] = [:] }
        return configuration
    }
}
