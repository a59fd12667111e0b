import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("ClusterProfiles")
struct ClusterProfileTests {
    private static func object(_ reachable: Condition.Status = .isTrue) -> DataPlane {
        var object = dataPlane("dp-1") {
            $0.clusterName = "dataplane_1"
            $0.endpoint = "https://dp1.example.com:6443"
            $0.connection.tlsServerName = "kubernetes"
        }
        var status = DataPlaneStatus()
        status.kubernetesVersion = "v1.36.0"
        status.clusterUID = "uid-1"
        for (type, condition) in [("Reachable", reachable), ("Available", Condition.Status.isTrue)] {
            status.conditions.append(
                Condition(
                    type: type, status: condition, reason: "ProbeSucceeded", message: "words of a server",
                    observedGeneration: 1, lastTransitionTime: Timestamp(now)))
        }
        object.status = status
        return object
    }
    private static func profile(_ object: DataPlane = object()) -> ClusterProfile {
        ClusterProfile(of: object, ca: Array("PEM".utf8), identity: "me")
    }
    private static func found(_ profile: ClusterProfile, _ change: (inout JSON) -> Void = { _ in }) throws
        -> ClusterProfile.Found
    {
        var json = profile.object(in: "kueue-system")
        json["status"] = profile.status
        change(&json)
        return ClusterProfile.Found(try DynamicObject(json: json))
    }

    @Test("It has server, CA, health, version and properties, and no credential")
    func content() throws {
        let profile = Self.profile()
        let cluster = try #require(profile.status["accessProviders"]?[0])
        #expect(cluster[path: ["cluster", "server"]] == "https://dp1.example.com:6443")
        #expect(cluster[path: ["cluster", "certificate-authority-data"]]?.string == Base64.encode(Array("PEM".utf8)))
        #expect(cluster[path: ["cluster", "tls-server-name"]] == "kubernetes")
        let config = cluster[path: ["cluster", "extensions"]]?[0]
        #expect(config?[path: ["extension", "clusterName"]] == "dp-1")
        let condition = try #require(profile.status["conditions"]?[0])
        #expect(condition["type"] == "ControlPlaneHealthy" && condition["status"] == "True")
        #expect(!condition.serializedString.contains("words of a server"))
        #expect(profile.status[path: ["version", "kubernetes"]] == "v1.36.0")
        let properties = (profile.status["properties"]?.array ?? []).compactMap { property -> String? in
            guard let name = property["name"]?.string, let value = property["value"]?.string else { return nil }
            return "\(name)=\(value)"
        }
        #expect(
            properties == [
                "clusterset.k8s.io/cluster-id=uid-1", "multicluster.flyte.org/cluster-name=dataplane_1",
                "multicluster.flyte.org/available=True", "multicluster.flyte.org/schedulable=true",
            ])
        var inCluster = Self.object()
        inCluster.spec.inCluster = true
        #expect(Self.profile(inCluster).status["accessProviders"] == [])
    }

    @Test("Only what differs is written, and a CRD that drops a field makes no writes")
    func differences() throws {
        let profile = Self.profile()
        let same = try Self.found(profile)
        #expect(!profile.needsObject(same) && !profile.needsStatus(same))
        #expect(profile.needsObject(nil) && profile.needsStatus(nil))
        let pruned = try Self.found(profile) { $0[path: ["status", "accessProviders"]] = nil }
        #expect(!profile.needsStatus(pruned))
        #expect(Self.profile(Self.object(.isFalse)).needsStatus(same))
        #expect(profile.needsObject(try Self.found(profile) { $0[path: ["spec", "displayName"]] = "other" }))
    }

    @Test("One of another cluster manager, or of another registry, is not ours")
    func owners() throws {
        let profile = Self.profile()
        #expect(try Self.found(profile).owner(otherThan: "me") == nil)
        #expect(try Self.found(profile).owner(otherThan: "you") == "the registry me")
        let other = try Self.found(profile) {
            $0[path: ["spec", "clusterManager", "name"]] = "open-cluster-management"
        }
        #expect(other.owner(otherThan: "me") == "the cluster manager open-cluster-management")
    }
}
