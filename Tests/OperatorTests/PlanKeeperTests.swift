import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import Testing

@testable import Operator

@Suite("The plan in step with the caches")
struct PlanKeeperTests {
    /// Caches that no watch fills: the test writes into their stores.
    private let caches = Caches(
        client: KubeClient(
            server: "https://nowhere.invalid", transport: HTTPClient(HTTPClientConfiguration(userAgent: "test")),
            authorization: NoAuthorization(), options: KubeClient.Options(userAgent: "test")),
        namespace: "flyte")
    private let keeper: PlanKeeper

    init() {
        keeper = PlanKeeper(caches, operatorNamespace: "flyte")
        caches.registries.apply(.replace([:]))
        caches.dataPlanes.apply(.replace([:]))
        caches.executionLabels.apply(.replace([:]))
        caches.projects.apply(.replace([:]))
        caches.assignments.apply(.replace([:]))
        keeper.found(namespaceUID: "uid")
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
        caches.assignments.apply(.set(key(name), .valid(object)))
        keeper.changed(.assignment(name))
    }
    private func set(generation: Int64 = 1, registry change: (inout ClusterRegistrySpec) -> Void) {
        var spec = ClusterRegistrySpec()
        change(&spec)
        let object = ClusterRegistry(metadata: metadata("flyte", generation: generation), spec: spec)
        caches.registries.apply(.set(key("flyte"), .valid(object)))
        keeper.changed(.registry("flyte"))
    }

    @Test("The first look reads everything, a later one what changed")
    func looks() {
        set(assignment: "a", "team1")
        #expect(keeper.inForce == nil)
        #expect(keeper.look(nil).diff.isCommon)
        #expect(keeper.inForce?.plan.namespaces.keys.sorted() == ["team1-development"])
        set(assignment: "b", "team2")
        let look = keeper.look(nil)
        #expect(look.diff.namespaces == ["team2-development"] && look.diff.assignments == ["b"])
        #expect(!look.diff.isCommon && look.diff.dataPlanes.isEmpty && look.references == nil)
        #expect(keeper.look(nil).diff.isEmpty)
    }

    @Test("Each revision names the namespaces that it changes, in random histories")
    func touched() throws {
        var random = SeededRandom(seed: 7)
        _ = keeper.look(nil)
        var before = try #require(keeper.inForce)
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
                    caches.assignments.apply(.remove(key(name)))
                    keeper.changed(.assignment(name))
                default:
                    set(assignment: name, "team\(Int.random(in: 0..<9, using: &random))", generation: generation)
                }
            }
            _ = keeper.look(nil)
            let now = try #require(keeper.inForce)
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
        _ = keeper.look(nil)
        #expect(keeper.inForce?.spec.mode == .observe)
        caches.registries.apply(.remove(key("flyte")))
        keeper.changed(.registry("flyte"))
        _ = keeper.look(nil)
        #expect(keeper.inForce?.spec.mode == .observe)
        set { $0.mode = .enforce }
        _ = keeper.look(nil)
        #expect(keeper.inForce?.spec.mode == .enforce)

        caches.registries.apply(.remove(key("flyte")))
        func first(_ own: Mode?, _ recorded: Mode) -> PlanInForce? {
            var object = DataPlane(metadata: metadata("dp"), spec: DataPlaneSpec(endpoint: "https://dp"))
            object.spec.mode = own
            object.status = DataPlaneStatus()
            object.status?.mode = recorded
            caches.dataPlanes.apply(.set(key("dp"), .valid(object)))
            let next = PlanKeeper(caches, operatorNamespace: "flyte")
            _ = next.look(nil)
            return next.inForce
        }
        #expect(first(nil, .observe)?.spec.mode == .observe)
        #expect(first(nil, .enforce)?.spec.mode == .enforce)
        #expect(first(.observe, .observe)?.spec.mode == .enforce, "that was its own")
    }

    @Test("It knows the generations that it was computed from")
    func generations() {
        set(assignment: "a", "team1")
        _ = keeper.look(nil)
        #expect(keeper.inForce?.knows(metadata("a")) == true)
        #expect(keeper.inForce?.knows(metadata("a", generation: 2)) == false)
        set(assignment: "a", "team1", generation: 2)
        _ = keeper.look(nil)
        #expect(keeper.inForce?.knows(metadata("a", generation: 2)) == true)
    }

    @Test("An assignment that broke counts as it was before; one that is gone does not")
    func broken() {
        set(assignment: "a", "team1")
        _ = keeper.look(nil)
        let failure = DecodingFailure(path: "spec.project", message: "is missing")
        caches.assignments.apply(.set(key("a"), .malformed(metadata("a", generation: 2), failure)))
        keeper.changed(.assignment("a"))
        #expect(keeper.look(nil).diff.namespaces.isEmpty)
        #expect(keeper.inForce?.plan.namespaces["team1-development"] != nil)
        caches.assignments.apply(.remove(key("a")))
        keeper.changed(.assignment("a"))
        #expect(keeper.look(nil).diff.namespaces == ["team1-development"])
    }

    @Test("A registry that broke changes nothing; after a restart it wants nothing")
    func brokenRegistry() {
        set(assignment: "a", "team1")
        set { $0.namespaceTemplate = "x-{{ project }}-{{ domain }}" }
        _ = keeper.look(nil)
        set(generation: 2) { $0.namespaceTemplate = "{{ unknown }}" }
        let diff = keeper.look(nil).diff
        #expect(diff.namespaces.isEmpty)
        #expect(diff.isCommon, "its status has to say so")
        #expect(keeper.inForce?.plan.namespaces.keys.sorted() == ["x-team1-development"])
        let fresh = PlanKeeper(caches, operatorNamespace: "flyte")
        _ = fresh.look(nil)
        #expect(fresh.inForce?.problem != nil && fresh.inForce?.plan.namespaces.isEmpty == true)
    }

    @Test("Once the identity is known, every data plane has its turn")
    func identity() {
        let keeper = PlanKeeper(caches, operatorNamespace: "flyte")
        _ = keeper.look(nil)
        #expect(keeper.inForce?.identity == nil)
        keeper.found(namespaceUID: "uid")
        #expect(keeper.look(nil).diff.isCommon)
        #expect(keeper.inForce?.identity?.id == "uid")
    }

    @Test("The objects' Secrets and ConfigMaps are named once they change")
    func references() {
        _ = keeper.look(nil)
        set { $0.templatesConfigMap = "templates" }
        #expect(keeper.look(nil).references?.configMaps == ["templates"])
        keeper.changed(.configMap("other"))
        #expect(keeper.look(nil).references == nil)
    }

    @Test("One assignment more wakes that assignment and the registry, and no data plane")
    func routing() async throws {
        let queue = WorkQueue<Work>(WorkQueueState(limit: 16))
        let router = EventRouter(queue: queue, plans: keeper, caches: caches)
        set { _ in }
        caches.dataPlanes.apply(
            .set(key("dp"), .valid(DataPlane(metadata: metadata("dp"), spec: DataPlaneSpec(endpoint: "https://dp")))))
        _ = keeper.look(nil)
        set(assignment: "a", "team1")
        let diff = keeper.look(nil).diff
        router.planChanged(diff, try #require(keeper.inForce))
        let woken: Set<Work?> = [await queue.next(), await queue.next()]
        #expect(woken == [.assignment("a"), .registry("flyte")])
        // ClusterProfiles of an earlier process are looked for a second later, once.
        #expect(await queue.next() == .clusterProfiles)
        #expect(queue.metrics.depth == 0 && queue.metrics.delayed == 0)
    }
}
