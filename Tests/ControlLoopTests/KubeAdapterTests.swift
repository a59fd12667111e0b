import HTTP
import JSON
import Kube
import KubeObjects
import Support
import TestSupport
import Testing

@testable import ControlLoop

/// The adapters against an API server of one collection, in memory, behind the real client.
@Suite("Lease and events at an API server", .timeLimit(.minutes(patience)))
struct KubeAdapterTests {
    /// Stores whole objects by path; knows POST, GET, PUT with resourceVersion and merge patches of top-level members.
    final class Transport: HTTPTransport {
        private let state = Locked<(objects: [String: JSON], version: Int)>(([:], 0))

        subscript(path: String) -> JSON? { state.withLock { $0.objects[path] } }

        func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            var path = request.url.split(separator: "?")[0].dropFirst("https://api".count).description
            let body = request.body.flatMap { try? JSON(parsing: $0) } ?? .null
            if request.method == .post { path += "/" + (body[path: ["metadata", "name"]]?.string ?? "") }
            let (status, answer): (Int, JSON) = state.withLock { state in
                let known = state.objects[path]
                func refusal(_ code: Int, _ reason: String) -> (Int, JSON) {
                    (
                        code,
                        [
                            "kind": "Status", "status": "Failure", "code": .int(Int64(code)), "reason": .string(reason),
                            "details": ["name": "x", "kind": "x"],
                        ]
                    )
                }
                var new: JSON
                switch request.method {
                case .get: return known.map { (200, $0) } ?? refusal(404, "NotFound")
                case .post:
                    guard known == nil else { return refusal(409, "AlreadyExists") }
                    new = body
                case .put:
                    guard let known else { return refusal(404, "NotFound") }
                    guard known[path: ["metadata", "resourceVersion"]] == body[path: ["metadata", "resourceVersion"]]
                    else {
                        return refusal(409, "Conflict")
                    }
                    new = body
                case .patch:
                    guard let known else { return refusal(404, "NotFound") }
                    new = known
                    for (key, value) in body.object ?? [:] { new[key] = value }
                case .head, .delete: return refusal(405, "MethodNotAllowed")
                }
                state.version += 1
                new[path: ["metadata", "resourceVersion"]] = .string(String(state.version))
                state.objects[path] = new
                return (200, new)
            }
            return HTTPResponse(
                status: status, headers: ["Content-Type": "application/json"], body: answer.serialized())
        }
        func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
            throw HTTPError(.other, "not used here", mayHaveBeenProcessed: false)
        }
        func close() {}
    }

    let transport = Transport()
    var client: KubeClient {
        KubeClient(
            server: "https://api", transport: transport, authorization: NoAuthorization(),
            options: KubeClient.Options(userAgent: "test"))
    }
    static let record = LeaseRecord(
        holder: "a", leaseDurationSeconds: 15, acquireTime: MicroTimestamp(Instant(secondsSince1970: 1_700_000_000)),
        renewTime: MicroTimestamp(Instant(secondsSince1970: 1_700_000_001)), transitions: 3)

    @Test("A Lease is created once, read back, and updated only at the version it has")
    func lease() async throws {
        let (mine, other) = (
            KubeLeaseStore(client, namespace: "flyte", name: "squadron"),
            KubeLeaseStore(client, namespace: "flyte", name: "squadron")
        )
        #expect(try await mine.get() == nil)
        let created = try await mine.create(Self.record)
        #expect(created.record == Self.record)
        await #expect(throws: LeaseStoreError.conflict) { try await other.create(Self.record) }
        #expect(try await other.get() == created)

        var record = Self.record
        record.holder = ""
        let updated = try await mine.update(record, version: created.version)
        #expect(updated.record.holder == "" && updated.version != created.version)
        await #expect(throws: LeaseStoreError.conflict) { try await other.update(record, version: created.version) }
    }

    @Test("An update keeps what others put on the Lease")
    func foreignFields() async throws {
        let store = KubeLeaseStore(client, namespace: "flyte", name: "squadron")
        _ = try await store.create(Self.record)
        let type = Lease.resourceType
        var foreign = try await client.get(type, namespace: "flyte", name: "squadron")
        foreign[path: ["metadata", "labels"]] = ["theirs": "yes"]
        foreign[path: ["spec", "strategy"]] = "OldestEmulationVersion"
        try await client.mergePatch(
            ["metadata": foreign["metadata"] ?? .null, "spec": foreign["spec"] ?? .null], type: type,
            namespace: "flyte", name: "squadron")
        let read = try #require(try await store.get())
        _ = try await store.update(Self.record, version: read.version)
        let stored = transport["/apis/coordination.k8s.io/v1/namespaces/flyte/leases/squadron"]
        #expect(stored?[path: ["metadata", "labels", "theirs"]] == "yes")
        #expect(stored?[path: ["spec", "strategy"]] == "OldestEmulationVersion")
        #expect(stored?[path: ["spec", "holderIdentity"]] == "a")
    }

    @Test("An elector leads with a Lease of an API server and releases it")
    func elector() async throws {
        let store = KubeLeaseStore(client, namespace: "flyte", name: "squadron")
        try await LeaderElector(store, identity: "a", timeline: TestClock().timeline).run { #expect($0.isValid) }
        #expect(try await store.get()?.record.holder == "")
    }

    @Test("Events are created and their series updated")
    func events() async {
        let clock = TestClock()
        let recorder = EventRecorder(KubeEventSink(client), reportingInstance: "pod", timeline: clock.timeline)
        await running(recorder.run) {
            for _ in 0..<2 {
                recorder.record(EventReport(.normal, EventTests.subject, reason: "Synced", action: "Sync", note: "ok"))
            }
            #expect(await recorder.drained(within: .seconds(1)))
        }
        #expect(recorder.metrics.sent == 2 && recorder.metrics.failed == 0)
    }
}
