import JSON
import KubeObjects

/// `DeleteOptions`, from the body or the query.
struct DeletionOptions: Sendable {
    var isDryRun = false
    var uid: String?
    var resourceVersion: String?

    init(_ request: APIRequest) throws(APIError) {
        var options: JSON = [:]
        if !request.body.isEmpty {
            switch MediaRange.contentType(request.headers["content-type"]) {
            case nil, "", "application/json", "*/*": break
            default: throw .unsupportedMediaType(["application/json"])
            }
            do {
                options = try JSON(parsing: request.body)
            } catch {
                throw .badRequest(
                    "couldn't get version/kind; json parse error: \(error) (\(ObjectReading.excerpt(request.body)))")
            }
            if let kind = options["kind"]?.string, !kind.isEmpty, kind != "DeleteOptions" {
                throw .badRequest("decoded object cannot be converted to DeleteOptions")
            }
        }
        let sent =
            options["dryRun"]?.array?.compactMap(\.string) ?? (request.query["dryRun"] ?? []).filter { !$0.isEmpty }
        var errors: [FieldError] = []
        if sent.contains(where: { $0 != "All" }) {
            errors.append(.unsupported("dryRun", .array(sent.map { .string($0) }), ["All"]))
        }
        let policy = options["propagationPolicy"]?.string ?? request.parameter("propagationPolicy") ?? ""
        if !["", "Orphan", "Background", "Foreground"].contains(policy) {
            errors.append(
                .unsupported("propagationPolicy", .string(policy), ["Foreground", "Background", "Orphan", "nil"]))
        }
        if !errors.isEmpty { throw .invalidOptions("DeleteOptions", errors) }
        isDryRun = !sent.isEmpty
        uid = options["preconditions"]?["uid"]?.string
        resourceVersion = options["preconditions"]?["resourceVersion"]?.string
    }
}

extension APIServer {
    func delete(_ request: ResourceRequest) throws(APIError) -> APIResponse {
        let options = try DeletionOptions(request.http)
        let presenter = try Presenter(request, now: clock.now)
        switch try remove(request, options) {
        case .gone(let object):
            return respond(200, status(of: object, request.definition), request)
        case .marked(let object):
            return respond(200, presenter.answer(request.definition.presented(object)), request)
        }
    }

    func deleteCollection(_ request: ResourceRequest) throws(APIError) -> APIResponse {
        let options = try DeletionOptions(request.http)
        let listOptions = try ListOptions(request.http, definition: request.definition, isWatch: false)
        let presenter = try Presenter(request, now: clock.now)
        let page = try page(request, listOptions)
        for entry in page.entries {
            var one = request
            (one.namespace, one.name) = entry.key.namespaceAndName
            do {
                _ = try remove(one, options)
            } catch {
                // An object that is already gone is what the request wants.
                if error.reason != "NotFound" { throw error }
            }
        }
        return APIResponse(
            status: 200, headers: headers(request), body: .bytes(presenter.list(page.entries, metadata: page.metadata)))
    }

    enum Removal {
        case gone(JSON)
        /// Finalizers hold it.
        case marked(JSON)
    }

    func remove(_ request: ResourceRequest, _ options: DeletionOptions) throws(APIError) -> Removal {
        let definition = request.definition
        while true {
            guard let stored = store.stored(definition.storage, request.key) else { throw request.notFound() }
            let object = stored.content.json
            try check(options, object, request)
            try definition.strategy.validateDelete(object)
            let marked = mark(object, definition)
            let isHeld =
                marked["metadata"]?["finalizers"]?.array?.isEmpty == false
                || definition.storage == .namespaces && marked["spec"]?["finalizers"]?.array?.isEmpty == false
            if options.isDryRun { return isHeld ? .marked(marked) : .gone(object) }
            do {
                if isHeld {
                    if marked == object { return .marked(object) }
                    let written = try store.write(definition.storage, marked, expecting: .revision(stored.revision))
                    startTermination(written, definition)
                    return .marked(written)
                }
                let gone = try store.remove(
                    definition.storage, request.key, expecting: .revision(stored.revision), last: nil)
                removed(request.namespace, definition)
                return .gone(gone ?? object)
            } catch {
                if error == .notFound { throw request.notFound() }
            }
        }
    }

    /// The object with the marks of a requested deletion.
    private func mark(_ object: JSON, _ definition: ResourceDefinition) -> JSON {
        guard object["metadata"]?["deletionTimestamp"] == nil else { return object }
        var marked = object
        marked[path: ["metadata", "deletionTimestamp"]] = .string(timestamp)
        switch definition.storage {
        case .namespaces: marked[path: ["status", "phase"]] = "Terminating"
        case .customResourceDefinitions: CustomResourceDefinitionStrategy.terminate(&marked, at: timestamp)
        default: marked[path: ["metadata", "deletionGracePeriodSeconds"]] = 0
        }
        if let generation = object["metadata"]?["generation"]?.int, definition.storage != .namespaces,
            definition.storage != .customResourceDefinitions
        {
            marked[path: ["metadata", "generation"]] = .int(generation &+ 1)
        }
        return marked
    }

    private func check(_ options: DeletionOptions, _ object: JSON, _ request: ResourceRequest) throws(APIError) {
        let metadata = object["metadata"]
        let uid = metadata?["uid"]?.string ?? ""
        let version = metadata?["resourceVersion"]?.string ?? ""
        // The real server names the kind here, not the resource.
        func conflict(_ why: String) -> APIError {
            let definition = request.definition
            let subject = GroupResource(definition.kind, group: definition.group)
            return .conflict(subject, request.name ?? "", why)
        }
        if let wanted = options.uid, wanted != uid {
            throw conflict(
                "the UID in the precondition (\(wanted)) does not match the UID in record (\(uid)). The object might have been "
                    + "deleted and then recreated")
        }
        if let wanted = options.resourceVersion, wanted != version {
            throw conflict(
                "the ResourceVersion in the precondition (\(wanted)) does not match the ResourceVersion in record (\(version)). "
                    + "The object might have been modified")
        }
    }

    private func status(of object: JSON, _ definition: ResourceDefinition) -> JSON {
        let details = APIError.Details(
            name: object["metadata"]?["name"]?.string ?? "", group: definition.group, kind: definition.plural,
            uid: object["metadata"]?["uid"]?.string ?? "")
        return ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details.json]
    }
}
