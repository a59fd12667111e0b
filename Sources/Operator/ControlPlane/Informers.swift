import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// What the operator watches in its namespace of the control plane: the custom resources, and Secrets and ConfigMaps by
/// name.
///
/// It runs on every replica, so that a new leader starts with complete informers.
final class Informers: Sendable {
    let dataPlanes = Store<Decoded<DataPlane>>()
    let executionLabels = Store<Decoded<ExecutionLabel>>()
    let assignments = Store<Decoded<ExecutionClusterLabel>>()
    let projects = Store<Decoded<FlyteProject>>()
    let registries = Store<Decoded<ClusterRegistry>>()
    /// Each stands between a watch and its store.
    private let holds: Holds
    let secrets: NamedSecrets
    let configMaps: NamedConfigMaps
    let labelledSecrets: LabelledSecrets
    let profiles: ProfileWatches
    /// The ConfigMap that we publish for flyteadmin, and the Deployments that read it.
    let published: NamedInformers<ConfigMap, ConfigMap>
    let deployments: NamedInformers<Deployment, Deployment>

    /// The doubts about all of these lists.
    let doubts = ListDoubts()
    let missingKinds = MissingKinds()

    private let client: KubeClient
    let namespace: String

    private let watcher: WatcherConfiguration

    private struct Holds: Sendable {
        var dataPlanes: DeletionHold<Decoded<DataPlane>>
        var executionLabels: DeletionHold<Decoded<ExecutionLabel>>
        var assignments: DeletionHold<Decoded<ExecutionClusterLabel>>
        var projects: DeletionHold<Decoded<FlyteProject>>
        var registries: DeletionHold<Decoded<ClusterRegistry>>
    }

    /// - Parameter deletionGrace: the least time for which a deleted object still counts.
    init(
        client: KubeClient, namespace: String, watcher: WatcherConfiguration = WatcherConfiguration(),
        deletionGrace: Duration = .seconds(10)
    ) {
        func hold<Object: KubeResource>(
            _ store: Store<Decoded<Object>>, _ missing: MissingKinds,
            claim: @escaping @Sendable (Object) -> String? = { _ in nil }
        ) -> DeletionHold<Decoded<Object>> {
            DeletionHold(
                of: Object.resourceType.kind, into: store, grace: deletionGrace, missing: missing
            ) { first, second in
                guard let first = first.object.flatMap(claim) else { return false }
                return first == second.object.flatMap(claim)
            }
        }
        holds = Holds(
            dataPlanes: hold(dataPlanes, missingKinds) { $0.clusterName },
            executionLabels: hold(executionLabels, missingKinds) { $0.label },
            assignments: hold(assignments, missingKinds) { object in
                let key = AdminRowKey(object.spec)
                return [key.project, key.domain, key.workflow].joined(separator: "/")
            },
            projects: hold(projects, missingKinds) { $0.spec.project },
            registries: hold(registries, missingKinds))
        self.watcher = watcher
        self.client = client
        self.namespace = namespace
        secrets = NamedSecrets(client: client, namespace: namespace, watcher: watcher, doubts: doubts)
        profiles = ProfileWatches(client: client, watcher: watcher)
        labelledSecrets = LabelledSecrets(
            client: client, namespace: namespace, watcher: watcher, grace: deletionGrace, doubts: doubts)
        configMaps = NamedConfigMaps(client: client, namespace: namespace, watcher: watcher, doubts: doubts)
        published = NamedInformers(client: client, namespace: namespace, watcher: watcher, doubts: doubts) { kept, _ in
            kept
        }
        deployments = NamedInformers(client: client, namespace: namespace, watcher: watcher, doubts: doubts) {
            kept, _ in
            kept
        }
        // Nearly every registry names these two, so they are read along with the custom resources. If no registry names
        // one, the first plan drops it again.
        secrets.follow([CredentialsReference.defaultSecretName])
        configMaps.follow([TemplatesInForce.flytesConfigMap])
    }

    /// - Parameter observer: called with the kind for every change of a watch's state.
    func run(observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.watch(DataPlane.self, self.holds.dataPlanes, observer) }
            group.addTask { await self.watch(ExecutionLabel.self, self.holds.executionLabels, observer) }
            group.addTask { await self.watch(ExecutionClusterLabel.self, self.holds.assignments, observer) }
            group.addTask { await self.watch(FlyteProject.self, self.holds.projects, observer) }
            group.addTask { await self.watch(ClusterRegistry.self, self.holds.registries, observer) }
            group.addTask { await self.secrets.run(observer) }
            group.addTask { await self.configMaps.run(observer) }
            group.addTask { await self.labelledSecrets.run(observer) }
            group.addTask { await self.profiles.run() }
            group.addTask { await self.published.run(observer) }
            group.addTask { await self.deployments.run(observer) }
        }
    }

    func ready() async throws(CancellationError) {
        try await dataPlanes.ready()
        try await executionLabels.ready()
        try await assignments.ready()
        try await projects.ready()
        try await registries.ready()
    }

    var areReady: Bool {
        dataPlanes.isReady && executionLabels.isReady && assignments.isReady && projects.isReady && registries.isReady
    }

    /// The key of an object in the operator's namespace.
    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }

    /// Whether a DataPlane was deleted although it still counts for what is published.
    func hasGone(dataPlane name: String) -> Bool {
        holds.dataPlanes.hasGone(key(name))
    }

    /// Called with a DataPlane's name when the answer of `hasGone` changes.
    var goneDataPlanes: Observers<String> { holds.dataPlanes.observers }

    private func watch<Object: KubeResource>(
        _ type: Object.Type, _ hold: DeletionHold<Decoded<Object>>,
        _ observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void
    ) async {
        let source = client.listWatch(type, namespace: namespace, settings: .unlimited)
        let type = Object.resourceType
        let watcher = Watcher(
            source, into: hold.feed, configuration: watcher,
            observer: { status in
                hold.watch(became: status)
                self.doubts.watch(of: type.plural, isHeld: hold.feed.isReady, became: status)
                observer(type, status)
            }
        )
        // The watch finds the objects. This list only asks whether the kind exists.
        let collection = KubeCollection(type, namespace: namespace, metadataOnly: true)
        let client = client
        await withDiscardingTaskGroup { group in
            group.addTask { await watcher.run() }
            group.addTask {
                await hold.run(poke: { watcher.poke() }) { () async throws(KubeError) in
                    _ = try await client.list(PartialObject.self, of: collection, limit: 1, isRateLimited: false)
                }
            }
        }
    }
}

extension WatchSettings {
    /// Watches are few and must not wait behind writes for the client's rate limit.
    static var unlimited: WatchSettings { WatchSettings(isRateLimited: false) }
}

extension Store {
    /// The objects that fit their type, by name. Empty before the first complete list.
    func valid<Object: KubeObject>() -> [String: Object] where Value == Decoded<Object> {
        (snapshot ?? [:]).values.reduce(into: [:]) { result, value in
            if let object = value.object { result[object.metadata.name] = object }
        }
    }
}
