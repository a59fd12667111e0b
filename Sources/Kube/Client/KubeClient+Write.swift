import HTTP
import JSON
import KubeObjects

/// The version and UID that an object must still have. Otherwise its deletion fails with 409. Nil is not compared.
public struct Preconditions: Sendable, Hashable {
    public var uid: String?
    public var resourceVersion: String?
    public init(uid: String? = nil, resourceVersion: String? = nil) {
        self.uid = uid
        self.resourceVersion = resourceVersion
    }
}

/// What happens to the objects that an object owns (Kubernetes, "Garbage collection").
public enum PropagationPolicy: String, Sendable, Hashable {
    case background = "Background", foreground = "Foreground", orphan = "Orphan"
}

extension KubeClient {
    /// Creates an object, and returns what was stored. `metadata.generateName` may stand in place of a name.
    @discardableResult
    public func create<Object: KubeResource & Encodable>(
        _ object: Object, fieldManager: String? = nil
    ) async throws(KubeError) -> Object {
        let type = Object.resourceType
        let request = KubeRequest(.post, "", operation: type.operation("create", namespace: object.metadata.namespace))
        let json = try request.encoded(object)
        let answer = try await create(
            json, type: type, namespace: object.metadata.namespace, fieldManager: fieldManager)
        do { return try Object(json: answer) } catch { throw request.unexpected(error.description) }
    }

    /// The same for an object as JSON, with `apiVersion` and `kind`.
    @discardableResult
    public func create(
        _ object: JSON, type: ResourceType, namespace: String? = nil, fieldManager: String? = nil
    ) async throws(KubeError) -> JSON {
        let name = object[path: ["metadata", "name"]]?.string
        var request = KubeRequest(
            .post, type.path(namespace: namespace),
            operation: type.operation("create", namespace: namespace, name: name))
        request.add("fieldManager", fieldManager)
        request.mayHoldToken = type.holdsSecrets
        request.body = object.serialized()
        return try await sendForObject(request, named: name?.nonEmpty)
    }

    /// Asks one of the review kinds. Their answers are not stored and have no name. An answer of another kind fails as
    /// `.unexpectedAnswer`.
    public func review(_ type: ResourceType, _ question: JSON) async throws(KubeError) -> JSON {
        var request = KubeRequest(.post, type.path(), operation: "create \(type)")
        request.body = question.serialized()
        let answer = try await sendForJSON(request)
        guard answer["kind"] == .string(type.kind) else { throw request.unexpected("the answer is not a \(type.kind)") }
        return answer
    }

    /// Replaces an object. With `metadata.resourceVersion` set, this fails with 409 if the object has changed since.
    @discardableResult
    public func replace<Object: KubeResource & Encodable>(
        _ object: Object, fieldManager: String? = nil
    ) async throws(KubeError) -> Object {
        let type = Object.resourceType
        let meta = object.metadata
        let operation = type.operation("replace", namespace: meta.namespace, name: meta.name)
        var request = KubeRequest(.put, type.path(namespace: meta.namespace, name: meta.name), operation: operation)
        request.add("fieldManager", fieldManager)
        request.mayHoldToken = type.holdsSecrets
        request.body = try request.encoded(object).serialized()
        let answer = try await sendForObject(request, named: meta.name)
        do { return try Object(json: answer) } catch { throw request.unexpected(error.description) }
    }

    /// Deletes an object. It returns the object as it now is (finalizers may hold it), or the server's `Status`. Without
    /// `propagation` the server takes the kind's default.
    @discardableResult
    public func delete(
        _ type: ResourceType, namespace: String? = nil, name: String, preconditions: Preconditions? = nil,
        propagation: PropagationPolicy? = nil, turn: RequestTurn = RequestTurn()
    ) async throws(KubeError) -> JSON {
        var request = KubeRequest(
            .delete, type.path(namespace: namespace, name: name),
            operation: type.operation("delete", namespace: namespace, name: name))
        request.turn = turn
        request.mayHoldToken = type.holdsSecrets
        var options: JSON = ["apiVersion": "v1", "kind": "DeleteOptions"]
        if let uid = preconditions?.uid { options[path: ["preconditions", "uid"]] = .string(uid) }
        if let version = preconditions?.resourceVersion {
            options[path: ["preconditions", "resourceVersion"]] = .string(version)
        }
        if let propagation { options["propagationPolicy"] = .string(propagation.rawValue) }
        request.body = options.serialized()
        let answer = try await sendForJSON(request)
        guard answer["kind"]?.string != nil else { throw request.unexpected("the answer has no kind") }
        return answer
    }
}

extension KubeRequest {
    func encoded(_ object: some KubeResource & Encodable) throws(KubeError) -> JSON {
        do {
            return try object.encoded()
        } catch {
            let reason = HTTPError(.invalidRequest, "can't be encoded: \(error)", mayHaveBeenProcessed: false)
            throw KubeError(operation: operation, cause: .transport(reason))
        }
    }
}
