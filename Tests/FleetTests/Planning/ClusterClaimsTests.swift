import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("Which DataPlane has a cluster")
struct ClusterClaimsTests {
    private func claims(_ objects: [DataPlane], _ uids: [String: String]) -> ClusterClaims {
        var claims = ClusterClaims()
        for object in objects {
            let name = object.metadata.name
            claims.set(name, .init(object, uid: uids[name]))
        }
        return claims
    }
    private func messages(_ objects: [DataPlane], _ uids: [String: String]) -> [String: String] {
        let claims = claims(objects, uids)
        return objects.reduce(into: [:]) { $0[$1.metadata.name] = claims.message(of: $1.metadata.name) }
    }

    @Test("The older of two has the clusterName or cluster; a disabled one claims its name")
    func duplicates() {
        let planes = [
            dataPlane("young", age: 1) { $0.clusterName = "x" }, dataPlane("old", age: 5) { $0.clusterName = "x" },
            dataPlane("twin", age: 2), dataPlane("first", age: 3), dataPlane("off", age: 9) { $0.enabled = false },
        ]
        let messages = messages(planes, ["twin": "u", "first": "u", "old": "v", "off": "u"])
        #expect(Set(messages.keys) == ["young", "twin"])
        #expect(messages["young"] == "DataPlane old is older and has the clusterName x already")
        #expect(messages["twin"]?.contains("DataPlane first is older and is the same cluster") == true)
    }

    @Test("A server without an answer counts as the cluster that answers at its endpoint")
    func sameEndpoint() {
        let planes = ["a", "b"].enumerated().map { age, name in
            dataPlane(name, age: Double(age)) { $0.endpoint = "https://one" }
        }
        #expect(Set(messages(planes, ["a": "u"]).keys) == ["a"])
        #expect(messages(planes, [:]).isEmpty)
    }

    @Test("A change names every other DataPlane of which something else is said then")
    func neighbours() {
        var random = SeededRandom(seed: 1)
        func number(_ below: Int) -> Int { Int.random(in: 0..<below, using: &random) }
        let names = (0..<6).map { "dp\($0)" }
        var claims = ClusterClaims()
        var now: [String: ClusterClaims.Claim] = [:]
        for step in 0..<1_000 {
            let name = names[number(6)]
            let before = names.map { claims.message(of: $0) }
            let (clusterName, endpoint, isEnabled) = ("c\(number(4))", "https://\(number(3))", number(4) > 0)
            let object = dataPlane(name, age: Double(number(4))) {
                ($0.clusterName, $0.endpoint, $0.enabled) = (clusterName, endpoint, isEnabled)
            }
            let claim = number(5) == 0 ? nil : ClusterClaims.Claim(object, uid: number(3) == 0 ? nil : "u\(number(3))")
            let told = claims.set(name, claim)
            now[name] = claim
            for (index, other) in names.enumerated() where other != name && claims.message(of: other) != before[index] {
                #expect(told.contains(other), "step \(step)")
            }
            // The same claims in another order say the same.
            var anew = ClusterClaims()
            for (other, claim) in now { anew.set(other, claim) }
            #expect(names.map { anew.message(of: $0) } == names.map { claims.message(of: $0) })
            // For each cluster, at most one is not left alone.
            let working = now.filter { $0.value.isEnabled && $0.value.uid != nil && claims.message(of: $0.key) == nil }
            #expect(Set(working.values.map(\.uid)).count == working.count)
        }
    }
}
