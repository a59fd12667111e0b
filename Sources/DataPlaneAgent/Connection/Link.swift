import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support

/// A connection to a data plane's API server with one set of credentials.
package final class Link: Sendable {
    let configuration: LinkConfiguration
    let client: KubeClient
    /// The same connections with the probe's timeouts, and exempt from the rate limit.
    let prober: KubeClient
    /// Whether the agent lets it write. `client` checks this right before it sends a write. So writes that wait for
    /// the rate limit or a connection are not sent after the agent was stopped.
    let mayWrite: Locked<Bool>
    /// How many links use these connections.
    private let users: Locked<Int>
    private let isClosed = Locked(false)
    /// Whether this replica still leads.
    private let leads: @Sendable () -> Bool

    init(
        _ configuration: LinkConfiguration, client: KubeClient, prober: KubeClient,
        mayWrite: Locked<Bool> = Locked(false), users: Locked<Int> = Locked(1),
        leads: @escaping @Sendable () -> Bool = { true }
    ) {
        self.configuration = configuration
        self.client = client
        self.prober = prober
        self.mayWrite = mayWrite
        self.users = users
        self.leads = leads
    }

    /// How the data plane exceeds its budget.
    var excess: BudgetExcess? { client.options.meter?.excess }

    /// Ends its requests, unless another link uses the same connections. Then they go on with the token that they began
    /// with.
    func close() {
        let isFirst = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard isFirst else { return }
        let isLast = users.withLock { users in
            users -= 1
            return users == 0
        }
        if isLast { client.close() }
    }

    /// A link with these settings over the same connections. Nil if more than the token differs.
    func renewed(_ configuration: LinkConfiguration) -> Link? {
        guard configuration.differsOnlyInToken(from: self.configuration), let token = configuration.token else {
            return nil
        }
        users.withLock { $0 += 1 }
        let authorization = StaticToken(token)
        let isOpen = Locked(false)
        let client = client.authorized(by: authorization) { [leads] in leads() && isOpen.withLock { $0 } }
        return Link(
            configuration, client: client, prober: prober.authorized(by: authorization), mayWrite: isOpen, users: users,
            leads: leads)
    }

    /// Applies the object and returns the metadata of the answer. It waits for the data plane's rate limit.
    func apply(
        _ object: DesiredObject, _ form: AppliedForm, force: Bool, turn: RequestTurn
    ) async throws(KubeError) -> ObjectMeta {
        var body = object.body(in: form)
        defer { if object.copied != nil { body.wipe() } }
        let answer = try await client.apply(
            body: body, type: object.type, namespace: object.namespace, name: object.name,
            fieldManager: Ownership.fieldManager, force: force, metadataOnlyAnswer: true,
            turn: turn)
        do {
            return try ObjectMeta(json: answer["metadata"] ?? .null)
        } catch {
            throw KubeError(operation: "apply \(object.description)", cause: .unexpectedAnswer("\(error)"))
        }
    }

    /// Reads the present metadata of an object.
    func metadata(of object: DesiredObject) async throws(KubeError) -> ObjectMeta {
        let answer = try await client.get(
            object.type, namespace: object.namespace, name: object.name, metadataOnly: true)
        do {
            return try ObjectMeta(json: answer["metadata"] ?? .null)
        } catch {
            throw KubeError(operation: "get \(object.description)", cause: .unexpectedAnswer("\(error)"))
        }
    }

    /// Reads the whole object.
    func read(_ object: DesiredObject) async throws(KubeError) -> DynamicObject {
        let answer = try await client.get(object.type, namespace: object.namespace, name: object.name)
        do {
            return try DynamicObject(json: answer)
        } catch {
            throw KubeError(operation: "get \(object.description)", cause: .unexpectedAnswer("\(error)"))
        }
    }

    /// Takes the fields that we apply from Flyte's managers, if the object has not changed since it was read here. If
    /// the object is missing or there is nothing to take, it writes nothing. True if it wrote.
    func takeOver(_ object: DesiredObject) async throws(KubeError) -> Bool {
        let found: JSON
        do throws(KubeError) {
            found = try await client.get(
                object.type, namespace: object.namespace, name: object.name, metadataOnly: true)
        } catch {
            if error.isNotFound { return false }
            throw error
        }
        let metadata = found["metadata"]
        guard let version = metadata?["resourceVersion"],
            let managed = Handover.managedFields(metadata?["managedFields"])
        else { return false }
        var change: JSON = ["metadata": ["resourceVersion": version, "managedFields": managed]]
        // Its managed fields may have been the only sign that Flyte made it, so an annotation records that.
        if object.type == Namespace.resourceType {
            change[path: ["metadata", "annotations", Ownership.adoptedFromAnnotation]] = .string(Ownership.flyte)
        }
        try await client.mergePatch(
            change, type: object.type, namespace: object.namespace, name: object.name,
            fieldManager: Ownership.fieldManager, metadataOnlyAnswer: true)
        return true
    }

    /// Deletes an object if it is still as it was seen. Its dependents are deleted in the background.
    func delete(_ type: ResourceType, _ key: ObjectKey, ifVersion version: UInt64?) async throws(KubeError) {
        let preconditions = version.map { Preconditions(resourceVersion: String($0)) }
        _ = try await client.delete(
            type, namespace: key.namespace, name: key.name, preconditions: preconditions, propagation: .background,
            turn: RequestTurn(.background))
    }

    /// Our objects of a kind, as metadata. Of Namespaces it gets all, since a wanted one may exist already and belong
    /// to somebody else. In Observe it gets all objects of any kind, since objects that would be adopted lack our
    /// labels.
    func managed(_ type: ResourceType, for plan: DataPlanePlan, pageSize: Int) -> any ListWatch<SeenObject> {
        let isWhole = plan.isObserving || type == Namespace.resourceType
        return client.listWatch(
            SeenObject.self,
            of: KubeCollection(
                type, labelSelector: isWhole ? nil : Ownership.selector, metadataOnly: !plan.readsContent(of: type)),
            settings: WatchSettings(pageSize: pageSize))
    }
}

/// Lists and watches with the link that the agent has in use. It fails while there is none.
///
/// After an answer that was too large, the next list has smaller pages, since a few objects may be large.
struct AgentListWatch: ListWatch {
    let type: ResourceType
    unowned let agent: Agent
    private let pageSize = Locked(WatchSettings().pageSize)
    private static let smallestPage = 5

    init(type: ResourceType, agent: Agent) {
        self.type = type
        self.agent = agent
    }

    func list(continueToken: String?) async throws(KubeError) -> ListPage<SeenObject> {
        do throws(KubeError) {
            return try await source("list").list(continueToken: continueToken)
        } catch {
            if error.isTooMuch { pageSize.withLock { $0 = max(Self.smallestPage, $0 / 10) } }
            throw error
        }
    }

    func watch(from resourceVersion: String) async throws(KubeError) -> WatchStream<SeenObject> {
        try await source("watch").watch(from: resourceVersion)
    }

    private func source(_ verb: String) throws(KubeError) -> any ListWatch<SeenObject> {
        guard let link = agent.readableLink else {
            let closed = HTTPError(.closed, "not connected", mayHaveBeenProcessed: false)
            throw KubeError(operation: "\(verb) \(type)", cause: .transport(closed))
        }
        return link.managed(type, for: agent.currentPlan, pageSize: pageSize.withLock { $0 })
    }
}

extension KubeError {
    /// The answer had too many bytes, or too many values for its size.
    fileprivate var isTooMuch: Bool {
        if case .transport(let failure) = cause { failure.kind == .bodyTooLarge } else { isUnexpectedAnswer }
    }
}
