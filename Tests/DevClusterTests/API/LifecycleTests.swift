import DevCluster
import JSON
import Testing

@Suite("Namespaces, CRDs and restarts")
struct LifecycleTests {
    private let namespaces = "/api/v1/namespaces"
    private let merge = "application/merge-patch+json"

    @Test("A deleted namespace takes its content with it")
    func deletion() async {
        let api = Harness()
        await api("POST \(namespaces)", ["metadata": ["name": "n"]])
        await api("POST \(namespaces)/n/configmaps", ["metadata": ["name": "c"]])
        let answer = await api("DELETE \(namespaces)/n")
        #expect(answer.status == 200)
        #expect(answer.json["status"]?["phase"] == "Terminating")
        #expect(await api("GET \(namespaces)/n").status == 404)
        #expect(api.store.get(.configMaps, namespace: "n", name: "c") == nil)
    }

    @Test("A namespace held Terminating refuses new content, and goes when it is released")
    func held() async {
        let api = Harness { $0.namespaceTerminationDelay = nil }
        await api("POST \(namespaces)", ["metadata": ["name": "n"]])
        await api("DELETE \(namespaces)/n")
        let refused = await api("POST \(namespaces)/n/configmaps", ["metadata": ["name": "c"]])
        #expect(refused.status == 403)
        #expect(
            refused.message
                == "configmaps \"c\" is forbidden: unable to create new content in namespace n because it is being terminated"
        )
        #expect(refused.json["details"]?["causes"]?[0]?["reason"] == "NamespaceTerminating")
        api.server.setNamespaceTerminationDelay(.zero)
        #expect(await api("GET \(namespaces)/n").status == 404)
    }

    @Test("Content with finalizers keeps a namespace Terminating until they are gone")
    func finalizers() async {
        let api = Harness()
        await api("POST \(namespaces)", ["metadata": ["name": "n"]])
        await api("POST \(namespaces)/n/configmaps", ["metadata": ["name": "c", "finalizers": ["example.com/f"]]])
        await api("DELETE \(namespaces)/n")
        let conditions = await api("GET \(namespaces)/n").json["status"]?["conditions"]?.array ?? []
        #expect(conditions.contains { $0["type"] == "NamespaceFinalizersRemaining" && $0["status"] == "True" })
        await api("PATCH \(namespaces)/n/configmaps/c", ["metadata": ["finalizers": nil]], type: merge)
        #expect(await api("GET \(namespaces)/n").status == 404)
    }

    @Test("With a delay a namespace ends while `run` runs")
    func delay() async {
        let api = Harness { $0.namespaceTerminationDelay = .milliseconds(1) }
        await api("POST \(namespaces)", ["metadata": ["name": "n"]])
        var changes = api.store.changes(of: .namespaces).makeAsyncIterator()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await api.server.run() }
            await api("DELETE \(namespaces)/n")
            while let change = await changes.next() { if change.kind == .deleted, change.name == "n" { break } }
            group.cancelAll()
        }
        #expect(await api("GET \(namespaces)/n").status == 404)
    }

    static let crd: JSON = [
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": ["name": "toys.example.com"],
        "spec": [
            "group": "example.com", "scope": "Namespaced", "names": ["plural": "toys", "kind": "Toy"],
            "versions": [
                [
                    "name": "v1", "served": true, "storage": true,
                    "schema": [
                        "openAPIV3Schema": [
                            "type": "object",
                            "properties": [
                                "spec": [
                                    "type": "object",
                                    "properties": [
                                        "color": ["type": "string", "default": "red"],
                                        "size": [
                                            "type": "integer", "x-kubernetes-validations": [["rule": "self > 0"]],
                                        ],
                                    ],
                                ]
                            ],
                        ]
                    ],
                ],
                [
                    "name": "v2", "served": true, "storage": false,
                    "schema": ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
                ],
            ],
        ],
    ]
    private let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    private func toy(_ name: String, version: String = "v1", _ spec: JSON) -> JSON {
        [
            "apiVersion": .string("example.com/\(version)"), "kind": "Toy", "metadata": ["name": .string(name)],
            "spec": spec,
        ]
    }

    @Test("A CRD is served at once in all versions, and its deletion removes its objects")
    func customResources() async {
        let api = Harness()
        #expect(await api("POST \(crds)", Self.crd).status == 201)
        let toys = "namespaces/default/toys"
        let made = await api("POST /apis/example.com/v1/\(toys)", toy("t", ["size": 1]))
        #expect(made.json["spec"]?["color"] == "red")
        #expect(await api("POST /apis/example.com/v1/\(toys)", toy("u", ["size": 0])).status == 422)
        #expect(await api("GET /apis/example.com/v2/\(toys)/t").json["apiVersion"] == "example.com/v2")
        // Without a status subresource every change but those of metadata counts.
        let changed = await api("PATCH /apis/example.com/v2/\(toys)/t", ["status": ["x": 1]], type: merge)
        #expect(changed.json["metadata"]?["generation"] == 2)
        await api("DELETE \(crds)/toys.example.com")
        #expect(await api("GET /apis/example.com/v1/\(toys)").status == 404)
        #expect(api.store.list(GroupResource("toys", group: "example.com")).isEmpty)
    }

    @Test("Older objects show a new default; objects put in around the API stay as they are")
    func laterDefaults() async {
        let api = Harness()
        await api("POST \(crds)", Self.crd)
        let toys = "/apis/example.com/v1/namespaces/default/toys"
        await api("POST \(toys)", toy("old", [:]))
        await api(
            "PATCH \(crds)/toys.example.com",
            [
                [
                    "op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/shape",
                    "value": ["type": "string", "default": "round"],
                ]
            ], type: "application/json-patch+json")
        #expect(await api("GET \(toys)/old").json["spec"]?["shape"] == "round")
        api.store.put(
            GroupResource("toys", group: "example.com"),
            [
                "apiVersion": "example.com/v1", "kind": "Toy", "metadata": ["name": "raw", "namespace": "default"],
                "spec": ["size": "large"],
            ])
        #expect(await api("GET \(toys)/raw").json["spec"] == ["size": "large"])
        let list = await api("GET \(toys)").json["items"]?.array ?? []
        #expect(list.map { $0["spec"]?["shape"] } == ["round", nil])
    }

    @Test("A snapshot brings back objects, uids and resourceVersions")
    func restart() async {
        let api = Harness()
        await api("POST \(namespaces)", ["metadata": ["name": "n"]])
        let before = await api("GET \(namespaces)").json
        let again = ObjectStore(initialRevision: 5)
        again.restore(api.store.snapshot())
        let server = APIServer(store: again)
        let response = await server.respond(
            to: APIRequest(method: "GET", target: namespaces), user: .admin)
        guard case .bytes(let bytes) = response.body else { return }
        #expect((try? JSON(parsing: bytes)) == before)
    }

    @Test("Of concurrent updates, each one on an old version is a conflict; none is lost")
    func contention() async {
        let api = Harness()
        let lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        await api("POST \(lease)", ["metadata": ["name": "l"], "spec": ["leaseTransitions": 0]])
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var wins = 0
                    while wins < 5 {
                        var object = await api("GET \(lease)/l").json
                        let count = object["spec"]?["leaseTransitions"]?.int ?? 0
                        object[path: ["spec", "leaseTransitions"]] = .int(count + 1)
                        let answer = await api("PUT \(lease)/l", object)
                        if answer.status == 200 { wins += 1 } else { #expect(answer.json["reason"] == "Conflict") }
                    }
                    return wins
                }
            }
            await group.waitForAll()
        }
        #expect(await api("GET \(lease)/l").json["spec"]?["leaseTransitions"] == 40)
    }
}
