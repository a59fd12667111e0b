import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Logging
import Support
import TestAPI
import TestSupport

@testable import DataPlaneAgent
@testable import Fleet

/// One agent on a bench: its data plane in memory, a clock that stands still until a test moves it, and plans that the test
/// makes.
final class AgentBench: Sendable {
    let clock = TestClock()
    let plane: MemoryAPI
    /// What somebody else does in the data plane.
    let admin: KubeClient
    let pool: AgentPool
    /// Moves with all that the agent tells.
    private let news = Observed([AgentContext.Change]())
    private let lastPlan = Locked<UInt64>(0)
    private static let start = Instant(secondsSince1970: 1_800_000_000)

    init() {
        let timeline = Timeline(clock)
        let wallClock = WallClock { [clock] in Self.start + clock.now.offset.seconds }
        let plane = MemoryAPI(timer: clock, wallClock: wallClock)
        self.plane = plane
        admin = plane.client()
        var context = AgentContext(
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
            connect: { configuration in
                let isOpen = Locked(false)
                return Link(
                    configuration, client: plane.client { isOpen.withLock { $0 } }, prober: plane.client(),
                    mayWrite: isOpen)
            },
            mayWrite: { true }, changed: { [news] _, change in news.update { $0.append(change) } },
            credentialsRejected: { _ in })
        context.timeline = timeline
        context.wallClock = wallClock
        context.settings.breaker.probeInterval = .seconds(10)
        pool = AgentPool(context: context)
    }

    func run() async { await pool.run() }

    /// What the agent has told so far.
    var told: [AgentContext.Change] { news.value }
    /// Returns when that holds after something that the agent tells, or at once if it does already.
    func until(_ holds: @escaping @Sendable () -> Bool) async { await news.wait { _ in holds() } }

    /// Lets time pass, half a second at a time, until that holds.
    func pass(until holds: @Sendable () -> Bool) async {
        while !holds(), !Task.isCancelled {
            clock.advance(by: .milliseconds(500))
            for _ in 0..<50 { await Task.yield() }
        }
    }

    /// How many quotas there are in the data plane.
    func quotas() async throws -> Int {
        try await admin.listAll(DynamicObject.self, of: KubeCollection(.resourceQuota)).count
    }

    private static let subject = AgentSubject(
        uid: "uid", endpoint: "https://a.invalid", seniority: Seniority(ObjectMeta(name: "a", namespace: "flyte")))

    /// Gives the agent a plan: the first time, it starts, connects and may write.
    @discardableResult
    func follow(_ plan: DataPlanePlan) async -> Agent {
        let agent = pool.update(
            "a", of: Self.subject, configuration: AgentConfiguration(link: settings("https://a.invalid")), plan: plan)
        await until { agent.facts.clusterUID != nil }
        if let uid = agent.facts.clusterUID { _ = pool.approve(uid, for: "a", Self.subject) }
        return agent
    }

    /// A plan with a version of its own.
    /// - Parameters:
    ///   - content: by namespace, what is wanted there beside the Namespace.
    ///   - prunes: whether what the plan no longer wants is deleted.
    func plan(_ content: [String: [DesiredObject]], prunes: Bool = false) -> DataPlanePlan {
        let number = lastPlan.withLock { last in
            last += 1
            return last
        }
        let fingerprints = content.map { name, wanted in
            (name, ([namespace(name)] + wanted).reduce(into: UInt64(1)) { $0 = $0 &* 31 &+ $1.hash })
        }
        var plan = DataPlanePlan(
            version: .init(plan: number, generation: 1, kinds: .wellKnown, isPending: false),
            types: [.namespace, .resourceQuota], unknownKinds: [], permissions: [], common: 0,
            namespaces: Dictionary(uniqueKeysWithValues: fingerprints), identity: Self.identity,
            namespaceOf: { "\($0.project)-\($0.domain)" },
            content: { name in
                content[name].map { .objects([namespace(name)] + $0, refused: []) }
            })
        plan.stage = Int64(number)
        var settings = ClusterRegistrySpec()
        settings.prune = prunes
        plan.pruning = Pruning(settings, annotations: nil)
        return plan
    }
    static let identity = RegistryIdentity(IdentitySpec(), namespaceUID: "uid-of-flyte")
}

/// Gives a body a bench whose agent runs.
func withBench(_ body: @escaping @Sendable (AgentBench) async throws -> Void) async throws {
    let bench = AgentBench()
    try await running({ await bench.run() }) { () async throws in try await body(bench) }
}

private func metadata(_ name: String, of namespace: String) -> JSON {
    let parts = namespace.split(separator: "-").map(String.init)
    let key = ProjectDomain(project: parts[0], domain: parts[1])
    return [
        "name": .string(name), "labels": .object(Ownership.labels(key).mapValues { .string($0) }),
    ]
}

/// The Namespace of a project-domain, as a plan has it.
func namespace(_ name: String) -> DesiredObject {
    var metadata = metadata(name, of: name)
    metadata["annotations"] = [Ownership.controlPlaneAnnotation: "uid-of-flyte"]
    return DesiredObject(
        type: .namespace, namespace: nil, name: name,
        json: ["apiVersion": "v1", "kind": "Namespace", "metadata": metadata])
}

func quota(in namespace: String, pods: Int64 = 10, name: String = "quota") -> DesiredObject {
    DesiredObject(
        type: .resourceQuota, namespace: namespace, name: name,
        json: [
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata(name, of: namespace),
            "spec": ["hard": ["pods": .string("\(pods)")]],
        ])
}

extension ResourceType {
    static let resourceQuota = ResourceType(
        group: "", version: "v1", kind: "ResourceQuota", plural: "resourcequotas", isNamespaced: true)
}
