import JSON
import Support
import Testing

@testable import DevCluster

@Suite("Protocol Buffers bodies")
struct ProtobufTests {
    private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }
    private func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
    private func envelope(_ apiVersion: String, _ kind: String, _ object: [UInt8]) -> [UInt8] {
        Array("k8s\0".utf8) + field(1, field(1, apiVersion) + field(2, kind)) + field(2, object)
    }

    @Test("A ConfigMap becomes JSON without empty values, except in maps and lists")
    func configMap() {
        let metadata = field(1, "c") + field(2, "") + field(8, []) + field(11, field(1, "a") + field(2, ""))
        let body = envelope(
            "v1", "ConfigMap", field(1, metadata) + field(2, field(1, "k") + field(2, "v")) + [4 << 3, 1])
        #expect(
            ProtobufBody.json(of: body) == [
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c", "labels": ["a": ""]],
                "data": ["k": "v"], "immutable": true,
            ])
    }

    @Test("Values of Secrets become base64, times RFC 3339, and rules keep the empty group")
    func others() {
        let secret = ProtobufBody.json(of: envelope("v1", "Secret", field(2, field(1, "k") + field(2, "hi"))))
        #expect(secret?["data"] == ["k": "aGk="])
        let role = ProtobufBody.json(
            of: envelope(
                "rbac.authorization.k8s.io/v1", "Role", field(2, field(1, "get") + field(2, "") + field(3, "pods"))))
        #expect(role?["rules"] == [["verbs": ["get"], "apiGroups": [""], "resources": ["pods"]]])
        let lease = ProtobufBody.json(
            of: envelope("coordination.k8s.io/v1", "Lease", field(2, field(4, [1 << 3, 1, 2 << 3, 0xc0, 0x84, 0x3d]))))
        #expect(lease?["spec"]?["renewTime"] == "1970-01-01T00:00:01.001000Z")
    }

    @Test("Quantities, ports by number or name, and false flags read as kubectl means them")
    func workloads() {
        let quota = ProtobufBody.json(
            of: envelope("v1", "ResourceQuota", field(2, field(1, field(1, "cpu") + field(2, field(1, "4"))))))
        #expect(quota?["spec"] == ["hard": ["cpu": "4"]])
        let number = field(1, [3 << 3, 80] + field(4, [1 << 3, 0, 2 << 3, 80] + field(3, "")))
        let name = field(1, [3 << 3, 81] + field(4, [1 << 3, 1, 2 << 3, 0] + field(3, "http")))
        let service = ProtobufBody.json(of: envelope("v1", "Service", field(2, number + name)))
        #expect(
            service?["spec"] == ["ports": [["port": 80, "targetPort": 80], ["port": 81, "targetPort": "http"]]])
        let deployment = ProtobufBody.json(of: envelope("apps/v1", "Deployment", field(2, [1 << 3, 0, 7 << 3, 0])))
        #expect(deployment?["spec"] == ["replicas": 0])
    }

    @Test("Unknown kinds and garbage are passed on to be refused, and no cut body crashes")
    func garbage() {
        #expect(ProtobufBody.json(of: envelope("v1", "Pod", [])) == nil)
        #expect(ProtobufBody.json(of: Array("{}".utf8)) == nil)
        let body = envelope("v1", "ConfigMap", field(1, field(1, "c")) + field(2, field(1, "k") + field(2, "v")))
        for length in body.indices { _ = ProtobufBody.json(of: Array(body[..<length])) }
        var random = SeededRandom(seed: 42)
        for _ in 0..<20_000 {
            var broken = body
            for _ in 0..<3 {
                broken[Int(random.next() % UInt64(broken.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = ProtobufBody.json(of: broken)
        }
    }
}
