import DevCluster
import FoundationEssentials
import JSON
import TestSupport
import Testing

/// Random requests from a fixed seed: whatever comes, there is an answer, and what is stored can be read.
///
/// Some seconds of it by default; for a longer run: `DEVCLUSTER_FUZZ_SEEDS=200 swift test --filter HostileTests`.
@Suite("Hostile input", .timeLimit(.minutes(30 * patience)))
struct HostileTests {
    private static func seeds(_ usual: ClosedRange<UInt64>) -> [UInt64] {
        let more = ProcessInfo.processInfo.environment["DEVCLUSTER_FUZZ_SEEDS"].flatMap(UInt64.init) ?? 0
        return Array(usual) + (0..<more).map { 1_000 + $0 }
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            // SplitMix64.
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        mutating func pick<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &self)] }

        mutating func json(depth: Int = 4) -> JSON {
            switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &self) {
            case 0: .null
            case 1: .bool(Bool.random(using: &self))
            case 2: .int(pick([0, 1, -1, .max, .min, 1 << 40]))
            case 3: .double(pick([0.5, -1e300, 1e-300, 9e18]))
            case 4, 5: .string(word())
            case 6: .array((0..<Int.random(in: 0..<4, using: &self)).map { _ in json(depth: depth - 1) })
            default:
                .object(
                    Dictionary(
                        (0..<Int.random(in: 0..<5, using: &self)).map { _ in (word(), json(depth: depth - 1)) },
                        uniquingKeysWith: { $1 }))
            }
        }

        mutating func word() -> String {
            pick([
                "", "a", "b", "name", "metadata", "spec", "status", "data", "labels", "annotations", "finalizers",
                "kind",
                "apiVersion", "v1", "ConfigMap", "managedFields", "fieldsV1", "f:data", ".", "k:{\"name\":\"x\"}", "k:",
                "v:", "i:-1",
                "ownerReferences", "secrets", "$patch", "delete", "replace", "$setElementOrder/secrets", "$retainKeys",
                "op",
                "path", "from", "value", "add", "/", "/metadata/labels/a", "/data/-", "~", "~2", "\u{0}", "\u{1F600}",
                "é",
                "a/b/c", "9223372036854775808", "-", "*", "[*]", "resourceVersion", "uid", "generateName",
                "deletionTimestamp",
                "containers", "template", "rules", "roleRef", "subjects", "items", "time", "manager", "Apply", "size",
                "tags",
                String(repeating: "x", count: 300),
            ])
        }

        mutating func query() -> String {
            let names = [
                "limit", "continue", "labelSelector", "fieldSelector", "resourceVersion", "resourceVersionMatch",
                "watch",
                "timeoutSeconds", "sendInitialEvents", "dryRun", "fieldManager", "force", "fieldValidation",
                "includeObject",
                "%", "%zz", "a%", "allowWatchBookmarks",
            ]
            let values = [
                "", "1", "true", "-1", "99999999999999999999", "a=b", "a in (b", "!", "(", "a,b,,", "metadata.name=a",
                "%00", "%",
                "All", "Exact", "NotOlderThan", "Strict", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0",
                "x\\,=\\",
                "0", "a==", "a=b=c", "in", "a notin ()", "a>1", "Object",
            ]
            return (0..<Int.random(in: 0..<4, using: &self)).map { _ in "\(pick(names))=\(pick(values))" }.joined(
                separator: "&")
        }
    }

    @Test("Random requests are always answered", arguments: seeds(1...3))
    func requests(seed: UInt64) async {
        var random = Generator(state: seed)
        let api = Harness()
        await api("POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions", LifecycleTests.crd)
        let paths = [
            "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/secrets", "/api/v1/namespaces",
            "/api/v1/namespaces/default/serviceaccounts", "/api/v1/namespaces/default/pods",
            "/apis/apps/v1/namespaces/default/deployments",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
            "/apis/example.com/v1/namespaces/default/toys", "/apis/events.k8s.io/v1/namespaces/default/events",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/apis/coordination.k8s.io/v1/namespaces/default/leases",
            "/", "//", "/api", "/apis", "/api/v1", "/openapi/v2/x", "/%2e%2e/%00", "/apis/example.com/v1/watch/toys",
        ]
        let types = [
            "application/json", "application/merge-patch+json", "application/json-patch+json",
            "application/strategic-merge-patch+json", "application/apply-patch+yaml", "", ";;", "text/html",
        ]
        let accepts = [
            "application/json", "application/json;as=Table;v=v1;g=meta.k8s.io",
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "*/*;q=0", ";", ",,,",
            "application/json;q=x",
        ]
        for _ in 0..<1500 {
            var path = random.pick(paths)
            if Bool.random(using: &random) {
                path += "/" + random.pick(["a", "b", "default", "%41", "toys.example.com"])
            }
            if Int.random(in: 0..<6, using: &random) == 0 {
                path += "/" + random.pick(["status", "finalize", "token", "x"])
            }
            var body = random.json()
            if Bool.random(using: &random), case .object = body {
                body["metadata"] = ["name": .string(random.pick(["a", "b"])), "labels": random.json(depth: 1)]
                body["kind"] = .string(random.pick(["ConfigMap", "Toy", "Secret", "Namespace", "Role"]))
                body["apiVersion"] = .string(random.pick(["v1", "example.com/v1", "rbac.authorization.k8s.io/v1"]))
            }
            var bytes = body.serialized()
            if Int.random(in: 0..<8, using: &random) == 0, !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let method = random.pick(["GET", "POST", "PUT", "PATCH", "PATCH", "DELETE", "HEAD", "BREW"])
            let response = await api.open(
                "\(method) \(path)?\(random.query())", bytes, type: random.pick(types), accept: random.pick(accepts))
            #expect((200..<600).contains(response.status))
            if case .bytes(let bytes) = response.body, response.headers.first?.1 == "application/json" {
                #expect(throws: Never.self) { try JSON(parsing: bytes) }
            }
        }
        for resource in api.store.resources { _ = api.store.list(resource) }
    }

    @Test("Random patches and applies of every kind keep the object readable", arguments: seeds(11...12))
    func patches(seed: UInt64) async {
        var random = Generator(state: seed)
        let api = Harness()
        let path = "/api/v1/namespaces/default/serviceaccounts/s"
        await api(
            "POST /api/v1/namespaces/default/serviceaccounts", ["metadata": ["name": "s"], "secrets": [["name": "x"]]])
        for _ in 0..<1500 {
            let type = random.pick([
                "application/merge-patch+json", "application/json-patch+json", "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ])
            var body: JSON
            switch type {
            case "application/json-patch+json":
                body = .array(
                    (0..<Int.random(in: 1..<5, using: &random)).map { _ in
                        [
                            "op": .string(random.pick(["add", "remove", "replace", "move", "copy", "test"])),
                            "path": .string(
                                random.pick([
                                    "", "/metadata/labels", "/metadata/labels/a", "/secrets/0", "/secrets/-",
                                    "/secrets/9", "/~01",
                                ])),
                            "from": .string(random.pick(["", "/metadata", "/secrets/0", "/secrets"])),
                            "value": random.json(depth: 2),
                        ]
                    })
            default:
                body = [
                    "metadata": ["labels": random.json(depth: 1), "annotations": random.json(depth: 1)],
                    "secrets": .array(
                        (0..<3).map { _ in
                            [
                                "name": .string(random.pick(["x", "y", "z"])),
                                "$patch": .string(random.pick(["delete", "replace", "merge", ""])),
                            ]
                        }),
                ]
                if type == "application/apply-patch+yaml" {
                    body["apiVersion"] = "v1"
                    body["kind"] = "ServiceAccount"
                    body["metadata"] = ["name": "s", "labels": ["l": .string(random.pick(["a", "b", "c"]))]]
                    body["secrets"] = .array([["name": .string(random.pick(["x", "y", "z"]))]])
                }
            }
            let manager = random.pick(["one", "two", "three"])
            let force = type == "application/apply-patch+yaml" && Bool.random(using: &random) ? "&force=true" : ""
            let answer = await api("PATCH \(path)?fieldManager=\(manager)\(force)", body, type: type)
            #expect((200..<600).contains(answer.status))
            // Some patches delete it by its finalizers; most leave it.
            let read = await api("GET \(path)")
            #expect(read.status == 200 && read.json["metadata"]?["name"] == "s")
        }
    }

    @Test(
        "Random schemas and rules, and objects for them, are accepted or refused",
        arguments: seeds(21...22))
    func schemas(seed: UInt64) async {
        var random = Generator(state: seed)
        let words = [
            "self", "oldSelf", "has(", "self.a", "self.b", ")", "(", "[", "]", "==", "!=", "&&", "||", "!", "?", ":",
            "+", "-",
            "*", "/", "%", "in", "size(", "all(x,", "exists(x,", "map(x,", "filter(x,", ".", "'a'", "\"", "'", "1",
            "0.5",
            "9223372036854775807", "1u", "matches(", "'^(a+)+$'", "'['", "b'\\xff'", "r'\\d'", "true", "null", "{", "}",
            ",",
            "duration('1s')", "timestamp('x')", "string(", "int(", "x", "<", ">=", "lowerAscii()", "split(", "replace(",
        ]
        var accepted = 0
        defer { #expect((10..<140).contains(accepted), "\(accepted) of 150 accepted: not both sides are tried") }
        for _ in 0..<150 {
            let api = Harness()
            let rule = (0..<Int.random(in: 1..<14, using: &random)).map { _ in random.pick(words) }
                .joined(separator: Bool.random(using: &random) ? " " : "")
            var crd = LifecycleTests.crd
            // Mostly one thing at a time: a definition with several faults is refused for the first.
            var property: JSON = ["type": .string(random.pick(["string", "string", "integer", "boolean"]))]
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                property["pattern"] = .string(random.pick(["^(a|b)*c$", "(", "[a-", "a{1,1000}", "\\p{L}+", "(?i)x"]))
            case 1: property["default"] = random.json(depth: 1)
            case 2: property["x-kubernetes-validations"] = [["rule": .string(rule), "message": .string(random.word())]]
            case 3: property["type"] = .string(random.pick(["array", "object", "x", ""]))
            default: property["maxLength"] = .int(random.pick([0, 5, -1, .max]))
            }
            var versions = crd[path: ["spec", "versions"]]?.array ?? []
            versions[0][path: ["schema", "openAPIV3Schema", "properties", "spec"]] = [
                "type": "object", "properties": ["a": property, "b": ["type": "string"]],
            ]
            crd[path: ["spec", "versions"]] = .array(versions)
            let made = await api("POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
            #expect((200..<500).contains(made.status), "\(made)")
            if made.status == 201 { accepted += 1 }
            for _ in 0..<3 {
                let object: JSON = [
                    "apiVersion": "example.com/v1", "kind": "Toy", "metadata": ["name": "t"],
                    "spec": ["a": random.json(depth: 2), "b": .string(random.word())],
                ]
                let answer = await api("POST /apis/example.com/v1/namespaces/default/toys", object)
                #expect((200..<500).contains(answer.status), "\(answer)")
            }
        }
    }

    @Test("Bodies beyond the limit are refused before they are read")
    func largeBody() async {
        let answer = await Harness().send(
            "POST /api/v1/namespaces", [UInt8](repeating: UInt8(ascii: " "), count: (3 << 20) + 1))
        #expect(answer.status == 413)
    }

    @Test("A deeply nested body is an error, not a crash")
    func deepBody() async {
        let text = String(repeating: "{\"a\":", count: 100_000)
        #expect(await Harness().send("POST /api/v1/namespaces", Array(text.utf8)).status == 400)
    }
}
