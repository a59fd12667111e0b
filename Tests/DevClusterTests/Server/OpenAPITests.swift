import JSON
import TestSupport
import Testing

@testable import DevCluster

@Suite("OpenAPI", .timeLimit(.minutes(patience)))
struct OpenAPITests {
    @Test("The v2 document comes as JSON or Protocol Buffers, with every kind in it")
    func version2() async throws {
        try await withCluster { cluster async throws in
            let client = TestClient.admin(cluster)
            let plain = try await client.get("/openapi/v2")
            #expect(plain.headers["Content-Type"] == "application/json")
            let definitions = try #require(plain.json["definitions"]?.object)
            let coded = try await client.send(
                .get, "/openapi/v2", headers: ["Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"])
            #expect(coded.headers["Content-Type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
            let document = try fields(coded.body[...])
            #expect(document[1].map { String(decoding: $0[0], as: UTF8.self) } == "2.0")
            let schemas = try fields(try #require(document[9]?.first))[1] ?? []
            var named: [String: ArraySlice<UInt8>] = [:]
            for schema in schemas {
                let entry = try fields(schema)
                named[String(decoding: try #require(entry[1]?.first), as: UTF8.self)] = entry[2]?.first
            }
            #expect(Set(named.keys) == Set(definitions.keys))
            let configMap = try fields(try #require(named["io.k8s.api.core.v1.ConfigMap"]))
            #expect(configMap[22].map { $0[0].dropFirst(2) } == Array("object".utf8)[...])
            #expect(configMap[31]?.isEmpty == false, "its group, version and kind")
            let properties = try fields(try #require(configMap[25]?.first))[1] ?? []
            #expect(properties.count == definitions["io.k8s.api.core.v1.ConfigMap"]?["properties"]?.object?.count)
        }
    }

    /// The length-delimited fields of a message, by number.
    private func fields(_ message: ArraySlice<UInt8>) throws -> [UInt64: [ArraySlice<UInt8>]] {
        var reader = ProtobufReader(message)
        var result: [UInt64: [ArraySlice<UInt8>]] = [:]
        while let field = try reader.next() {
            if case .bytes(let bytes) = field.value { result[field.number, default: []].append(bytes) }
        }
        return result
    }
}
