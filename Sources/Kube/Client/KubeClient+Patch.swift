import HTTP
import JSON
import KubeObjects

extension KubeClient {
    /// Server-side apply: gives the object, or its status, the given fields. It gives up the fields that `fieldManager`
    /// applied before and that are no longer given. It is one request, without a read before it.
    ///
    /// - `object` is the whole intent, with `apiVersion`, `kind` and `metadata.name`.
    /// - `force` takes fields over from other managers. Without it these are the `conflicts` of the error.
    /// - The server refuses fields that the kind does not have, since dropping them silently would look like success.
    /// - `metadataOnlyAnswer` asks for `PartialObjectMetadata`: a fraction of the bytes, with resourceVersion, uid and
    ///   managedFields.
    /// - `isDryRun` stores nothing, and returns what would be stored.
    /// - It returns what is stored then. An unchanged object keeps its resourceVersion.
    @discardableResult
    public func apply(
        _ object: JSON, type: ResourceType, namespace: String? = nil, name: String, subresource: String? = nil,
        fieldManager: String, force: Bool, isDryRun: Bool = false, metadataOnlyAnswer: Bool = false
    ) async throws(KubeError) -> JSON {
        try await apply(
            body: object.serialized(), type: type, namespace: namespace, name: name, subresource: subresource,
            fieldManager: fieldManager, force: force, isDryRun: isDryRun, metadataOnlyAnswer: metadataOnlyAnswer)
    }

    /// The same for an object that is already serialised, as JSON or YAML.
    @discardableResult
    public func apply(
        body: [UInt8], type: ResourceType, namespace: String? = nil, name: String, subresource: String? = nil,
        fieldManager: String, force: Bool, isDryRun: Bool = false, metadataOnlyAnswer: Bool = false,
        turn: RequestTurn = RequestTurn()
    ) async throws(KubeError) -> JSON {
        var request = KubeRequest(
            .patch, type.path(namespace: namespace, name: name, subresource: subresource),
            operation: type.operation("apply", namespace: namespace, name: name, subresource: subresource))
        request.add("fieldManager", fieldManager)
        request.add("force", force ? "true" : nil)
        request.add("fieldValidation", "Strict")
        request.add("dryRun", isDryRun ? "All" : nil)
        // JSON is YAML. Servers before 1.31 have no media type for an apply patch in JSON.
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

    /// A merge patch (RFC 7396) of an object that must exist: members are merged, null removes a member, arrays are
    /// replaced. A patch with `metadata.resourceVersion` applies only to that version.
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
