import HTTP
import JSON
import KubeObjects

extension KubeClient {
    /// One object. It fails as `.unexpectedAnswer`, with the field's path, if the object does not fit its type.
    public func get<Object: KubeResource>(
        _ type: Object.Type, namespace: String? = nil, name: String
    ) async throws(KubeError) -> Object {
        let request = getRequest(type.resourceType, namespace, name)
        var json = try await sendForObject(request, named: name)
        defer { if request.answersWithSecrets { json.wipe() } }
        do { return try Object(json: json) } catch { throw request.unexpected(error.description) }
    }

    /// One object of any kind. `metadataOnly`: as `PartialObjectMetadata`. It fails as `.unexpectedAnswer` if the answer
    /// is not the object of that name.
    public func get(
        _ type: ResourceType, namespace: String? = nil, name: String, metadataOnly: Bool = false
    ) async throws(KubeError) -> JSON {
        var request = getRequest(type, namespace, name)
        if metadataOnly { request.askForMetadata() }
        return try await sendForObject(request, named: name)
    }

    /// One page of a collection, in the most recent state (a quorum read). `continueToken` gets further pages of that
    /// same state. 410 means that the token is too old: list again (Kubernetes API concepts, "Retrieving large results
    /// sets in chunks").
    public func list<Object: KubeObject>(
        _ object: Object.Type, of collection: KubeCollection, limit: Int? = nil, continueToken: String? = nil,
        isRateLimited: Bool = true
    ) async throws(KubeError) -> ListPage<Object> {
        var request = collection.request("list")
        request.isRateLimited = isRateLimited
        request.accept = collection.metadataOnly ? Accept.partialObjectList : Accept.json
        request.add("limit", limit.map(String.init))
        request.add("continue", continueToken)
        let isMetadata = collection.metadataOnly
        return try await sendForJSON(
            request, usual: { isMetadata ? ListAnswer.metadataPage($0, $1) : nil }
        ) { [request] json throws(KubeError) in try ListAnswer.page(json, request) }
    }

    /// A whole collection, page by page. It is for a few objects at a time; use `listWatch` to keep them up to date.
    /// Throws if there are more pages than `maximumPages`, since a server may go on for ever.
    public func listAll<Object: KubeObject>(
        _ object: Object.Type, of collection: KubeCollection, pageSize: Int = 500, maximumPages: Int = 200
    ) async throws(KubeError) -> [Decoded<Object>] {
        var items: [Decoded<Object>] = []
        var token: String?
        for _ in 0..<maximumPages {
            let page = try await list(object, of: collection, limit: pageSize, continueToken: token)
            items += page.items
            token = page.continueToken
            if token == nil { return items }
        }
        throw collection.request("list").unexpected("more than \(maximumPages) pages: the list does not end")
    }

    private func getRequest(_ type: ResourceType, _ namespace: String?, _ name: String) -> KubeRequest {
        var request = KubeRequest(
            .get, type.path(namespace: namespace, name: name),
            operation: type.operation("get", namespace: namespace, name: name))
        request.answersWithSecrets = type.holdsSecrets
        request.mayHoldToken = type.holdsSecrets
        return request
    }

    /// Accepts only an answer that is the requested object. Any other answer proves nothing.
    func sendForObject(_ request: KubeRequest, named name: String?) async throws(KubeError) -> JSON {
        let json = try await sendForJSON(request)
        guard let found = json[path: ["metadata", "name"]]?.string, !found.isEmpty else {
            throw request.unexpected("the answer is not an object: it has no metadata.name")
        }
        guard name == nil || name == found else { throw request.unexpected("the answer is another object") }
        return json
    }
}

extension ResourceType {
    var holdsSecrets: Bool { group.isEmpty && plural == Secret.resourceType.plural }
}

/// Objects of a kind: in one namespace or everywhere, all or those that selectors match.
public struct KubeCollection: Sendable, Hashable {
    public var type: ResourceType
    /// Nil means all namespaces.
    public var namespace: String?
    /// `app.kubernetes.io/managed-by=squadron`.
    public var labelSelector: String?
    /// `metadata.name=cluster-credentials`.
    public var fieldSelector: String?
    /// Whether to ask for `PartialObjectMetadata`. The items are then read as `PartialObject`.
    public var metadataOnly: Bool

    public init(
        _ type: ResourceType, namespace: String? = nil, labelSelector: String? = nil, fieldSelector: String? = nil,
        metadataOnly: Bool = false
    ) {
        self.type = type
        self.namespace = namespace
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.metadataOnly = metadataOnly
    }

    func request(_ verb: String) -> KubeRequest {
        var request = KubeRequest(
            .get, type.path(namespace: namespace), operation: type.operation(verb, namespace: namespace))
        request.answersWithSecrets = type.holdsSecrets && !metadataOnly
        request.answer = .page
        request.mayHoldToken = true
        request.add("labelSelector", labelSelector)
        request.add("fieldSelector", fieldSelector)
        return request
    }
}
