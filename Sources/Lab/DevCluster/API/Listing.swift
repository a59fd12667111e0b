import JSON

/// Selects the objects of a collection that a request is about.
struct ObjectFilter: Sendable {
    var definition: ResourceDefinition
    var labels: LabelSelector
    var fields: FieldSelector
    var from: String
    var to: String?

    init(_ request: ResourceRequest, _ options: ListOptions) {
        definition = request.definition
        labels = options.labels
        fields = options.fields
        (from, to) = ObjectCollection.bounds(namespace: request.namespace)
        // This is a watch or list of one object by its path.
        if let name = request.name {
            fields.terms.append(FieldSelector.Term(field: "metadata.name", isEqual: true, value: name))
        }
    }

    var isSelective: Bool { !labels.requirements.isEmpty || !fields.terms.isEmpty }

    func contains(_ key: String) -> Bool { key >= from && (to.map { key < $0 } ?? true) }

    func matches(_ object: StoredObject, key: String) -> Bool {
        if !fields.terms.isEmpty {
            let (namespace, name) = key.namespaceAndName
            let matches = fields.matches { field in
                switch field {
                case "metadata.name", "name": name
                case "metadata.namespace": namespace
                default: definition.value(of: field, in: definition.presented(object.content.json))
                }
            }
            if !matches { return false }
        }
        return labels.requirements.isEmpty || labels.matches(object.content.value(at: ["metadata", "labels"])?.object)
    }
}

extension APIServer {
    func get(_ request: ResourceRequest) throws(APIError) -> APIResponse {
        let presenter = try Presenter(request, now: clock.now)
        if let text = request.http.parameter("resourceVersion"), !text.isEmpty {
            guard let version = Int64(text), version >= 0 else {
                throw .badRequest(
                    "invalid resource version: resourceVersion: Invalid value: \(JSON.string(text).shownInErrors): "
                        + "strconv.ParseUint: parsing \(JSON.string(text).shownInErrors): invalid syntax")
            }
            let current = store.revision
            if version > current { throw .tooLargeResourceVersion(version, current: current) }
        }
        guard let stored = store.stored(request.definition.storage, request.key) else { throw request.notFound() }
        return respond(200, presenter.answer(presenter.object(stored)), request)
    }

    func list(_ request: ResourceRequest) throws(APIError) -> APIResponse {
        let options = try ListOptions(request.http, definition: request.definition, isWatch: false)
        let presenter = try Presenter(request, now: clock.now)
        let page = try page(request, options)
        return APIResponse(
            status: 200, headers: headers(request), body: .bytes(presenter.list(page.entries, metadata: page.metadata)))
    }

    func page(
        _ request: ResourceRequest, _ options: ListOptions
    ) throws(APIError) -> (entries: [ObjectCollection.Entry], metadata: JSON) {
        let filter = ObjectFilter(request, options)
        var from = filter.from
        var exactly: Int64?
        if let text = options.continueToken {
            let token = try ContinueToken(parsing: text)
            from = max(from, token.after + "\u{0}")
            exactly = token.revision < 0 ? nil : token.revision
        } else if let version = options.resourceVersion, version > 0 {
            // Without a match, a limit asks for exactly that version. The real server keeps this from times before
            // there was a match.
            if options.versionMatch == .exact || options.versionMatch == nil && options.limit > 0 {
                exactly = version
            } else {
                let current = store.revision
                if version > current { throw .tooLargeResourceVersion(version, current: current) }
            }
        }
        let page: ObjectStore.Page
        do {
            page = try store.read(request.definition.storage, from: from, to: filter.to, exactly: exactly)
        } catch {
            switch error {
            case .tooLarge(let current): throw .tooLargeResourceVersion(exactly ?? 0, current: current)
            case .expired:
                guard let text = options.continueToken, let token = try? ContinueToken(parsing: text) else {
                    throw .listExpired
                }
                throw .continueExpired(ContinueToken(revision: -1, after: token.after).text)
            }
        }
        var entries: [ObjectCollection.Entry] = []
        var next: String?
        var consumed = 0
        for entry in page.entries {
            guard filter.matches(entry.object, key: entry.key) else {
                consumed += 1
                continue
            }
            // For any state (version 0) the real server answers from its cache, which ignores the limit.
            if options.limit > 0, options.resourceVersion != 0, entries.count == options.limit, let last = entries.last
            {
                next = ContinueToken(revision: page.revision, after: last.key).text
                break
            }
            entries.append(entry)
            consumed += 1
        }
        var metadata: JSON = ["resourceVersion": .string(String(page.revision))]
        if let next {
            metadata["continue"] = .string(next)
            if !filter.isSelective { metadata["remainingItemCount"] = .int(Int64(page.entries.count - consumed)) }
        }
        return (entries, metadata)
    }
}
