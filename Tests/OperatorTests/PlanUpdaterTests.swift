import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import Testing

@testable import Operator

@Suite("The plan in step with the informers")
struct PlanUpdaterTests {
    /// Informers that no watch fills: the test writes into their stores.
    private let informers: Informers
    private let client = KubeClient(
        server: "https://nowhere.invalid", transport: HTTPClient(HTTPClientConfiguration(userAgent: "test")),
        authorization: NoAuthorization(), options: KubeClient.Options(userAgent: "test"))
    private let updater: PlanUpdater

    init() {
        informers = Informers(client: client, namespace: "flyte")
        updater = PlanUpdater(informers, operatorNamespace: "flyte")
        informers.showNoCustomResources()
        updater.found(namespaceUID: "uid")
    }

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "flyte", name: name) }
    private func metadata(_ name: String, generation: Int64 = 1) -> ObjectMeta {
        var metadata = ObjectMeta(name: name, namespace: "flyte")
        (metadata.uid, metadata.generation) = ("uid-\(name)", generation)
        return metadata
    }
    private func set(assignment name: String, _ project: String, generation: Int64 = 1) {
        let spec = ExecutionClusterLabelSpec(project: project, domain: "development", value: "label1")
        let object = ExecutionClusterLabel(metadata: metadata(name, generation: generation), spec: spec)
        informers.assignments.apply(.set(key(name), .valid(object)))
        updater.changed(.assignment(name))
    }
    private func set(generation: Int64 = 1, registry change: (inout ClusterRegistrySpec) -> Void) {
        var spec = ClusterRegistrySpec()
        change(&spec)
        let object = ClusterRegistry(metadata: metadata("flyte", generation: generation), spec: spec)
        informers.registries.apply(.set(key("flyte"), .valid(object)))
        updater.changed(.registry("flyte"))
    }

    @Test("The first look reads everything, a later one what changed")
    func looks() {
        set(assignment: "a", "team1")
        #expect(updater.inForce == nil)
        #expect(updater.update(nil).diff.isCommon)
        #expect(updater.inForce?.plan.namespaces.keys.sorted() == ["team1-development"])
        set(assignment: "b", "team2")
        let update = updater.update(nil)
        #expect(update.diff.namespaces == ["team2-development"] && update.diff.assignments == ["b"])
        #expect(!update.diff.isCommon && update.diff.dataPlanes.isEmpty && update.references == nil)
        #expect(updater.update(nil).diff.isEmpty)
    }

    @Test("Each revision names the namespaces that it changes, in random histories")
    func touched() throws {
        var random = SeededRandom(seed: 7)
        _ = updater.update(nil)
        var before = try #require(updater.inForce)
        var generation: Int64 = 1
        for step in 0..<2_000 {
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                generation += 1
                let name = "a\(Int.random(in: 0..<12, using: &random))"
                switch Int.random(in: 0..<8, using: &random) {
                case 0:
                    set(generation: generation) {
                        $0.syncScope = Bool.random(using: &random) ? .all : .labelled
                        $0.values = ["a": .integer(.random(in: 0..<3, using: &random))]
                    }
                case 1, 2:
                    informers.assignments.apply(.remove(key(name)))
                    updater.changed(.assignment(name))
                default:
                    set(assignment: name, "team\(Int.random(in: 0..<9, using: &random))", generation: generation)
                }
            }
            _ = updater.update(nil)
            let now = try #require(updater.inForce)
            #expect(now.revision == before.revision + 1)
            if let touched = now.touched {
                let names = Set(now.fingerprints.keys).union(before.fingerprints.keys)
                let differ = names.filter { now.fingerprints[$0] != before.fingerprints[$0] }
                #expect(differ.isSubset(of: touched), "step \(step)")
                #expect(now.spec.syncScope == before.spec.syncScope)
            }
            before = now
        }
    }

    @Test("Without a registry the mode before it stays, also from one process to the next")
    func mode() {
        set { $0.mode = .observe }
        _ = updater.update(nil)
        #expect(updater.inForce?.spec.mode == .observe)
        informers.registries.apply(.remove(key("flyte")))
        updater.changed(.registry("flyte"))
        _ = updater.update(nil)
        #expect(updater.inForce?.spec.mode == .observe)
        set { $0.mode = .enforce }
        _ = updater.update(nil)
        #expect(updater.inForce?.spec.mode == .enforce)

        informers.registries.apply(.remove(key("flyte")))
        func first(_ own: Mode?, _ recorded: Mode) -> PlanInForce? {
            var object = DataPlane(metadata: metadata("dp"), spec: DataPlaneSpec(endpoint: "https://dp"))
            object.spec.mode = own
            object.status = DataPlaneStatus()
            object.status?.mode = recorded
            informers.dataPlanes.apply(.set(key("dp"), .valid(object)))
            let next = PlanUpdater(informers, operatorNamespace: "flyte")
            _ = next.update(nil)
            return next.inForce
        }
        #expect(first(nil, .observe)?.spec.mode == .observe)
        #expect(first(nil, .enforce)?.spec.mode == .enforce)
        #expect(first(.observe, .observe)?.spec.mode == .enforce, "that was its own")
    }

    @Test("It knows the generations that it was computed from")
    func generations() {
        set(assignment: "a", "team1")
        _ = updater.update(nil)
        #expect(updater.inForce?.knows(metadata("a")) == true)
        #expect(updater.inForce?.knows(metadata("a", generation: 2)) == false)
        set(assignment: "a", "team1", generation: 2)
        _ = updater.update(nil)
        #expect(updater.inForce?.knows(metadata("a", generation: 2)) == true)
    }

    @Test("An assignment that broke counts as it was before; one that is gone does not")
    func broken() {
        set(assignment: "a", "team1")
        _ = updater.update(nil)
        let failure = DecodingFailure(path: "spec.project", message: "is missing")
        informers.assignments.apply(.set(key("a"), .malformed(metadata("a", generation: 2), failure)))
        updater.changed(.assignment("a"))
        #expect(updater.update(nil).diff.namespaces.isEmpty)
        #expect(updater.inForce?.plan.namespaces["team1-development"] != nil)
        informers.assignments.apply(.remove(key("a")))
        updater.changed(.assignment("a"))
        #expect(updater.update(nil).diff.namespaces == ["team1-development"])
    }

    @Test("A registry that broke changes nothing; after a restart it wants nothing")
    func brokenRegistry() {
        set(assignment: "a", "team1")
        set { $0.namespaceTemplate = "x-{{ project }}-{{ domain }}" }
        _ = updater.update(nil)
        set(generation: 2) { $0.namespaceTemplate = "{{ unknown }}" }
        let diff = updater.update(nil).diff
        #expect(diff.namespaces.isEmpty)
        #expect(diff.isCommon, "its status has to say so")
        #expect(updater.inForce?.plan.namespaces.keys.sorted() == ["x-team1-development"])
        let fresh = PlanUpdater(informers, operatorNamespace: "flyte")
        _ = fresh.update(nil)
        #expect(fresh.inForce?.problem != nil && fresh.inForce?.plan.namespaces.isEmpty == true)
    }

    @Test("Once the identity is known, every data plane has its turn")
    func identity() {
        let updater = PlanUpdater(informers, operatorNamespace: "flyte")
        _ = updater.update(nil)
        #expect(updater.inForce?.identity == nil)
        updater.found(namespaceUID: "uid")
        #expect(updater.update(nil).diff.isCommon)
        #expect(updater.inForce?.identity?.id == "uid")
    }

    @Test("The objects' Secrets and ConfigMaps are named once they change")
    func references() {
        _ = updater.update(nil)
        set { $0.templatesConfigMap = "templates" }
        #expect(updater.update(nil).references?.configMaps == ["templates"])
        updater.changed(.configMap("other"))
        #expect(updater.update(nil).references == nil)
    }

    @Test("One assignment more wakes that assignment and the registry, and no data plane")
    func routing() async throws {
        let queue = WorkQueue<Work>(WorkQueueState(limit: 16))
        let router = EventRouter(
            queue: queue, plans: updater, informers: informers,
            statuses: StatusWriter(client: client, mayWrite: { false }))
        set { _ in }
        informers.dataPlanes.apply(
            .set(key("dp"), .valid(DataPlane(metadata: metadata("dp"), spec: DataPlaneSpec(endpoint: "https://dp")))))
        _ = updater.update(nil)
        set(assignment: "a", "team1")
        let diff = updater.update(nil).diff
        router.planChanged(diff, try #require(updater.inForce))
        let woken: Set<Work?> = [await queue.next(), await queue.next()]
        #expect(woken == [.assignment("a"), .registry("flyte")])
        // ClusterProfiles of an earlier process are looked for a second later, once.
        #expect(await queue.next() == .clusterProfiles)
        #expect(queue.metrics.depth == 0 && queue.metrics.delayed == 0)
    }
}
