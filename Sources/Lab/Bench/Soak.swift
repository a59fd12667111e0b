import ArgumentParser
import Foundation
import JSON
import Kube
import KubeObjects
import Support

/// Runs random faults and random changes over a devcluster fleet, then waits for quiet, then compares desired and
/// actual state exactly. The same seed gives the same schedule, but not the same timing, which depends on the machine.
struct Soak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Random faults, then an exact comparison.")
    @Option(help: "How long faults go on.") var minutes = 5.0
    @Option(help: "Of the schedule; random and printed by default.") var seed: UInt64?
    @Option(help: "Data planes.") var dataPlanes = 6
    @Option(help: "How long it may take to settle afterwards, in seconds.") var quiet = 180.0

    func run() async throws {
        let seed = seed ?? .random(in: 0..<1_000_000)
        say(
            "soak: seed \(seed), \(minutes) minutes, \(dataPlanes) data planes; again: hack/soak --seed \(seed) --minutes \(minutes)"
        )
        let folder = FileManager.default.temporaryDirectory.appending(path: "squadron-soak-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        let servers = try await Servers(dataPlanes: dataPlanes, folder: folder)
        defer { servers.end() }
        var storm = try await Storm(servers, folder: folder, random: SeededRandom(seed: seed))
        let end = ContinuousClock.now + .seconds(minutes * 60)
        while ContinuousClock.now < end { try await storm.step() }
        say("soak: quiet after \(storm.steps) steps")
        try await storm.calm()
        try await storm.settle(within: quiet)
        let differences = try await storm.differences()
        for difference in differences { say("soak: DIFFERENT: \(difference)") }
        guard differences.isEmpty else {
            say(storm.squadron.child.output.suffix(4_000).description)
            throw ExitCode(1)
        }
        storm.squadron.child.kill()
        say("soak: all \(dataPlanes) data planes are exactly as desired (seed \(seed), \(storm.steps) steps)")
    }
}

extension SeededRandom {
    mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self) }
}

/// The state of a soak: what is wanted now, and the means to disturb it.
struct Storm {
    let servers: Servers
    let setup: Setup
    private let folder: URL
    private let kubeconfig: URL
    private let control: KubeClient
    private let clients: [KubeClient]
    private var random: SeededRandom
    private(set) var squadron: Squadron
    private(set) var steps = 0

    /// The project-domains that are wanted now, and all that ever were.
    private var wanted: Set<String> = []
    private var ever: Set<String> = []
    private var role = "arn:0"
    private var quotas: [String]
    private var disabled: Set<Int> = []
    /// The data planes that the soak can't reach either.
    private var unreachable: Set<Int> = []

    init(_ servers: Servers, folder: URL, random: SeededRandom) async throws {
        self.servers = servers
        self.folder = folder
        self.random = random
        setup = Setup(servers: servers)
        try await setup.run()
        kubeconfig = try await setup.kubeconfig(in: folder)
        control = servers.controlPlane.client
        clients = servers.dataPlanes.map(\.client)
        quotas = servers.dataPlanes.map { _ in "8" }
        squadron = try Squadron(kubeconfig: kubeconfig, folder: folder, probeInterval: 1)
        try await setRole("arn:0")
    }

    private func name(_ index: Int) -> String { servers.dataPlanes[index].name }

    mutating func step() async throws {
        steps += 1
        let index = random.below(clients.count)
        switch random.below(26) {
        case 0...5: try await change()
        case 6: try await setRole("arn:\(random.below(1_000))")
        case 7:
            quotas[index] = "\(1 + random.below(64))"
            try await patch("DataPlane", name(index), ["spec": ["values": ["projectQuotaCpu": .string(quotas[index])]]])
        case 8:
            let isDisabled = disabled.remove(index) == nil
            if isDisabled { disabled.insert(index) }
            try await patch("DataPlane", name(index), ["spec": ["enabled": .bool(!isDisabled)]])
        case 9...12: try await drift(index)
        case 13...14: try await cut(index)
        case 15...19: try await fault(name(index))
        case 20: try await fault("control-plane")
        case 21:
            try await say(name(index), "end-watches", ["how": .string(["in-order", "gone", "reset"][random.below(3)])])
        case 22: try await say(name(index), ["compact", "reset-connections"][random.below(2)])
        case 23:
            try await say(
                "control-plane", "end-watches", ["how": .string(["in-order", "gone", "reset"][random.below(3)])])
        case 24: try await servers.control("DELETE", "/faults?cluster=\(name(index))")
        default: if random.below(4) == 0 { try await restartOperator() }
        }
        try await Task.sleep(for: .milliseconds(20 + random.below(300)))
    }

    private mutating func change() async throws {
        let project = "s\(random.below(60))"
        if wanted.remove(project) != nil {
            try await control.delete(
                Setup.type("ExecutionClusterLabel", "multicluster.flyte.org/v1alpha1"), namespace: "flyte",
                name: "\(project)-development")
        } else {
            wanted.insert(project)
            ever.insert(project)
            try await Setup.apply(Setup.assignment(project), to: control)
        }
    }

    private mutating func setRole(_ role: String) async throws {
        self.role = role
        try await patch("ClusterRegistry", "flyte", ["spec": ["values": ["defaultIamRole": .string(role)]]])
    }

    private func patch(_ kind: String, _ name: String, _ change: JSON) async throws {
        try await control.mergePatch(
            change, type: Setup.type(kind, "multicluster.flyte.org/v1alpha1"), namespace: "flyte", name: name)
    }

    private mutating func say(_ cluster: String, _ action: String, _ body: JSON = [:]) async throws {
        try await servers.control("POST", "/clusters/\(cluster)/\(action)", body)
    }

    /// Breaks the way to a data plane, or repairs it.
    private mutating func cut(_ index: Int) async throws {
        if unreachable.remove(index) != nil {
            try await say(name(index), "black-hole", ["on": false])
            try await say(name(index), "serve")
            return
        }
        switch random.below(4) {
        case 0:
            unreachable.insert(index)
            try await say(name(index), "black-hole", ["on": true])
        case 1:
            unreachable.insert(index)
            try await say(name(index), "refuse")
        case 2: try await say(name(index), "restart", ["keepData": true])
        default: try await say(name(index), "latency", ["latencyMs": .int(Int64(random.below(80)))])
        }
    }

    /// Adds a fault to some of the operator's next requests.
    private mutating func fault(_ cluster: String) async throws {
        let faults: [JSON] = [
            ["fault": "status", "status": 500], ["fault": "status", "status": 503],
            ["fault": "status", "status": 429, "retryAfter": 1], ["fault": "status", "status": 401],
            ["fault": "status", "status": 403], ["fault": "status", "status": 409], ["fault": "lose-response"],
            ["fault": "reset-before-processing"], ["fault": "reset-in-body"], ["fault": "truncate-body"],
            ["fault": "black-hole"], ["fault": "empty-list"], ["fault": "truncated-list"], ["fault": "empty-object"],
            ["fault": "watch-gone"], ["fault": "watch-end"], ["fault": "latency", "latencyMs": 200],
            ["fault": "endless-line", "bytes": 40_000_000],
        ]
        // A hostile data plane. Its floods have a rate, since good and bad servers share one process here. Without a rate the
        // flood takes the time of the others (`hack/hostile` has a process for the hostile ones).
        let floods: [JSON] = [
            ["fault": "event-flood", "bytes": 100_000, "perSecond": 20],
            ["fault": "event-flood", "bytes": 0, "growing": true, "perSecond": 3_000],
            ["fault": "endless-pages", "objects": 500, "bytes": 1_000],
        ]
        let choices = cluster.hasPrefix("dataplane") ? faults + floods : faults
        var rule = choices[random.below(choices.count)]
        let isFlood = floods.contains(rule)
        rule["cluster"] = .string(cluster)
        rule["match"] = ["userAgent": "squadron"]
        rule["rate"] = .double([0.1, 0.5, 1][random.below(3)])
        rule["count"] = .int(Int64(1 + random.below(isFlood ? 2 : 12)))
        try await servers.control("POST", "/faults", rule)
    }

    /// Changes objects of the operator, as another client.
    private mutating func drift(_ index: Int) async throws {
        let (kind, what) = (random.below(5), random)
        var choose = what
        guard let project = ever.sorted().randomElement(using: &choose) else { return }
        random = choose
        guard !unreachable.contains(index) else { return }
        let (client, namespace) = (clients[index], "\(project)-development")
        do throws(KubeError) {
            switch kind {
            case 0:
                try await client.mergePatch(
                    ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": nil]]],
                    type: Setup.type("ServiceAccount", "v1"), namespace: namespace, name: "default")
            case 1:
                try await client.mergePatch(
                    ["metadata": ["labels": ["app.kubernetes.io/managed-by": nil]]],
                    type: Setup.type("Namespace", "v1"), name: namespace)
            case 2: try await client.delete(Setup.type("Namespace", "v1"), name: namespace)
            case 3:
                try await client.delete(Setup.type("ServiceAccount", "v1"), namespace: namespace, name: "default")
            default:
                try await client.delete(
                    Setup.type("ResourceQuota", "v1"), namespace: namespace, name: "project-quota")
            }
        } catch {
            if error.isNotFound { return }  // not there yet
            if case .transport = error.cause { return }  // the server was just restarted
            throw error
        }
    }

    private mutating func restartOperator() async throws {
        if random.below(2) == 0 {
            squadron.child.kill()
        } else {
            try await squadron.child.terminate()
        }
        squadron = try Squadron(kubeconfig: kubeconfig, folder: folder, probeInterval: 1)
    }

    // MARK: The end

    /// Ends every fault, and enables everything.
    mutating func calm() async throws {
        try await servers.control("DELETE", "/faults")
        try await say("*", "heal")
        for index in disabled { try await patch("DataPlane", name(index), ["spec": ["enabled": true]]) }
        (disabled, unreachable) = ([], [])
        guard squadron.child.isRunning else {
            throw Child.Failure(description: "the operator died: \(squadron.child.output)")
        }
    }

    /// Waits until all statuses say that the fleet is in sync.
    func settle(within seconds: Double) async throws {
        let (control, count) = (control, wanted.count)
        var last = ""
        do {
            try await wait("all DataPlanes and assignments are Ready", seconds, every: 0.2) {
                let path = "/apis/multicluster.flyte.org/v1alpha1/namespaces/flyte"
                last = ""
                for object in try await control.raw(.get, "\(path)/dataplanes").body["items"]?.array ?? [] {
                    let counts = object[path: ["status", "namespaces"]]
                    if !isReady(object) || counts?["synced"] != .int(Int64(count))
                        || counts?["desired"] != .int(Int64(count))
                    {
                        last +=
                            "\(object[path: ["metadata", "name"]]?.string ?? ""): \((object["status"] ?? .null).serializedString)\n"
                    }
                }
                return last.isEmpty
            }
        } catch {
            throw Child.Failure(
                description: "\(error): \(count) are wanted;\n\(last)\n\(squadron.child.output.suffix(4_000))")
        }
    }

    private func isReady(_ object: JSON) -> Bool {
        let conditions = object[path: ["status", "conditions"]]?.array ?? []
        return conditions.contains { $0["type"] == "Ready" && $0["status"] == "True" }
    }

    /// The differences from the desired state, in words.
    func differences() async throws -> [String] {
        var found: [String] = []
        func expect(_ what: String, _ seen: JSON?, _ desired: JSON) {
            if seen != desired {
                found.append("\(what): \(seen?.serializedString ?? "missing"), desired \(desired.serializedString)")
            }
        }
        for (index, client) in clients.enumerated() {
            func all(_ plural: String) async throws -> [String: JSON] {
                let items = try await client.raw(.get, "/api/v1/\(plural)").body["items"]?.array ?? []
                return Dictionary(
                    items.map { item in
                        let metadata = item["metadata"]
                        let place = plural == "namespaces" ? metadata?["name"] : metadata?["namespace"]
                        return ("\(place?.string ?? "")/\(metadata?["name"]?.string ?? "")", item)
                    }, uniquingKeysWith: { first, _ in first })
            }
            let (namespaces, accounts, quotas) = try await (
                all("namespaces"), all("serviceaccounts"), all("resourcequotas")
            )
            for project in wanted.sorted() {
                let namespace = "\(project)-development"
                let labels: JSON = [
                    "app.kubernetes.io/managed-by": "squadron", "multicluster.flyte.org/project": .string(project),
                    "multicluster.flyte.org/domain": "development",
                ]
                let place = "\(name(index)) \(namespace)"
                let own = namespaces["\(namespace)/\(namespace)"]
                var ours = own?[path: ["metadata", "labels"]] ?? [:]
                ours["kubernetes.io/metadata.name"] = nil
                expect("\(place): labels", own.map { _ in ours }, labels)
                expect("\(place): phase", own?[path: ["status", "phase"]], "Active")
                let account = accounts["\(namespace)/default"]
                expect("\(place): labels of the ServiceAccount", account?[path: ["metadata", "labels"]], labels)
                expect(
                    "\(place): annotations of the ServiceAccount", account?[path: ["metadata", "annotations"]],
                    ["eks.amazonaws.com/role-arn": .string(role)])
                let quota = quotas["\(namespace)/project-quota"]
                expect(
                    "\(place): quota", quota?[path: ["spec", "hard"]],
                    ["limits.cpu": .string(self.quotas[index]), "limits.memory": "16Gi"])
                expect("\(place): labels of the quota", quota?[path: ["metadata", "labels"]], labels)
            }
            let known = Set(ever.map { "\($0)-development" })
            for (key, object) in namespaces
            where object[path: ["metadata", "labels", "app.kubernetes.io/managed-by"]] == "squadron" {
                let namespace = key.split(separator: "/").first.map(String.init) ?? ""
                if !known.contains(namespace) { found.append("\(name(index)): nobody wanted \(namespace)") }
            }
        }
        for (cluster, counts) in try await servers.requests(of: "squadron") {
            for (what, count) in counts where what.hasPrefix("delete") {
                found.append("\(cluster): \(count) × \(what)")
            }
        }
        return found
    }
}
