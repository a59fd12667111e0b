import DevCluster
import JSON
import Support
import Testing

@testable import Operator

extension EndToEnd.Syncing {
    @Suite("replicateSecrets")
    struct Replication {
        private static let value = "a value that nobody else has"

        private static func data(_ fleet: TestFleet<DevCluster>, _ number: Int, _ namespace: String) async throws
            -> String?
        {
            let text = try await fleet[number].admin.get("Secret", "pull", in: namespace)?[path: ["data", "password"]]
            return text?.string.flatMap { Base64.decode($0) }.map { String(decoding: $0, as: UTF8.self) }
        }

        private static func prepare(_ fleet: TestFleet<DevCluster>) async throws {
            for server in fleet.dataPlanes { try await server.admin.apply(Manifests.component("replicate-secrets")) }
            try await fleet.applySecret("pull", use: "replicate", ["password": value])
            for project in ["a", "b"] { try await fleet.admin.apply(assignment(project, "development")) }
        }

        @Test("A Secret is in every namespace, follows its source, and is put back")
        func copies() async throws {
            try await withFleet(of: 2) { fleet in
                try await Self.prepare(fleet)
                try await fleet.applyBasics(["replicateSecrets": [["name": "pull"]]])
                try await fleet.operating { _ in
                    try await fleet.settles(2)
                    try await eventually("the registry counts the copies") {
                        try await fleet.admin.get("ClusterRegistry", "flyte")?[path: ["status", "replicatedSecrets"]]
                            == ["desired": 4, "synced": 4]
                    }
                    for number in 1...2 {
                        for namespace in ["a-development", "b-development"] {
                            #expect(try await Self.data(fleet, number, namespace) == Self.value)
                        }
                    }
                    for server in fleet.dataPlanes { server.requestLog.reset() }
                    try await fleet.admin.merge(
                        "Secret", "pull", ["stringData": ["password": .string(Self.value + " 2")]])
                    try await eventually("all copies have the new value") {
                        for number in 1...2 {
                            for namespace in ["a-development", "b-development"] {
                                guard try await Self.data(fleet, number, namespace) == Self.value + " 2" else {
                                    return false
                                }
                            }
                        }
                        return true
                    }
                    try await fleet.settles(2)
                    for server in fleet.dataPlanes {
                        #expect(server.requestLog.writes(to: ["secrets"]) == 2)
                        #expect(server.requestLog.writes(to: ["namespaces", "serviceaccounts"]) == 0)
                    }
                    try await fleet[1].admin.delete("Secret", "pull", in: "a-development")
                    try await eventually("it is put back") {
                        try await Self.data(fleet, 1, "a-development") == Self.value + " 2"
                    }
                    // Copies stay when their source is deleted, and when the setting is removed.
                    try await fleet.admin.merge("ClusterRegistry", "flyte", ["spec": ["replicateSecrets": []]])
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                    #expect(try await Self.data(fleet, 1, "a-development") == Self.value + " 2")
                    #expect(!fleet.log.lines.contains { $0.contains(Self.value) })
                }
            }
        }

        @Test("A Secret that holds credentials is not copied, and the registry says so")
        func refused() async throws {
            try await withFleet(of: 1) { fleet in
                try await Self.prepare(fleet)
                try await fleet.applyBasics(["replicateSecrets": [["name": "cluster-credentials"]]])
                try await fleet.operating { _ in
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "SourceNotAllowed")
                    try await fleet.settles(2)
                    try await fleet.admin.merge(
                        "ClusterRegistry", "flyte", ["spec": ["replicateSecrets": [["name": "pull"]]]])
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                    #expect(try await Self.data(fleet, 1, "a-development") == Self.value)
                    // It holds a data plane's credentials from now on.
                    try await fleet.admin.apply(
                        resource(
                            "DataPlane", "other",
                            ["endpoint": "https://other.example.com", "credentials": ["secretName": "pull"]]))
                    let refused = try await fleet.reports("ClusterRegistry", "flyte", "Ready", "SourceNotAllowed")
                    #expect(refused.message.contains("Secret pull holds credentials of data planes"))
                    #expect(try await fleet[1].admin.get("Secret", "cluster-credentials", in: "a-development") == nil)
                }
            }
        }

        @Test(
            "What a data plane says of a copy is shown nowhere, whatever the code",
            arguments: [400, 401, 402, 403, 404, 409, 413, 422, 429, 500])
        func repeated(_ code: Int) async throws {
            try await withFleet(of: 1) { fleet in
                try await Self.prepare(fleet)
                try await fleet.applyBasics(["replicateSecrets": [["name": "pull"]]])
                fleet[1].faults.add(
                    .refusal(
                        code, reason: "Denied",
                        message: "admission webhook \"w\" denied the request: \(Self.value) cannot be a password"),
                    match: .init(verbs: ["patch"], resources: ["secrets"]))
                try await fleet.operating { _ in
                    let failure = try await eventually("it is told") {
                        try await fleet.failures(1).first ?? .null
                    } until: {
                        $0["object"] == "secrets/pull"
                    }
                    #expect(failure["message"]?.string?.contains("code \(code): ") == true, "\(failure)")
                    let object = try await fleet.admin.get("DataPlane", "dataplane-1") ?? .null
                    #expect(!String(decoding: object.serialized(), as: UTF8.self).contains(Self.value))
                    #expect(!fleet.log.lines.contains { $0.contains(Self.value) })
                }
            }
        }

        @Test("What it says of a Secret of the templates is not shown either")
        func repeatedTemplate() async throws {
            try await withFleet(of: 1) { fleet in
                try await fleet[1].admin.apply(Manifests.component("replicate-secrets"))
                var files = FlyteTemplates.files
                files["pull.yaml"] = """
                    apiVersion: v1
                    kind: Secret
                    metadata: {name: pull, namespace: "{{ namespace }}"}
                    stringData: {password: \(Self.value)}
                    """
                fleet[1].faults.add(
                    .refusal(422, reason: "Invalid", message: "Invalid value: \"\(Self.value)\""),
                    match: .init(verbs: ["patch"], resources: ["secrets"]))
                try await fleet.applyTemplates(files)
                try await fleet.operating { _ in
                    let failure = try await eventually("it is told") {
                        try await fleet.failures(1).first ?? .null
                    } until: {
                        $0["object"] == "secrets/pull"
                    }
                    #expect(failure["reason"] == "Invalid")
                    #expect(failure["message"]?.string?.contains(Self.value) == false, "\(failure)")
                    #expect(!fleet.log.lines.contains { $0.contains(Self.value) })
                }
            }
        }

        @Test("A selector finds Secrets by label, and prune takes the copies of a lost one")
        func selector() async throws {
            try await withFleet(of: 1) { fleet in
                try await Self.prepare(fleet)
                for object in try Manifests.component("prune") { try await fleet[1].admin.apply(object) }
                try await fleet.applyBasics(["replicateSecrets": [["selector": [:]]], "prune": true])
                try await fleet.operating { _ in
                    let missing = try await fleet.reports("ClusterRegistry", "flyte", "Ready", "SyncFailed")
                    #expect(missing.message.contains("components/replicate-secrets-selector"))
                    try await fleet.admin.apply(Manifests.component("replicate-secrets-selector"))
                    try await fleet.reports("ClusterRegistry", "flyte", "Ready", "Ready")
                    #expect(try await Self.data(fleet, 1, "b-development") == Self.value)
                    try await fleet.admin.delete("Secret", "pull")
                    try await eventually("its copies are gone") {
                        let a = try await fleet[1].admin.get("Secret", "pull", in: "a-development")
                        let b = try await fleet[1].admin.get("Secret", "pull", in: "b-development")
                        return a == nil && b == nil
                    }
                }
            }
        }
    }
}
