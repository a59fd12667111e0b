import JSON

extension APIServer {
    func create(_ request: ResourceRequest) throws(APIError) -> APIResponse {
        let options = try WriteOptions(request.http, kind: "CreateOptions")
        let presenter = try Presenter(request, now: clock.now)
        var (object, warnings) = try ObjectReading(definition: request.definition).read(
            request.http.body, contentType: request.http.headers["content-type"], validation: options.fieldValidation)
        try place(&object, request)
        if !(object["metadata"]?["resourceVersion"]?.string ?? "").isEmpty {
            throw APIError(code: 500, reason: "", message: "resourceVersion should not be set on objects to be created")
        }
        object = fieldManager(request).tracked(live: nil, new: object, manager: request.fieldManager)
        let created = try insert(object, request, options)
        return respond(201, presenter.answer(request.definition.presented(created)), request, warnings: warnings)
    }

    /// Puts the object into the request's namespace.
    func place(_ object: inout JSON, _ request: ResourceRequest) throws(APIError) {
        let sent = object["metadata"]?["namespace"]?.string ?? ""
        guard let namespace = request.namespace else {
            if !sent.isEmpty, !request.definition.isNamespaced { object[path: ["metadata", "namespace"]] = nil }
            return
        }
        if sent.isEmpty {
            object[path: ["metadata", "namespace"]] = .string(namespace)
        } else if sent != namespace {
            throw .badRequest("the namespace of the provided object does not match the namespace sent on the request")
        }
    }

    func fieldManager(_ request: ResourceRequest) -> FieldManager {
        let definition = request.definition
        let reset: FieldSet
        switch request.subresource {
        case "status":
            reset = definition.isCustom ? FieldSet(paths: [["metadata"], ["spec"]]) : FieldSet(paths: [["spec"]])
        case "finalize": reset = FieldSet(paths: [["status"]])
        default:
            let hasStatus = definition.subresources.contains("status")
            reset = hasStatus ? FieldSet(paths: [["status"]]) : .empty
        }
        return FieldManager(
            type: definition.type, apiVersion: definition.apiVersion, subresource: request.subresource ?? "",
            resetFields: reset,
            emptyObject: definition.isCustom
                ? ["apiVersion": .string(definition.apiVersion), "kind": .string(definition.kind)]
                : definition.type.skeleton ?? [:],
            now: timestamp)
    }

    /// Creates an object that was read, placed and tracked. Returns the object as it is stored.
    func insert(_ object: JSON, _ request: ResourceRequest, _ options: WriteOptions) throws(APIError) -> JSON {
        let definition = request.definition
        let namespace = definition.isNamespaced ? request.namespace : nil
        if let namespace { try requireActive(namespace, for: object, definition) }
        var object = object
        var metadata = object["metadata"] ?? [:]
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion", "generation"] {
            metadata[field] = nil
        }
        metadata["uid"] = .string(UID.random())
        metadata["creationTimestamp"] = .string(timestamp)
        if definition.hasGeneration { metadata["generation"] = 1 }
        let prefix = metadata["generateName"]?.string ?? ""
        let isGenerated = !prefix.isEmpty && (metadata["name"]?.string ?? "").isEmpty
        var attempts = isGenerated ? 8 : 1
        while true {
            if isGenerated { metadata["name"] = .string(Names.generate(prefix)) }
            object["metadata"] = metadata
            definition.strategy.prepareForCreate(&object)
            // A real server fills in the default of a status that was dropped when it reads the object back.
            if let custom = definition.custom, object["status"] == nil { object = custom.schema.defaulted(object) }
            try validate(object, old: nil, request)
            let name = object["metadata"]?["name"]?.string ?? ""
            if options.isDryRun {
                let key = ObjectCollection.key(namespace: namespace, name: name)
                if store.stored(definition.storage, key) != nil { throw existing(definition, namespace, name) }
                return definition.stored(object)
            }
            do {
                let written = try store.write(definition.storage, definition.stored(object), expecting: .absent)
                if definition.storage == .customResourceDefinitions { establish(written, request) }
                return written
            } catch {
                attempts -= 1
                if attempts == 0 { throw existing(definition, namespace, name) }
            }
        }
    }

    private func existing(_ definition: ResourceDefinition, _ namespace: String?, _ name: String) -> APIError {
        var error = APIError.alreadyExists(definition.groupResource, name)
        let object = store.get(definition.storage, namespace: namespace, name: name)
        if object?["metadata"]?["deletionTimestamp"] != nil {
            error.message = "object is being deleted: " + error.message
        }
        return error
    }

    func validate(_ object: JSON, old: JSON?, _ request: ResourceRequest) throws(APIError) {
        let definition = request.definition
        var errors = MetadataRules.errors(object, definition: definition)
        if let old { errors += MetadataRules.updateErrors(object, old: old) }
        if request.subresource == nil { errors += definition.strategy.validate(object, old: old) }
        if let custom = definition.custom {
            errors += custom.schema.errors(object, old: old, isStatusUpdate: request.subresource == "status")
        }
        guard errors.isEmpty else {
            // For the rules, events of either group are core events.
            let group = definition.storage == GroupResource("events") ? "" : definition.group
            throw .invalid(
                group: group, kind: definition.kind, name: object["metadata"]?["name"]?.string ?? "", errors)
        }
    }

    /// Accepts a CRD's names, in a write of its own as the real server's controller does.
    func establish(_ crd: JSON, _ request: ResourceRequest) {
        guard let name = crd["metadata"]?["name"]?.string else { return }
        let time = timestamp
        var status = request
        status.subresource = "status"
        let manager = fieldManager(status)
        _ = try? store.update(.customResourceDefinitions, name: name) { object in
            let established = CustomResourceDefinitionStrategy.established(object, at: time)
            object = manager.tracked(live: object, new: established, manager: "kube-apiserver")
            return true
        }
    }
}
