import JSON
import KubeObjects
import Support
import Testing

@Suite("Objects from JSON")
struct ObjectTests {
    @Test("Metadata is read whole, and null counts as absent")
    func metadata() throws {
        let meta = try ObjectMeta(
            json: JSON(
                parsing: """
                    {"name": "a", "namespace": "", "uid": "u", "resourceVersion": "7", "generation": 3,
                     "creationTimestamp": "2026-01-02T03:04:05Z", "deletionTimestamp": null,
                     "labels": {"x": "1"}, "annotations": null, "finalizers": ["f"],
                     "ownerReferences": [{"apiVersion": "v1", "kind": "K", "name": "o", "uid": "p", "controller": true}, 7],
                     "managedFields": [{"manager": "m", "operation": "Apply", "fieldsV1": {"f:a": {}}}, "nonsense"],
                     "unknown": {}}
                    """))
        #expect(meta.key == ObjectKey(name: "a"))
        #expect(meta.resourceVersion == "7")
        #expect(meta.generation == 3)
        #expect(meta.creationTimestamp?.description == "2026-01-02T03:04:05Z")
        #expect(meta.deletionTimestamp == nil)
        #expect(meta.labels == ["x": "1"])
        #expect(meta.annotations == nil)
        #expect(meta.finalizers == ["f"])
        #expect(meta.ownerReferences?.count == 1)
        #expect(meta.managedFields?.count == 1)
    }

    @Test(
        "Metadata that does not fit names the field",
        arguments: [
            (#"{}"#, "name: required, but missing"),
            (#"{"name": ""}"#, "name: required, but missing"),
            (#"{"name": 3}"#, "name: expected a string, found a number"),
            (#"{"name": "a", "labels": {"x": 1}}"#, "labels.x: expected a string, found a number"),
            (#"{"name": "a", "labels": []}"#, "labels: expected an object, found an array"),
            (#"{"name": "a", "finalizers": ["f", {}]}"#, "finalizers[1]: expected a string, found an object"),
            (#"{"name": "a", "deletionTimestamp": "soon"}"#, "deletionTimestamp: not an RFC 3339 time: soon"),
            (#"[]"#, "expected an object, found an array"),
        ])
    func badMetadata(text: String, message: String) throws {
        let json = try JSON(parsing: text)
        let failure = #expect(throws: DecodingFailure.self) { try ObjectMeta(json: json) }
        #expect(failure?.description == message)
    }

    @Test("A malformed time is not repeated whole in the error")
    func longTime() throws {
        let text = JSON.string(String(repeating: "t", count: 1 << 20))
        let failure = #expect(throws: DecodingFailure.self) {
            try ObjectMeta(json: ["name": "a", "creationTimestamp": text])
        }
        #expect(failure?.path == "creationTimestamp")
        let size = failure?.message.utf8.count ?? 0
        #expect((50..<120).contains(size))
    }

    @Test("Codable types read their metadata by the same rules, with the whole path")
    func codableMetadata() throws {
        let json: JSON = ["metadata": ["name": "a", "labels": ["x": 1]], "spec": [:]]
        let failure = #expect(throws: DecodingFailure.self) { try Lease(json: json) }
        #expect(failure?.description == "metadata.labels.x: expected a string, found a number")
    }

    @Test("An object that does not fit its type is kept as malformed, with its metadata")
    func malformed() throws {
        let decoded = try Decoded<ConfigMap>(json: ["metadata": ["name": "a"], "data": ["k": 1]])
        guard case .malformed(let metadata, let failure) = decoded else {
            Issue.record("expected a malformed object")
            return
        }
        #expect(metadata.name == "a")
        #expect(failure.description == "data.k: expected a string, found a number")
        #expect(throws: DecodingFailure.self) { try Decoded<ConfigMap>(json: ["data": [:]]) }
    }

    @Test("A ConfigMap's binaryData is read where it is text, as a pod has both as files")
    func binaryData() throws {
        let json: JSON = [
            "metadata": ["name": "a"], "data": ["b": "1"],
            "binaryData": ["c": "aGk=", "d": "/w==", "e": "no base64"],
        ]
        #expect(try ConfigMap(json: json).data == ["b": "1", "c": "hi"])
    }

    @Test("A dynamic object keeps its JSON, and its kind if the server named it")
    func dynamic() throws {
        let json: JSON = ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "a", "namespace": "n"]]
        let object = try DynamicObject(json: json)
        #expect(object.json == json)
        #expect(object.kind == "Pod")
        #expect(object.metadata.key == ObjectKey(namespace: "n", name: "a"))
        #expect(try DynamicObject(json: ["metadata": ["name": "a"]]).kind == nil)
    }

    @Test("A partial object does not take PartialObjectMetadata for its kind")
    func partial() throws {
        let partial = try PartialObject(
            json: ["apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": ["name": "a"]])
        #expect(partial.kind == nil)
        #expect(partial.apiVersion == nil)
        let whole = try PartialObject(json: [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "a"], "data": [],
        ])
        #expect(whole.kind == "Secret")
        #expect(whole.apiVersion == "v1")
    }

    @Test("A time that RFC 3339 can't write does not end the process")
    func farTimes() {
        #expect(Timestamp(Instant(secondsSince1970: 1e300)).description == "9999-12-31T23:59:59Z")
        #expect(Timestamp(Instant(secondsSince1970: -.infinity)).description == "0000-01-01T00:00:00Z")
        #expect(MicroTimestamp(Instant(secondsSince1970: .nan)).description == "1970-01-01T00:00:00.000000Z")
    }
}
