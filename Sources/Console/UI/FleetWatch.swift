import ControlLoop
import Fleet
import JSON
import Kube
import KubeObjects
import Support

/// Follows the custom resources and the operator's Events by watches, with the user's own rights. It reads no Secrets.
final class FleetWatch: Sendable {
    /// Changes when there is something new to show.
    let changed = Signal()

    private let reader: ControlPlaneReader
    private let timeline: Timeline
    private let stores: [(type: ResourceType, store: Store<DynamicObject>)]
    private let events = Store<FleetEvent>()
    /// Why a kind can't be read now, by plural.
    private let failing = Locked<[String: String]>([:])
    /// What is polled: it is small, or few users may watch it.
    private struct Polled {
        var lease: Lease?
        var configMaps: [String: ControlPlaneObjects.ConfigMapReading] = [:]
    }
    private let polled = Locked(Polled())
    private static let pollInterval = Duration.seconds(20)
    /// The limit for one kind: more can't be shown.
    private static let objectsLimit = 50_000

    init(_ reader: ControlPlaneReader, timeline: Timeline = .continuous) {
        self.reader = reader
        self.timeline = timeline
        stores = ControlPlaneReader.kinds.map { ($0, Store<DynamicObject>()) }
        let changed = changed
        for (_, store) in stores { store.subscribe { _ in changed.advance() } }
        events.subscribe { _ in changed.advance() }
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            for (type, store) in stores {
                group.addTask { await self.watch(type, into: store) { $0.object } }
            }
            group.addTask {
                let selector = "reportingComponent=\(FleetEvent.controller)"
                await self.watch(FleetEvent.type, selector, into: self.events) {
                    $0.object.flatMap { FleetEvent($0.json) }
                }
            }
            group.addTask { await self.poll() }
        }
    }

    /// The present state. Kinds whose first list has not arrived are empty.
    func page(now: Instant) -> FleetPage {
        let polled = polled.withLock { $0 }
        var objects = objects
        objects.lease = polled.lease
        for (name, reading) in polled.configMaps { objects.add(configMap: name, reading) }
        let troubles = failing.withLock { $0 }.sorted { $0.key < $1.key }.map { "\($0.key) can't be read: \($0.value)" }
        let events = (events.snapshot ?? [:]).values.map { $0 }
        return FleetPage(objects, events: events, troubles: troubles, now: now)
    }

    /// Whether each kind has been listed, or can't be.
    var isComplete: Bool {
        let failing = failing.withLock { Set($0.keys) }
        return stores.allSatisfy { $0.store.isReady || failing.contains($0.type.plural) }
    }

    private var objects: ControlPlaneObjects {
        var objects = ControlPlaneObjects(namespace: reader.namespace)
        for (type, store) in stores { objects.add(type, (store.snapshot ?? [:]).values.map { $0 }) }
        return objects
    }

    private func watch<Value: Sendable>(
        _ type: ResourceType, _ fieldSelector: String? = nil, into store: Store<Value>,
        keeping: @escaping @Sendable (Decoded<DynamicObject>) -> Value?
    ) async {
        // The page only shows objects, so it shows even a list that lacks many.
        var configuration = WatcherConfiguration()
        configuration.listGuard = .off
        configuration.maximumObjects = Self.objectsLimit
        let source = reader.client.listWatch(
            DynamicObject.self,
            of: KubeCollection(type, namespace: reader.namespace, fieldSelector: fieldSelector))
        let watcher = Watcher(
            source, into: store, configuration: configuration, timeline: timeline,
            observer: { [failing, changed] status in
                let trouble: String?
                switch status {
                case .failing(let error, _, _): trouble = "\(error)".shownOnTerminal(limit: 300)
                case .full(let objects): trouble = "there are \(objects) of them, which is too many to show"
                case .synced, .following: trouble = nil
                default: return
                }
                let before = failing.withLock { failing in
                    defer { failing[type.plural] = trouble }
                    return failing[type.plural]
                }
                if before != trouble { changed.advance() }
            }, room: { Self.objectsLimit }, project: keeping)
        await watcher.run()
    }

    /// Polls the operator's Lease, and the ConfigMaps that placement and discovered projects need. If the user may not
    /// read them, the page shows less.
    private func poll() async {
        while !Task.isCancelled {
            let began = timeline.now
            var next = Polled()
            next.lease = try? await reader.lease()
            for name in configMapNames {
                next.configMaps[name] = (try? await reader.configMap(name)) ?? .unreadable("it could not be read")
            }
            polled.withLock { [next] in $0 = next }
            changed.advance()
            // The names are known once the registry is.
            let pause = stores[0].store.isReady ? Self.pollInterval : .seconds(1)
            await timeline.sleep(until: began + pause)
        }
    }

    private var configMapNames: Set<String> {
        let registry = objects.registry
        var names: Set<String> = []
        if registry?.spec("flyteAdmin", "projectDiscovery")?.bool == true {
            names.insert(DiscoveredProjects.configMapName)
        }
        if registry?.spec("publish") != nil {
            let name = registry?.spec("publish", "clustersConfigMap", "name")?.string
            names.insert(name ?? "flyte-admin-clusters-config")
        }
        return names
    }
}
