import HTTP
import JSON
import KubeObjects

extension KubeClient {
    /// Server-side apply: makes the object, or its status, have the given fields, and gives up those that `fieldManager`
    /// applied before and that are no longer given. One request, nothing read before it.
    ///
    /// - `object` is the whole intent, with `apiVersion`, `kind` and `metadata.name`.
    /// - `force` takes fields over from other managers; without it they are `conflicts` of the error.
    /// - Fields that the kind does not have are refused: what was asked for and silently dropped would look like success.
    /// - `metadataOnlyAnswer` asks for `PartialObjectMetadata`: a fraction of the bytes, with resourceVersion, uid and
    ///   managedFields.
    /// - Answers what is stored then; an unchanged object keeps its resourceVersion.
    @discardableResult
    public func apply(
        _ object: JSON, type: ResourceType, namespace: String? = nil, name: String, subresource: String? = nil,
        fieldManager: String, force: Bool, metadataOnlyAnswer: Bool = false
    ) async throws(KubeError) -> JSON {
        try await apply(
            body: object.serialized(), type: type, namespace: namespace, name: name, subresource: subresource,
            fieldManager: fieldManager, force: force, metadataOnlyAnswer: metadataOnlyAnswer)
    }

    /// The same with an object that is serialised already, as JSON or YAML.
    @discardableResult
    public func apply(
        body: [UInt8], type: ResourceType, namespace: String? = nil, name: String, subresource: String? = nil,
        fieldManager: String, force: Bool, metadataOnlyAnswer: Bool = false, turn: RequestTurn = RequestTurn()
    ) async throws(KubeError) -> JSON {
        var request = KubeRequest(
            .patch, type.path(namespace: namespace, name: name, subresource: subresource),
            operation: type.operation("apply", namespace: namespace, name: name, subresource: subresource))
        request.add("fieldManager", fieldManager)
        request.add("force", force ? "true" : nil)
        request.add("fieldValidation", "Strict")
        // JSON is YAML; servers before 1.31 know no media type for an apply patch in JSON.
        request.contentType = "application/apply-patch+yaml"
        if metadataOnlyAnswer { request.askForMetadata() }
        request.mayHoldToken = type.holdsSecrets
        request.turn = turn
        request.body = body
        return try await sendForObject(request, named: name)
    }

    /// Server-side apply of `status` alone, by way of the subresource.
    @discardableResult
    public func applyStatus(
        _ status: JSON, type: ResourceType, namespace: String? = nil, name: String, fieldManager: String,
        force: Bool = true
    ) async throws(KubeError) -> JSON {
        let object: JSON = [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "metadata": ["name": .string(name)],
            "status": status,
        ]
        return try await apply(
            object, type: type, namespace: namespace, name: name, subresource: "status", fieldManager: fieldManager,
            force: force, metadataOnlyAnswer: true)
    }

    /// RFC 7396, of an object that must exist: members are merged, null removes, arrays are replaced. A patch with
    /// `metadata.resourceVersion` holds only for that version.
    @discardableResult
    public func mergePatch(
        _ change: JSON, type: ResourceType, namespace: String? = nil, name: String, subresource: String? = nil,
        fieldManager: String? = nil, metadataOnlyAnswer: Bool = false
    ) async throws(KubeError) -> JSON {
        var request = KubeRequest(
            .patch, type.path(namespace: namespace, name: name, subresource: subresource),
            operation: type.operation("patch", namespace: namespace, name: name, subresource: subresource))
        request.add("fieldManager", fieldManager)
        if metadataOnlyAnswer { request.askForMetadata() }
        request.mayHoldToken = type.holdsSecrets
        request.contentType = "application/merge-patch+json"
        request.body = change.serialized()
        return try await sendForObject(request, named: name)
    }
}
