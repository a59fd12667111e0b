import JSON

extension APIServer {
    func update(_ request: ResourceRequest) throws(APIError) -> APIResponse {
        let options = try WriteOptions(request.http, kind: "UpdateOptions")
        let presenter = try Presenter(request, now: clock.now)
        let definition = request.definition
        let (read, warnings) = try ObjectReading(definition: definition).read(
            request.http.body, contentType: request.http.headers["content-type"], validation: options.fieldValidation)
        var object = read
        try place(&object, request)
        try requireName(object, request)
        if definition.createsOnUpdate, request.subresource == nil, store.stored(definition.storage, request.key) == nil
        {
            object[path: ["metadata", "resourceVersion"]] = nil
            object = fieldManager(request).tracked(live: nil, new: object, manager: request.fieldManager)
            let created = try insert(object, request, options)
            return respond(201, presenter.answer(definition.presented(created)), request, warnings: warnings)
        }
        let desired = object
        let manager = fieldManager(request)
        let result = try modify(request, options) { live throws(APIError) in
            try self.requireUID(desired, live, request)
            let version = desired["metadata"]?["resourceVersion"]?.string ?? ""
            if version.isEmpty, !definition.allowsUnconditionalUpdate {
                throw .invalid(
                    group: definition.group, kind: definition.plural, name: request.name ?? "",
                    [.invalid("metadata.resourceVersion", 0, "must be specified for an update")])
            }
            let completed = self.reset(MetadataRules.complete(desired, from: live), live, request)
            return Change(
                object: manager.tracked(live: live, new: completed, manager: request.fieldManager),
                resourceVersion: version.isEmpty ? nil : version)
        }
        return respond(200, presenter.answer(definition.presented(result)), request, warnings: warnings)
    }

    func requireName(_ object: JSON, _ request: ResourceRequest) throws(APIError) {
        let sent = object["metadata"]?["name"]?.string ?? ""
        if !sent.isEmpty, sent != request.name {
            throw .badRequest(
                "the name of the object (\(sent)) does not match the name on the URL (\(request.name ?? ""))")
        }
        if sent.isEmpty {
            throw .badRequest(
                "the name of the object (\(sent)) does not match the name on the URL (\(request.name ?? ""))")
        }
    }

    private func requireUID(_ desired: JSON, _ live: JSON, _ request: ResourceRequest) throws(APIError) {
        let sent = desired["metadata"]?["uid"]?.string ?? ""
        let uid = live["metadata"]?["uid"]?.string ?? ""
        guard !sent.isEmpty, sent != uid else { return }
        throw .conflict(
            request.definition.groupResource, request.name ?? "",
            "StorageError: invalid object, Code: 4, Key: /registry/\(request.definition.plural)/\(request.key), "
                + "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: \(sent), UID in object "
                + "meta: \(uid)")
    }

    /// The change that a request wants.
    struct Change {
        var object: JSON
        /// The version against which the request was made. Nil if it names none.
        var resourceVersion: String?
    }

    /// Reads, changes, checks and writes, and does so again whenever another write was faster. Returns the object as it
    /// is stored.
    ///
    /// - Parameter change: gets the live object in the request's version.
    func modify(
        _ request: ResourceRequest, _ options: WriteOptions, _ change: (JSON) throws(APIError) -> Change
    ) throws(APIError) -> JSON {
        let definition = request.definition
        while true {
            guard let stored = store.stored(definition.storage, request.key) else { throw request.notFound() }
            let live = definition.presented(Presenter.current(stored, definition))
            let change = try change(live)
            if let version = change.resourceVersion {
                guard let number = UInt64(version) else {
                    throw APIError(
                        code: 500, reason: "",
                        message: "strconv.ParseUint: parsing \(JSON.string(version).shownInErrors): invalid syntax")
                }
                if number != 0, Int64(clamping: number) != stored.revision {
                    throw .modified(definition.groupResource, request.name ?? "")
                }
            }
            var object = change.object
            prepare(&object, live: live, request)
            try validate(object, old: live, request)
            // An object that is stored in an earlier version is written all the same, which migrates it.
            if isSame(object, live), !isMigrated(stored, definition) { return stored.content.json }
            if isReadyToGo(object, definition) {
                if options.isDryRun { return definition.stored(object) }
                if let gone = try? store.remove(
                    definition.storage, request.key, expecting: .revision(stored.revision),
                    last: definition.stored(object))
                {
                    removed(request.namespace, definition)
                    return gone
                }
                continue
            }
            if options.isDryRun { return definition.stored(object) }
            do {
                let written = try store.write(
                    definition.storage, definition.stored(object), expecting: .revision(stored.revision))
                wrote(written, request)
                return written
            } catch {
                if error == .notFound { throw request.notFound() }
                // Another write was faster. If the request has a resourceVersion, the next round finds the conflict.
            }
        }
    }

    /// Leaves out what this path does not write, before ownership is computed.
    func reset(_ object: JSON, _ live: JSON, _ request: ResourceRequest) -> JSON {
        var object = object
        let definition = request.definition
        switch request.subresource {
        case "status":
            let status = object["status"]
            if definition.isCustom {
                let managed = object["metadata"]?["managedFields"]
                object = live
                object[path: ["metadata", "managedFields"]] = managed
            } else {
                object["spec"] = live["spec"]
            }
            object["status"] = status
        case "finalize":
            let finalizers = object["spec"]?["finalizers"]
            object = live
            object[path: ["spec", "finalizers"]] = finalizers
        default: if definition.subresources.contains("status") { object["status"] = live["status"] }
        }
        return object
    }

    private func prepare(_ object: inout JSON, live: JSON, _ request: ResourceRequest) {
        let definition = request.definition
        if request.subresource == nil {
            definition.strategy.prepareForUpdate(&object, old: live)
        } else {
            object = reset(object, live, request)
        }
        if definition.hasGeneration, let generation = live["metadata"]?["generation"]?.int,
            bumpsGeneration(object, live, definition)
        {
            object[path: ["metadata", "generation"]] = .int(generation &+ 1)
        }
    }

    /// Every field counts except metadata (of Deployments the annotations do), and except status if it is written separately.
    private func bumpsGeneration(_ object: JSON, _ live: JSON, _ definition: ResourceDefinition) -> Bool {
        func counted(_ object: JSON) -> [String: JSON] {
            var members = object.object ?? [:]
            let annotations = members["metadata"]?["annotations"]
            members["metadata"] = definition.generationCountsAnnotations ? annotations : nil
            members["apiVersion"] = nil
            if !definition.isCustom || definition.subresources.contains("status") { members["status"] = nil }
            return members
        }
        return counted(object) != counted(live)
    }

    private func isMigrated(_ stored: StoredObject, _ definition: ResourceDefinition) -> Bool {
        guard definition.isCustom else { return false }
        return stored.content.value(at: ["apiVersion"])?.string != definition.storedAPIVersion
    }

    /// Whether only times in `managedFields` have changed.
    private func isSame(_ object: JSON, _ live: JSON) -> Bool {
        func timeless(_ object: JSON) -> [JSON] {
            (object["metadata"]?["managedFields"]?.array ?? []).map { entry in
                var entry = entry
                entry["time"] = nil
                return entry
            }
        }
        return object.withManagedFields(nil) == live.withManagedFields(nil)
            && Set(timeless(object)) == Set(timeless(live))
    }

    /// Whether the object is marked for deletion and nothing holds it any more.
    private func isReadyToGo(_ object: JSON, _ definition: ResourceDefinition) -> Bool {
        guard object["metadata"]?["deletionTimestamp"] != nil,
            object["metadata"]?["finalizers"]?.array?.isEmpty ?? true
        else { return false }
        return definition.storage != .namespaces || object["spec"]?["finalizers"]?.array?.isEmpty ?? true
    }

    private func wrote(_ object: JSON, _ request: ResourceRequest) {
        guard request.definition.storage == .customResourceDefinitions, request.subresource == nil else { return }
        establish(object, request)
    }
}
