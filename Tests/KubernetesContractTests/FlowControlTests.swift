import DevCluster
import JSON
import Kube
import KubeObjects
import TestSupport
import Testing

/// What the operator assumes of servers that ask to wait.
@Suite("Contract: flow control", .timeLimit(.minutes(3 * patience)))
struct FlowControlTests {
    /// devcluster recognises the requests of the crowd by it.
    private static let userAgent = "crowd/1.0"
    private static let flowControl = "flowcontrol.apiserver.k8s.io"

    @Test(
        "A server that asks to wait sends a 429 in plain text with Retry-After in seconds",
        arguments: ServerKind.atHand)
    func tooManyRequests(_ kind: ServerKind) async throws {
        let api = try await ContractClient(kind)
        try await api.withNamespace { namespace in
            let path = Objects.core(namespace, "configmaps")
            let user = try await Account.make(api, namespace).named(Self.userAgent)
            try await Account.grant(
                api, namespace,
                [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get", "list", "watch"]]])
            _ = try await user.eventually(path) { $0.status == 200 }
            try await Self.crowded(user, namespace) {
                for answer in [
                    try await Self.refused { try await user.get(path) },
                    try await Self.refused { try await user.get("\(path)?watch=1&timeoutSeconds=1") },
                    try await Self.refused { try await user.post(path, Objects.configMap("c")) },
                ] {
                    #expect(answer.status == 429, "\(answer)")
                    // There is no Status. Only the code and this header say what to do.
                    #expect(answer.json == "Too many requests, please try again later.\n")
                    #expect(answer.headers["Content-Type"] == "text/plain; charset=utf-8")
                    // A real server asks for a longer wait the longer it has had too many requests.
                    let seconds = try #require(answer.headers["Retry-After"].flatMap { Int($0) })
                    #expect((1...60).contains(seconds))
                }
                // Others are served.
                #expect(try await api.get(path).status == 200)
                let client = api.server.kubeClient(token: user.token, userAgent: Self.userAgent)
                let configMaps = ResourceType(
                    group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)
                let error = try await Self.failure { () async throws(KubeError) in
                    _ = try await client.list(
                        PartialObject.self,
                        of: KubeCollection(configMaps, namespace: namespace, metadataOnly: true))
                }
                #expect(error.status?.code == 429 && error.isRetryable, "\(error)")
                #expect(error.retryAfter.map { $0 >= .seconds(1) } == true)
            }
            _ = try await user.eventually(path) { $0.status == 200 }
        }
    }

    /// Where the user's requests are too many: on devcluster by a fault; on others, in a priority level that lets one request
    /// pass at a time, while one waits for a version of the future (three seconds), again and again.
    private static func crowded(
        _ user: ContractClient, _ namespace: String, _ body: @Sendable () async throws -> Void
    ) async throws {
        if case .devcluster(let cluster) = user.server.access {
            let rule = cluster.faults.add(
                .status(429, retryAfter: 1), match: .init(namespaces: [namespace], userAgent: userAgent))
            defer { cluster.faults.remove(rule) }
            try await body()
            return
        }
        let admin = try await ContractClient(user.server)
        let paths = try await limit(admin, namespace)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    _ = try await user.get("\(Objects.core(namespace, "configmaps"))?resourceVersion=9000000000000")
                }
            }
            try await body()
            group.cancelAll()
        }
        for path in paths { try await admin.delete(path).require(200) }
    }

    /// A priority level without seats of its own and without a queue, for the ServiceAccount of the namespace.
    private static func limit(_ admin: ContractClient, _ namespace: String) async throws -> [String] {
        let root = "/apis/\(flowControl)/v1"
        func object(_ kind: String, _ spec: JSON) -> JSON {
            [
                "apiVersion": .string("\(flowControl)/v1"), "kind": .string(kind),
                "metadata": ["name": .string(namespace)], "spec": spec,
            ]
        }
        let level: JSON = [
            "type": "Limited",
            "limited": [
                "nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0,
                "limitResponse": ["type": "Reject"],
            ],
        ]
        let everything: JSON = [
            "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"],
        ]
        let bot: JSON = [
            "kind": "ServiceAccount", "serviceAccount": ["name": "bot", "namespace": .string(namespace)],
        ]
        let schema: JSON = [
            "priorityLevelConfiguration": ["name": .string(namespace)], "matchingPrecedence": 2,
            "rules": [["subjects": [bot], "resourceRules": [everything]]],
        ]
        try await admin.post("\(root)/prioritylevelconfigurations", object("PriorityLevelConfiguration", level))
            .require(201)
        try await admin.post("\(root)/flowschemas", object("FlowSchema", schema)).require(201)
        return ["\(root)/flowschemas/\(namespace)", "\(root)/prioritylevelconfigurations/\(namespace)"]
    }

    /// The first 429: until the server's flow control has learnt of the new level, and between two requests that fill it,
    /// others pass.
    private static func refused(_ send: () async throws -> Answer) async throws -> Answer {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            let answer = try await send()
            if answer.status == 429 || ContinuousClock.now > deadline { return answer }
        }
    }

    private static func failure(_ send: () async throws(KubeError) -> Void) async throws -> KubeError {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            do {
                try await send()
            } catch {
                return error
            }
            try #require(ContinuousClock.now < deadline, "never refused")
        }
    }
}
