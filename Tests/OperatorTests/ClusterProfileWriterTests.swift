import Fleet
import JSON
import Kube
import KubeObjects
import Testing

@testable import Operator

@Suite("ClusterProfiles, with two faults at once")
struct ClusterProfileWriterTests {
    private let api = PathAPI()
    private var writer: ClusterProfileWriter {
        ClusterProfileWriter(
            client: KubeClient(
                server: "https://control-plane", transport: api, authorization: NoAuthorization(),
                options: .init(userAgent: "squadron-test")), identity: "me")
    }
    private static func profile(_ name: String = "dp") -> ClusterProfile {
        let spec = DataPlaneSpec(endpoint: "https://dp.example.com")
        return ClusterProfile(
            of: DataPlane(metadata: ObjectMeta(name: name, namespace: "flyte"), spec: spec), ca: nil, identity: "me")
    }
    private static func path(_ namespace: String, _ name: String = "dp") -> String {
        "/apis/multicluster.x-k8s.io/v1alpha1/namespaces/\(namespace)/clusterprofiles/\(name)"
    }
    private func found(_ namespace: String, _ name: String = "dp") throws -> ClusterProfile.Found? {
        try api.objects[Self.path(namespace, name)].map { ClusterProfile.Found(try DynamicObject(json: $0)) }
    }
    /// One of ours, or of another registry or manager.
    private func put(_ namespace: String, _ name: String = "dp", change: (inout JSON) -> Void = { _ in }) {
        var object = Self.profile(name).object(in: namespace)
        change(&object)
        api.put(Self.path(namespace, name), object)
    }

    @Test("Only profiles in namespaces that left the registry are deleted after a restart")
    func strays() async throws {
        for namespace in ["kept", "left", "also-left"] { put(namespace) }
        put("left", "theirs") { $0[path: ["spec", "clusterManager", "name"]] = "open-cluster-management" }
        put("left", "of-another") { $0[path: ["metadata", "annotations", Ownership.controlPlaneAnnotation]] = "you" }
        put("left", "unmarked") { $0[path: ["metadata", "annotations"]] = nil }
        #expect(try await writer.sweep(nil, except: ["kept"]).isEmpty)
        let left = api.objects.keys.sorted().map { $0.split(separator: "/").suffix(3).joined(separator: "/") }
        #expect(
            left == [
                "kept/clusterprofiles/dp", "left/clusterprofiles/of-another", "left/clusterprofiles/theirs",
                "left/clusterprofiles/unmarked",
            ])
        api.forgetRequests()
        #expect(try await writer.sweep(nil, except: ["kept"]).isEmpty)
        #expect(api.requests.count == 1 && api.writes.isEmpty)
    }

    @Test(
        "Without the right to list profiles, or without the kind, nothing fails", arguments: [403, 404])
    func notReadable(_ status: Int) async throws {
        put("left")
        api.add { $0.method == .get ? .refuses(status, "no") : nil }
        #expect(try await writer.sweep(nil, except: []).isEmpty)
        #expect(api.objects.count == 1)
    }

    @Test("A profile that changes before its delete, and a timeout, are tried again")
    func sweepAgain() async throws {
        put("left")
        // A second writer takes it over between the list and the delete.
        api.before { request, objects in
            guard request.method == .delete else { return }
            objects[Self.path("left")]?[path: ["spec", "clusterManager", "name"]] = "other"
            objects[Self.path("left")]?[path: ["metadata", "resourceVersion"]] = "99"
        }
        await #expect(throws: KubeError.self) { try await writer.sweep(nil, except: []) }
        api.add { $0.method == .get ? .timesOut : nil }
        await #expect(throws: KubeError.self) { try await writer.sweep(nil, except: []) }
        api.heal()
        #expect(try await writer.sweep(nil, except: []).isEmpty)
        #expect(api.objects.count == 1, "it is the other manager's now")
    }

    @Test("After a lost answer and a restart, the next process writes nothing twice")
    func lostAnswer() async throws {
        api.add { $0.path.hasSuffix("/status") ? .losesAnswer : nil }
        await #expect(throws: KubeError.self) { try await writer.keep(Self.profile(), in: "kueue", nil) }
        api.heal()
        api.forgetRequests()
        let found = try found("kueue")
        #expect(found != nil)
        #expect(try await writer.keep(Self.profile(), in: "kueue", found) == nil)
        #expect(api.writes.isEmpty)
    }

    @Test("A refusing webhook and another field manager have their own reasons")
    func refused() async throws {
        api.add { request in
            if request.path == Self.path("kueue", "a") { return .refuses(403, "a webhook says no") }
            return request.path == Self.path("kueue", "b") ? .conflict(manager: "other") : nil
        }
        let a = try await writer.keep(Self.profile("a"), in: "kueue", nil)
        #expect(a?.reason == "ClusterProfilesNotWritten" && a?.text.contains("a webhook says no") == true)
        let b = try await writer.keep(Self.profile("b"), in: "kueue", nil)
        #expect(b?.reason == "ClusterProfileNotOurs" && b?.text.contains("field manager other") == true)
        #expect(try await writer.keep(Self.profile("c"), in: "kueue", nil) == nil)
        #expect(try found("kueue", "c") != nil && api.objects.count == 1)
        // What may not be deleted is said, and kept.
        api.add { $0.method == .delete ? .refuses(403, "no right") : nil }
        let kept = try await writer.sweep("kueue", except: [])
        #expect(kept.first?.text.contains("is not wanted any more, and is still there") == true)
    }
}
