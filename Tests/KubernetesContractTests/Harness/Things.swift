import JSON
import TestSupport
import Testing

/// A definition of the test's own: "things" in a group of its namespace's name.
struct Things: Sendable {
    struct Version: Sendable {
        var name: String
        var fields: [String]
        var isServed = true
        var isStored = false
        var isDeprecated = false

        init(
            _ name: String, fields: [String] = ["a", "b"], isServed: Bool = true, stored: Bool = false,
            isDeprecated: Bool = false
        ) {
            self.name = name
            self.fields = fields
            self.isServed = isServed
            isStored = stored
            self.isDeprecated = isDeprecated
        }

        var json: JSON {
            let fields = JSON.object(Dictionary(uniqueKeysWithValues: fields.map { ($0, ["type": "string"]) }))
            let spec: JSON = ["type": "object", "properties": fields]
            var json: JSON = [
                "name": .string(name), "served": .bool(isServed), "storage": .bool(isStored),
                "schema": ["openAPIV3Schema": ["type": "object", "properties": ["spec": spec]]],
            ]
            if isDeprecated { json["deprecated"] = true }
            return json
        }
    }

    let api: ContractClient
    let namespace: String
    var group: String { "\(namespace).example.org" }
    var name: String { "things.\(group)" }
    private static let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    var definition: String { "\(Self.definitions)/\(name)" }

    /// With the definition, which is deleted afterwards.
    static func with(
        _ kind: ServerKind, _ versions: [Version], _ body: (ContractClient, Things) async throws -> Void
    ) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let things = Things(api: api, namespace: namespace)
            let definition: JSON = [
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": ["name": .string(things.name)],
                "spec": [
                    "group": .string(things.group), "scope": "Namespaced",
                    "names": ["plural": "things", "kind": "Thing"], "versions": .array(versions.map(\.json)),
                ],
            ]
            try await api.post(definitions, definition).require(201)
            do {
                try await body(api, things)
            } catch {
                _ = try? await api.delete(things.definition)
                throw error
            }
            try await api.delete(things.definition).require(200)
        }
    }

    func apiVersion(_ version: String) -> JSON { .string("\(group)/\(version)") }
    func path(_ version: String, _ name: String? = nil) -> String {
        Objects.group("\(group)/\(version)", namespace, "things", name)
    }
    func thing(_ version: String, _ name: String, _ spec: JSON) -> JSON {
        ["apiVersion": apiVersion(version), "kind": "Thing", "metadata": ["name": .string(name)], "spec": spec]
    }

    /// Other versions, whatever the server's controllers write meanwhile.
    func update(_ versions: [Version]) async throws -> Answer {
        try await api.patch(.merge, definition, ["spec": ["versions": .array(versions.map(\.json))]])
    }

    /// Waits until the versions are served. The paths of a new definition come and go for a moment, as each part of the
    /// server learns of it.
    func served(_ versions: String...) async throws {
        for version in versions {
            try await eventually {
                for _ in 0..<5 { if try await api.get(path(version)).status != 200 { return false } }
                return true
            }
        }
    }

    func preferring(_ version: String, of versions: [String]) async throws {
        _ = try await api.eventually("/apis/\(group)") { answer in
            let names = answer["versions"]?.array?.compactMap { $0["version"]?.string }
            return names == versions && answer["preferredVersion", "version"] == .string(version)
        }
    }

    /// Waits for what the server's parts learn at different times, which nothing announces.
    func eventually(sourceLocation: SourceLocation = #_sourceLocation, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try await !holds() {
            try #require(ContinuousClock.now < deadline, "not in time", sourceLocation: sourceLocation)
            try await timePasses(.milliseconds(50))
        }
    }
}
