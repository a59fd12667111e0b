import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import Testing

@testable import Operator

/// The control plane's API server with the ControllerRevisions alone.
private final class RevisionServer: HTTPTransport {
    private let objects = Locked<[String: JSON]>([:])
    var names: [String] { objects.withLock { $0.keys.sorted() } }
    /// How many more objects it fails to make.
    let refusals = Locked(0)

    func state(_ name: String) -> String? {
        objects.withLock { $0[name]?[path: ["metadata", "annotations", RolloutNames.state]]?.string }
    }
    func edit(_ name: String, _ text: String?) {
        objects.withLock {
            $0[name]?[path: ["metadata", "annotations", RolloutNames.state]] = text.map { .string($0) }
        }
    }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let last = request.url.split(separator: "?").first?.split(separator: "/").last.map(String.init) ?? ""
        let body = request.body.flatMap { try? JSON(parsing: $0) } ?? .null
        let isRefused =
            request.method == .post
            && refusals.withLock { refusals in
                defer { refusals = max(0, refusals - 1) }
                return refusals > 0
            }
        let (status, answer) = objects.withLock { objects -> (Int, JSON) in
            switch request.method {
            case .post where isRefused: return (503, Self.status(503, "ServiceUnavailable"))
            case .get:
                let list: JSON = [
                    "kind": "ControllerRevisionList", "apiVersion": "apps/v1", "metadata": ["resourceVersion": "1"],
                    "items": .array(objects.values.map { $0 }),
                ]
                return (200, list)
            case .post:
                let name = body[path: ["metadata", "name"]]?.string ?? ""
                if objects[name] != nil { return (409, Self.status(409, "AlreadyExists")) }
                objects[name] = body
                return (201, body)
            case .patch:
                guard let object = objects[last] else { return (404, Self.status(404, "NotFound")) }
                var new = object
                let annotation = body[path: ["metadata", "annotations", RolloutNames.state]]
                new[path: ["metadata", "annotations", RolloutNames.state]] =
                    annotation?.isNull == true ? nil : annotation
                objects[last] = new
                return (200, new)
            case .delete:
                objects[last] = nil
                return (200, ["kind": "Status", "status": "Success"])
            default: return (405, .null)
            }
        }
        var response = HTTPResponse(status: status)
        response.body = answer.serialized()
        return response
    }
    private static func status(_ code: Int64, _ reason: String) -> JSON {
        [
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": .int(code), "reason": .string(reason),
            "message": "no",
        ]
    }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.closed, "no streams here", mayHaveBeenProcessed: false)
    }
    func close() {}
}

@Suite("Replicas that keep the revisions of a staged rollout")
struct RolloutLeaderTests {
    private let server = RevisionServer()
    private let client: KubeClient
    private let informers: Informers
    private let updater: PlanUpdater

    init() {
        client = KubeClient(
            server: "https://control-plane", transport: server, authorization: NoAuthorization(),
            options: .init(userAgent: "squadron-test"))
        informers = Informers(client: client, namespace: "flyte")
        updater = PlanUpdater(informers, operatorNamespace: "flyte")
        informers.showNoCustomResources()
        updater.found(namespaceUID: "uid")
    }

    private func leader() -> StoredRollout {
        let router = EventRouter(
            queue: WorkQueue(), plans: updater, informers: informers,
            statuses: StatusWriter(client: client, mayWrite: { false }))
        return StoredRollout(
            store: RevisionStore(client: client, namespace: "flyte"), router: router, timeline: .continuous)
    }

    /// Two data planes, with values of that text.
    private func plan(_ value: String, applied: [String: Int64] = [:], isTold: Bool = false) -> PlanInForce? {
        func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "flyte", name: name) }
        var spec = ClusterRegistrySpec()
        spec.values = ["cpu": .string(value)]
        spec.rollout.type = .progressive
        spec.rollout.groups = [["a"]]
        var registry = ClusterRegistry(metadata: ObjectMeta(name: "flyte", namespace: "flyte"), spec: spec)
        if isTold {
            registry.status = ClusterRegistryStatus()
            registry.status?.rollout = RolloutStatus(StagedRollout(first: 2))
        }
        informers.registries.apply(.set(key("flyte"), .valid(registry)))
        updater.changed(.registry("flyte"))
        for name in ["a", "b"] {
            var object = DataPlane(
                metadata: ObjectMeta(name: name, namespace: "flyte"), spec: DataPlaneSpec(endpoint: "https://\(name)"))
            if let revision = applied[name] {
                object.status = DataPlaneStatus()
                object.status?.appliedRevision = revision
            }
            informers.dataPlanes.apply(.set(key(name), .valid(object)))
            updater.changed(.dataPlane(name))
        }
        _ = updater.update(nil)
        return updater.inForce
    }

    private func reconcile(_ leader: StoredRollout, _ plan: PlanInForce?) async throws -> RolloutStatus? {
        let plan = try #require(plan)
        _ = try await leader.reconcile(plan) { _ in ["a": StagedRollout.Member(), "b": StagedRollout.Member()] }
        return leader.report.status
    }

    @Test("A leader that is overtaken writes no second revision and takes the other's state")
    func overtaken() async throws {
        let (old, new) = (leader(), leader())
        let first = plan("1")
        _ = try await reconcile(old, first)
        _ = try await reconcile(new, first)
        #expect(server.names == ["squadron-flyte-1"])
        let second = plan("2")
        let told = try await reconcile(new, second)
        #expect(told?.revision == 2 && told?.current == ["a"])
        let stored = server.state("squadron-flyte-2")
        // It believes that there is no revision 2 yet.
        await #expect(throws: KubeError.self) { try await reconcile(old, second) }
        #expect(old.report.problem?.contains("revisions of the rollout") == true)
        let after = try await reconcile(old, second)
        #expect(after == told && server.names == ["squadron-flyte-1", "squadron-flyte-2"])
        #expect(server.state("squadron-flyte-2") == stored && old.report.problem == nil)
    }

    @Test("A revision that can't be stored gets its number again at the next attempt")
    func notStored() async throws {
        let leader = leader()
        _ = try await reconcile(leader, plan("1"))
        let second = plan("2")
        server.refusals.withLock { $0 = 3 }
        for _ in 0..<3 {
            await #expect(throws: KubeError.self) { try await reconcile(leader, second) }
        }
        let told = try await reconcile(leader, second)
        #expect(told?.revision == 2 && told?.current == ["a"])
        #expect(server.names == ["squadron-flyte-1", "squadron-flyte-2"])
    }

    @Test(
        "A state broken or removed by hand does not bring the newest to all at once",
        arguments: ["{broken", "{}", nil])
    func handEdit(_ text: String?) async throws {
        _ = try await reconcile(leader(), plan("1"))
        _ = try await reconcile(leader(), plan("2", applied: ["a": 1, "b": 1]))
        server.edit("squadron-flyte-2", text)
        let told = try await reconcile(leader(), plan("2", applied: ["a": 1, "b": 1], isTold: true))
        #expect(told?.revision == 2 && told?.current == ["a"] && server.names.count == 2)
        let state = try JSON(parsing: server.state("squadron-flyte-2") ?? "null")
        #expect(state["assigned"]?["b"] == 1, "\(state)")
    }
}
