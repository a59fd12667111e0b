import ControlLoop
import Fleet
import Kube
import KubeObjects
import Support

/// What the operator watches in its namespace of the control plane: the custom resources, and Secrets and ConfigMaps by name.
///
/// Runs on every replica, leader or not, so that a new leader starts with warm caches.
final class Caches: Sendable {
    let dataPlanes = Store<Decoded<DataPlane>>()
    let executionLabels = Store<Decoded<ExecutionLabel>>()
    let assignments = Store<Decoded<ExecutionClusterLabel>>()
    let projects = Store<Decoded<FlyteProject>>()
    let registries = Store<Decoded<ClusterRegistry>>()
    let secrets: NamedSecrets
    let configMaps: NamedConfigMaps
    /// What is published for flyteadmin, and what reads it.
    let published: NamedObjects<ConfigMap, ConfigMap>
    let deployments: NamedObjects<Deployment, Deployment>

    /// Of all of these.
    let doubts = ListDoubts()

    private let client: KubeClient
    private let namespace: String

    private let watcher: WatcherConfiguration

    init(client: KubeClient, namespace: String, watcher: WatcherConfiguration = WatcherConfiguration()) {
        self.watcher = watcher
        self.client = client
        self.namespace = namespace
        secrets = NamedSecrets(client: client, namespace: namespace, watcher: watcher, doubts: doubts)
        configMaps = NamedConfigMaps(client: client, namespace: namespace, watcher: watcher, doubts: doubts)
        published = NamedObjects(client: client, namespace: namespace, watcher: watcher, doubts: doubts) { kept, _ in
            kept
        }
        deployments = NamedObjects(client: client, namespace: namespace, watcher: watcher, doubts: doubts) { kept, _ in
            kept
        }
        // What nearly every registry names is read along with the custom resources; where none names it, the first plan
        // lets go of it again.
        secrets.follow([CredentialsReference.defaultSecretName])
        configMaps.follow([TemplatesInForce.flytesConfigMap])
    }

    /// - Parameter observer: told of every change of a watch's state, with the kind.
    func run(observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.watch(DataPlane.self, self.dataPlanes, observer) }
            group.addTask { await self.watch(ExecutionLabel.self, self.executionLabels, observer) }
            group.addTask { await self.watch(ExecutionClusterLabel.self, self.assignments, observer) }
            group.addTask { await self.watch(FlyteProject.self, self.projects, observer) }
            group.addTask { await self.watch(ClusterRegistry.self, self.registries, observer) }
            group.addTask { await self.secrets.run(observer) }
            group.addTask { await self.configMaps.run(observer) }
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

    private func watch<Object: KubeResource>(
        _ type: Object.Type, _ store: Store<Decoded<Object>>,
        _ observer: @escaping @Sendable (ResourceType, WatcherStatus) -> Void
    ) async {
        let source = client.listWatch(type, namespace: namespace, settings: .unlimited)
        let type = Object.resourceType
        await Watcher(
            source, into: store, configuration: watcher,
            observer: { status in
                self.doubts.watch(of: type.plural, isHeld: store.isReady, became: status)
                observer(type, status)
            }
        ).run()
    }
}

extension WatchSettings {
    /// Watches are few and must not wait behind writes for the client's rate limit.
    static var unlimited: WatchSettings { WatchSettings(isRateLimited: false) }
}

extension Store {
    /// The objects that fit their type, by name; none before the first complete list.
    func valid<Object: KubeObject>() -> [String: Object] where Value == Decoded<Object> {
        (snapshot ?? [:]).values.reduce(into: [:]) { result, value in
            if let object = value.object { result[object.metadata.name] = object }
        }
    }
}
