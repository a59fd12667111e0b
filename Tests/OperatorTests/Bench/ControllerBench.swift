import ControlLoop
import DevPKI
import Fleet
import FlyteAdmin
import Foundation
import HTTP
import JSON
import Kube
import KubeObjects
import Logging
import Support
import TestAPI
import TestSupport
import YAML

@testable import DataPlaneAgent
@testable import Operator

/// The controllers on a bench: a control plane and data planes in memory, on a clock that stands still until a test moves it.
///
/// No watch shows the custom resources. A test does that (`put`, `show`, `hide`), so that it decides what the informers have
/// seen. Secrets and ConfigMaps are watched, since they are read by name alone.
final class ControllerBench: Sendable {
    static let start = Instant(secondsSince1970: 1_800_000_000)

    let clock = TestClock()
    let timeline: Timeline
    let wallClock: WallClock
    /// The control plane's.
    let api: MemoryAPI
    /// What a person does there.
    let admin: KubeClient
    let informers: Informers
    let plans: PlanUpdater
    let queue: WorkQueue<Work>
    let router: EventRouter
    let pool: AgentPool
    let events = RecordedEvents()
    let statuses: Statuses
    let controllers: Controllers
    let reports: Reports
    /// The loop that talks to flyteadmin. No task runs it: a test makes its steps.
    let flyteAdmin: FlyteAdminLoop
    /// flyteadmin itself, with the project `p`.
    let adminTables = MemoryFlyteAdmin(projects: ["p"])
    /// Whether this replica leads.
    let leads = Locked(true)
    /// Changes with all news of agents and of the watches of Secrets and ConfigMaps.
    private let news = Observed(0)
    /// Data planes by endpoint.
    private let planes = Locked<[String: MemoryAPI]>([:])
    private let secretEntries = Locked<[String: JSON]>([:])

    /// - Parameter identity: the UID of the operator's own Namespace. Nil while it can't be read.
    fileprivate init(identity: String?) async throws {
        timeline = Timeline(clock)
        wallClock = WallClock { [clock] in Self.start + clock.now.offset.seconds }
        api = MemoryAPI(timer: clock, wallClock: wallClock)
        admin = api.client()
        let mayWrite: @Sendable () -> Bool = { [leads] in leads.withLock { $0 } }
        let client = api.client(mayWrite: mayWrite)
        informers = Informers(client: client, namespace: "flyte")
        plans = PlanUpdater(informers, operatorNamespace: "flyte")
        queue = WorkQueue(WorkQueueState(limit: 64), timeline: timeline)
        let statusWriter = StatusWriter(client: client, mayWrite: mayWrite)
        router = EventRouter(queue: queue, plans: plans, informers: informers, statuses: statusWriter)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        var context = AgentContext(
            logger: logger,
            connect: { [planes] configuration in
                let plane: MemoryAPI? = planes.withLock { planes in
                    if case .url(let endpoint) = configuration.server { planes[endpoint] } else { nil }
                }
                return Self.link(configuration, to: plane, mayWrite)
            },
            mayWrite: mayWrite,
            changed: { [router, news] dataPlane, change in
                switch change {
                case .facts: router.dataPlaneChanged(dataPlane)
                case .namespace(let namespace, let isBusy):
                    router.namespaceChanged(namespace, of: dataPlane, isBusy: isBusy)
                }
                news.update { $0 += 1 }
            },
            credentialsRejected: { [router] in router.dataPlaneChanged($0) })
        context.timeline = timeline
        context.wallClock = wallClock
        context.settings.breaker.probeInterval = .seconds(10)
        pool = AgentPool(context: context)
        let writer = ControlPlaneWriter(
            client: client, namespace: "flyte", mayWrite: mayWrite, events: events, log: WriteLog(logger))
        reports = Reports(
            publishing: PublishingMemory(), flyteAdmin: FlyteAdminReports(),
            rollout: StoredRollout(
                store: RevisionStore(client: client, namespace: "flyte"), router: router, timeline: timeline))
        statuses = Statuses(
            writer: statusWriter, events: events, settling: Settling(pool, reports.flyteAdmin, timeline: timeline),
            wallClock: wallClock, logger: logger)
        let inputs = Inputs(informers: informers, plans: plans)
        var loop = FlyteAdminLoop.Context(
            inputs: inputs, reports: reports, router: router, writer: writer,
            store: PublishedRowsStore(client: client, namespace: "flyte"), logger: logger, timeline: timeline)
        loop.client = { [adminTables] in FlyteAdminClient(endpoint: $0.endpoint, transport: adminTables) }
        flyteAdmin = FlyteAdminLoop(loop)
        controllers = Controllers(
            inputs: inputs, pool: pool,
            sources: CredentialSources(
                client: client, namespace: "flyte", ownToken: { nil }, timeline: timeline, wallClock: wallClock),
            executions: ExecutionCounter(
                ExecutionCounter.Context(
                    ask: { _ in nil }, changed: { [router] in router.dataPlaneChanged($0) }, logger: logger,
                    wallClock: wallClock, timeline: timeline)),
            flyteAdmin: flyteAdmin, reports: reports, statuses: statuses, writer: writer, router: router,
            wallClock: wallClock, timeline: timeline, logger: logger)
        try await putDefinitions()
        informers.showNoCustomResources()
        _ = router.follow()
        informers.secrets.observers.subscribe { [news] _ in news.update { $0 += 1 } }
        informers.configMaps.observers.subscribe { [news] _ in news.update { $0 += 1 } }
        informers.published.observers.subscribe { [news] _ in news.update { $0 += 1 } }
        informers.deployments.observers.subscribe { [news] _ in news.update { $0 += 1 } }
        informers.profiles.observers.subscribe { [news] in news.update { $0 += 1 } }
        if let identity { plans.found(namespaceUID: identity) }
    }

    fileprivate func run() async {
        let ignore: @Sendable (ResourceType, WatcherStatus) -> Void = { _, _ in }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.pool.run() }
            group.addTask { await self.informers.secrets.run(ignore) }
            group.addTask { await self.informers.configMaps.run(ignore) }
            group.addTask { await self.informers.published.run(ignore) }
            group.addTask { await self.informers.deployments.run(ignore) }
            group.addTask { await self.informers.profiles.run() }
        }
    }

    private static func link(
        _ configuration: LinkConfiguration, to plane: MemoryAPI?, _ leads: @escaping @Sendable () -> Bool
    ) -> Link {
        let isOpen = Locked(false)
        let authorization: any Authorization =
            if let source = configuration.source { source.source } else if let token = configuration.token {
                StaticToken(token)
            } else { NoAuthorization() }
        func client(_ mayWrite: (@Sendable () -> Bool)?) -> KubeClient {
            var options = KubeClient.Options(userAgent: "squadron-test")
            options.mayWrite = mayWrite
            return KubeClient(
                server: "https://plane.invalid", transport: plane ?? Nowhere(), authorization: authorization,
                options: options)
        }
        return Link(
            configuration, client: client { leads() && isOpen.withLock { $0 } }, prober: client(nil),
            mayWrite: isOpen, leads: leads)
    }

    private func putDefinitions() async throws {
        try await put(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "flyte"]])
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appending(path: "manifests/crds")
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where file.hasSuffix(".yaml") && file != "kustomization.yaml" {
            let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            for document in try YAML.documents(text) { try await put(document.json()) }
        }
    }
}

// MARK: What people do

extension ControllerBench {
    struct UnknownKind: Error { var object: JSON }

    private static let types: [String: ResourceType] = Dictionary(
        uniqueKeysWithValues: [
            .dataPlanes, .executionLabels, .executionClusterLabels, .flyteProjects, .clusterRegistries,
            .clusterProfiles, Namespace.resourceType, ConfigMap.resourceType, Secret.resourceType,
            Deployment.resourceType, InstalledObjects.definitions,
        ].map { ($0.kind, $0) })

    /// Applies an object, and shows it to the informers where it is a custom resource of ours.
    @discardableResult
    func put(_ object: JSON) async throws -> JSON {
        guard let type = Self.types[object["kind"]?.string ?? ""] else { throw UnknownKind(object: object) }
        let name = object[path: ["metadata", "name"]]?.string ?? ""
        let stored = try await admin.apply(
            object, type: type, namespace: type.isNamespaced ? "flyte" : nil, name: name, fieldManager: "kubectl",
            force: true)
        if type.group == FleetGroup.name { try await show(type, name) }
        return stored
    }

    @discardableResult
    func put(_ kind: String, _ name: String, _ spec: JSON) async throws -> JSON {
        try await put([
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": .string(kind),
            "metadata": ["name": .string(name), "namespace": "flyte"], "spec": spec,
        ])
    }

    /// Puts these texts into a Secret, beside those that it has.
    func put(secret name: String, _ entries: [String: String]) async throws {
        let data = secretEntries.withLock { all in
            var data = all[name] ?? [:]
            for (key, text) in entries { data[key] = .string(Base64.encode(text.utf8)) }
            all[name] = data
            return data
        }
        try await put([
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": .string(name), "namespace": "flyte"],
            "data": data,
        ])
    }

    /// A data plane with its credentials and its DataPlane, which is named as it is.
    /// - Parameter api: of another one, whose cluster it is.
    @discardableResult
    func enroll(_ name: String, _ more: JSON = [:], at api: MemoryAPI? = nil) async throws -> MemoryAPI {
        let plane = api ?? MemoryAPI(timer: clock, wallClock: wallClock)
        let endpoint = "https://\(name).invalid"
        planes.withLock { $0[endpoint] = plane }
        try await put(
            secret: CredentialsReference.defaultSecretName,
            ["\(name)_token": "token-of-\(name)", "\(name)_cacert": Self.certificate])
        var spec: JSON = ["clusterName": .string(name), "endpoint": .string(endpoint)]
        for (key, value) in more.object ?? [:] { spec[key] = value }
        try await put("DataPlane", name, spec)
        await until {
            guard case .present(let content) = self.informers.secrets[CredentialsReference.defaultSecretName] else {
                return false
            }
            return content["\(name)_token"] != nil
        }
        return plane
    }
    static let certificate = (try? CertificateAuthority(commonName: "bench").certificatePEM) ?? ""

    /// A project-domain that is wanted, with the execution label `label1`.
    func assign(_ project: String, domain: String = "development") async throws {
        try await put(
            "ExecutionClusterLabel", "\(project)-\(domain)",
            ["project": .string(project), "domain": .string(domain), "value": "label1"])
    }

    /// Writes a status as an earlier operator did, and shows it to the informers.
    func put(status: JSON, of type: ResourceType, _ name: String) async throws {
        _ = try await admin.applyStatus(status, type: type, namespace: "flyte", name: name, fieldManager: "squadron")
        try await show(type, name)
    }
    func condition(_ type: String, _ reason: String) -> JSON {
        [
            "type": .string(type), "status": "True", "reason": .string(reason), "message": "",
            "observedGeneration": 1, "lastTransitionTime": .string(Timestamp(Self.start).description),
        ]
    }

    /// Deletes a custom resource, and shows that to the informers.
    func delete(_ type: ResourceType, _ name: String) async throws {
        try await admin.delete(type, namespace: "flyte", name: name)
        hide(type, name)
    }
}

// MARK: What the informers see

extension ControllerBench {
    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "flyte", name: name) }

    /// The informers see the custom resource as it is stored.
    func show(_ type: ResourceType, _ name: String) async throws {
        let json = try await admin.get(type, namespace: "flyte", name: name)
        func set<Object>(_ store: Store<Decoded<Object>>) throws {
            store.apply(.set(key(name), try Decoded(json: json)))
        }
        switch type {
        case .dataPlanes: try set(informers.dataPlanes)
        case .executionLabels: try set(informers.executionLabels)
        case .executionClusterLabels: try set(informers.assignments)
        case .flyteProjects: try set(informers.projects)
        case .clusterRegistries: try set(informers.registries)
        default: throw UnknownKind(object: json)
        }
    }

    /// The informers see an object that does not fit its type any more.
    func showMalformed(_ type: ResourceType, _ name: String) async throws {
        var metadata = try ObjectMeta(
            json: await admin.get(type, namespace: "flyte", name: name, metadataOnly: true)["metadata"] ?? .null)
        metadata.generation = (metadata.generation ?? 0) + 1
        let failure = DecodingFailure(path: "spec.test", message: "is not text")
        func set<Object>(_ store: Store<Decoded<Object>>) {
            store.apply(.set(key(name), .malformed(metadata, failure)))
        }
        switch type {
        case .dataPlanes: set(informers.dataPlanes)
        case .executionLabels: set(informers.executionLabels)
        case .executionClusterLabels: set(informers.assignments)
        case .flyteProjects: set(informers.projects)
        default: set(informers.registries)
        }
    }

    /// The informers see that it is gone.
    func hide(_ type: ResourceType, _ name: String) {
        switch type {
        case .dataPlanes: informers.dataPlanes.apply(.remove(key(name)))
        case .executionLabels: informers.executionLabels.apply(.remove(key(name)))
        case .executionClusterLabels: informers.assignments.apply(.remove(key(name)))
        case .flyteProjects: informers.projects.apply(.remove(key(name)))
        default: informers.registries.apply(.remove(key(name)))
        }
    }

    /// Waits until it holds, looking again with each news of an agent or a watch.
    func until(_ holds: @escaping @Sendable () -> Bool) async { await news.wait { _ in holds() } }
}

// MARK: What the controllers do

extension ControllerBench {
    @discardableResult
    func reconcile(_ work: Work) async -> Controller<Work>.Outcome { await controllers.reconcile(work) }

    /// Plans what the changes wake, and forgets which work that was.
    func plan() async {
        await reconcile(.plan)
        _ = await woken()
    }

    /// Works on one key, then shows the informers what that wrote.
    @discardableResult
    func work(_ work: Work) async throws -> Controller<Work>.Outcome {
        let outcome = await reconcile(work)
        switch work {
        case .dataPlane(let name): try await show(.dataPlanes, name)
        case .executionLabel(let name): try await show(.executionLabels, name)
        case .assignment(let name): try await show(.executionClusterLabels, name)
        case .project(let name): try await show(.flyteProjects, name)
        case .registry(let name): try await show(.clusterRegistries, name)
        default: break
        }
        return outcome
    }

    /// Connects the data plane `a`, and waits until it has its one namespace, of the project `p`.
    func connectWithNamespace() async throws -> MemoryAPI {
        let plane = try await enroll("a")
        try await assign("p")
        await plan()
        try await connect("a")
        await until { self.pool["a"]?.progressReport.counts.synced == 1 }
        return plane
    }

    /// Works on a DataPlane until its agent is connected and its status says so.
    func connect(_ name: String) async throws {
        try await work(.dataPlane(name))
        await until { self.pool[name]?.facts.authorization == .granted }
        try await work(.dataPlane(name))
    }

    /// The keys that are due now or within that time. They leave the queue.
    func woken(within time: Duration = .zero) async -> Set<Work> {
        if time > .zero { clock.advance(by: time) }
        let mark = Work.project("the mark of the bench")
        queue.add(mark)
        var woken: Set<Work> = []
        repeat {
            guard let next = await queue.next() else { break }
            queue.finish(next, .done)
            woken.insert(next)
        } while queue.metrics.depth > 0
        woken.remove(mark)
        return woken
    }

    func stored<Spec>(_ type: CustomResource<Spec>.Type, _ name: String) async throws -> CustomResource<Spec> {
        try await admin.get(type, namespace: "flyte", name: name)
    }

    /// The reason of each condition in the stored status, by its type.
    func reasons<Spec>(_ type: CustomResource<Spec>.Type, _ name: String) async throws -> [String: String] {
        let conditions = try await stored(type, name).status?.conditions ?? []
        return Dictionary(conditions.map { ($0.type, $0.reason) }, uniquingKeysWith: { $1 })
    }

    /// Writes of statuses so far.
    var statusWrites: [MemoryAPI.Sent] { api.writes.filter { $0.target.contains("/status") } }
}

/// Gives a body a bench whose agents and watches run.
func withBench(
    identity: String? = "uid-of-flyte", _ body: @escaping @Sendable (ControllerBench) async throws -> Void
) async throws {
    let bench = try await ControllerBench(identity: identity)
    try await running({ await bench.run() }) { () async throws in try await body(bench) }
}

/// The events of the controllers.
final class RecordedEvents: EventPublisher {
    struct Event: Sendable, Hashable {
        var object: String
        var isWarning: Bool
        var reason: String
        var note: String
    }
    private let recorded = Locked<[Event]>([])
    var all: [Event] { recorded.withLock { $0 } }
    var reasons: [String] { all.map(\.reason) }

    func publish(
        regarding: ObjectMeta, type: ResourceType, isWarning: Bool, reason: String, action: String, note: String
    ) {
        recorded.withLock {
            $0.append(Event(object: regarding.name, isWarning: isWarning, reason: reason, note: note))
        }
    }
}

/// A server that nobody reaches.
private struct Nowhere: HTTPTransport {
    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse { throw refused }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream { throw refused }
    func close() {}
    private var refused: HTTPError { HTTPError(.connectFailed, "nobody is there", mayHaveBeenProcessed: false) }
}
