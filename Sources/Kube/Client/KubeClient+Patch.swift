import HTTP
import JSON
import KubeObjects

/// A change to an object that is there already.
public enum Patch: Sendable, Hashable {
    /// RFC 7396: members are merged, null removes, arrays are replaced.
    case merge(JSON)
    /// RFC 6902: operations in order; a failed `test` is a 422.
    case operations([JSON])
}

extension KubeClient {
    /// Server-side apply: makes the object, or its status, have the given fields, and gives up those that `fieldManager`
    /// applied before and that are no longer given. One request, nothing read before it.
    ///
    /// - `object` is the whole intent, with `apiVersion`, `kind` and `metadata.name`.
    /// - `force` takes fields over from other managers; without it they are `conflicts` of the error.
    /// - `dryRun` goes through everything but storing.
    /// - `metadataOnlyAnswer` asks for `PartialObjectMetadata`: a fraction of the bytes, with resourceVersion, uid and
    ///   managedFields.
    /// - Answers what is stored then; an unchanged object keeps its resourceVersion.
    @discardableResult
    public func apply(
        _ object: JSON, type: ResourceType, namespace: String? = nil, name: String, subresource: String? = nil,
        fieldManager: String, force: Bool, dryRun: Bool = false, fieldValidation: FieldValidation = .strict,
        metadataOnlyAnswer: Bool = false
    ) async throws(KubeError) -> JSON {
        try await apply(
            body: object.serialized(), type: type, namespace: namespace, name: name, subresource: subresource,
            fieldManager: fieldManager, force: force, dryRun: dryRun, fieldValidation: fieldValidation,
            metadataOnlyAnswer: metadataOnlyAnswer)
    }

    /// The same with an object that is serialised already, as JSON or YAML.
    @discardableResult
    public func apply(
        body: [UInt8], type: ResourceType, namespace: String? = nil, name: String, subresource: String? = nil,
        fieldManager: String, force: Bool, dryRun: Bool = false, fieldValidation: FieldValidation = .strict,
        metadataOnlyAnswer: Bool = false, turn: RequestTurn = RequestTurn()
    ) async throws(KubeError) -> JSON {
        var request = KubeRequest(
            .patch, type.path(namespace: namespace, name: name, subresource: subresource),
            operation: type.operation("apply", namespace: namespace, name: name, subresource: subresource))
        request.add("fieldManager", fieldManager)
        request.add("force", force ? "true" : nil)
        request.add("dryRun", dryRun ? "All" : nil)
        request.add("fieldValidation", fieldValidation.rawValue)
        // JSON is YAML; servers before 1.31 know no media type for an apply patch in JSON.
        request.contentType = "application/apply-patch+yaml"
        if metadataOnlyAnswer { request.accept = Accept.partialObject }
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

    /// Patches an object that must exist. A merge patch with `metadata.resourceVersion` holds only for that version.
    @discardableResult
    public func patch(
        _ patch: Patch, type: ResourceType, namespace: String? = nil, name: String, subresource: String? = nil,
        fieldManager: String? = nil, dryRun: Bool = false, metadataOnlyAnswer: Bool = false
    ) async throws(KubeError) -> JSON {
        var request = KubeRequest(
            .patch, type.path(namespace: namespace, name: name, subresource: subresource),
            operation: type.operation("patch", namespace: namespace, name: name, subresource: subresource))
        request.add("fieldManager", fieldManager)
        request.add("dryRun", dryRun ? "All" : nil)
        if metadataOnlyAnswer { request.accept = Accept.partialObject }
        switch patch {
        case .merge(let change):
            request.contentType = "application/merge-patch+json"
            request.body = change.serialized()
        case .operations(let operations):
            request.contentType = "application/json-patch+json"
            request.body = JSON.array(operations).serialized()
        }
        return try await sendForObject(request, named: name)
    }
}
