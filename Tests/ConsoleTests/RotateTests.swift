import Fleet
import JSON
import KubeObjects
import Support
import Testing

@testable import Console

/// Tokens of one account, and which of them each reader works with.
private struct World {
    var entry = "squadron-token"
    /// What each Secret replaces, by name.
    var tokens: [String: String?] = ["squadron-token": nil]
    var squadron = "squadron-token"
    var flyteAdmin = "squadron-token"
    /// Whether the command has to restart flyteadmin itself.
    var isRestartedByHand = false

    static let place = RotatedEntry(
        secret: "cluster-credentials", key: "dataplane_1_token", account: "squadron", namespace: "flyte")

    var facts: RotateFacts {
        var facts = RotateFacts(current: entry)
        facts.tokens = tokens.sorted { $0.key < $1.key }.map { .init(name: $0.key, uid: nil, replaces: $0.value) }
        facts.squadron = squadron == entry ? .usesIt : .waits("the operator to work with it")
        let other: FlyteAdminFacts.Rollout = isRestartedByHand ? .needsRestart("flyteadmin") : .waits("the operator")
        facts.flyteAdmin = flyteAdmin == entry ? .done(since: nil) : other
        return facts
    }

    func plan(_ newName: String = "new") -> RotatePlan { RotatePlan(Self.place, facts, newName: newName) }

    /// True at the end.
    mutating func take(_ step: RotatePlan.Step) -> Bool {
        switch step {
        case .create(let name, let replaces), .mark(let name, let replaces): tokens[name] = replaces
        case .publish(let name): entry = name
        case .wait(let text): if text.contains("flyteadmin") { flyteAdmin = entry } else { squadron = entry }
        case .restart: flyteAdmin = entry
        case .deleteOld(let name, _): tokens[name] = nil
        case .finish(let name):
            tokens[name] = .some(nil)
            return true
        case .stop: return true
        }
        return false
    }

    /// Squadron and flyteadmin work with an existing token.
    var isSafe: Bool { [entry, squadron, flyteAdmin].allSatisfy(tokens.keys.contains) }
}

/// Two entries with the token of one account: flyteadmin's, and the operator's own in another Secret.
private struct Shared {
    var tokens: [String: String?] = ["old": nil]
    var entries = ["old", "old"]

    /// False once it is interrupted.
    mutating func rotate(_ index: Int, _ newName: String, steps: inout Int) -> Bool {
        var world = World()
        (world.entry, world.squadron, world.flyteAdmin) = (entries[index], entries[index], entries[index])
        while true {
            if steps == 0 { return false }
            steps -= 1
            world.tokens = tokens
            var facts = world.facts
            facts.othersUse = [entries[1 - index]]
            let step = RotatePlan(World.place, facts, newName: newName).step
            let isEnd = world.take(step)
            (tokens, entries[index]) = (world.tokens, world.entry)
            #expect(entries.allSatisfy(tokens.keys.contains), "\(step)")
            if isEnd { return true }
        }
    }
}

@Suite("squadron rotate")
struct RotateTests {
    private func run(_ world: inout World, _ newName: String, steps limit: Int = 30) -> Int {
        for count in 1...limit {
            let step = world.plan(newName).step
            let isEnd = world.take(step)
            #expect(world.isSafe, "\(step)")
            if isEnd { return count }
        }
        return limit
    }

    @Test("A token that two entries have is deleted when both have another one", arguments: 0...16)
    func shared(interruptedAfter count: Int) {
        var (world, first, second) = (Shared(), count, 100)
        if world.rotate(0, "new1", steps: &first) { _ = world.rotate(1, "new2", steps: &first) }
        #expect(world.rotate(0, "new3", steps: &second) && world.rotate(1, "new4", steps: &second))
        #expect(!world.entries.contains("old") && Set(world.tokens.keys) == Set(world.entries))
        #expect(world.tokens.values.allSatisfy { $0 == nil })
    }

    @Test("Interrupted after each step and run again, it ends with the new token alone", arguments: [false, true])
    func interrupted(isRestartedByHand: Bool) {
        var whole = World()
        whole.isRestartedByHand = isRestartedByHand
        let count = run(&whole, "new")
        #expect(count == 6 && whole.tokens == ["new": nil] && whole.entry == "new")
        for stop in 1..<count {
            var world = World()
            world.isRestartedByHand = isRestartedByHand
            _ = run(&world, "first", steps: stop)
            _ = run(&world, "second")
            #expect(world.tokens == ["first": nil], "stopped after \(stop)")
            #expect(world.flyteAdmin == "first" && world.squadron == "first")
        }
    }

    @Test("Of two that begin at the same time, both go on with the same token")
    func twice() {
        var world = World()
        world.tokens["b"] = "squadron-token"
        world.tokens["a"] = "squadron-token"
        #expect(world.plan().step == .publish(name: "a"))
        _ = run(&world, "c")
        #expect(world.entry == "a" && world.tokens == ["a": nil, "b": "squadron-token"])
        // What was left over is the next one's new token, and takes the place of the one in use.
        _ = run(&world, "c")
        #expect(world.entry == "b" && world.tokens == ["b": nil])
    }

    @Test("The old token is deleted also if somebody takes the entry away meanwhile", arguments: 1...5)
    func emptied(after count: Int) {
        var world = World()
        _ = run(&world, "new", steps: count)
        var facts = world.facts
        facts.current = nil
        #expect(RotatePlan(World.place, facts, newName: "x").step == .publish(name: "new"))
        world.entry = "new"
        _ = run(&world, "x")
        #expect(world.tokens == ["new": nil])
    }

    @Test("An old token without a Secret stays valid until it expires")
    func requested() {
        var world = World()
        world.tokens = [:]
        #expect(world.plan().step == .create(name: "new", replaces: ""))
        world.tokens = ["new": ""]
        (world.entry, world.squadron, world.flyteAdmin) = ("new", "new", "new")
        #expect(world.plan().step == .finish(name: "new"))
    }

    @Test("Without a Deployment that reads the Secret, the old token stays")
    func noReaders() {
        var facts = World().facts
        facts.tokens = [.init(name: "new", uid: nil, replaces: "squadron-token"), .init(name: "squadron-token")]
        facts.current = "new"
        facts.squadron = .usesIt
        facts.flyteAdmin = .noReaders
        guard case .stop(let text) = RotatePlan(World.place, facts, newName: "x").step else {
            Issue.record("no stop")
            return
        }
        #expect(text.contains("Secret squadron-token in the data plane stays"))
    }

    private static func token(_ account: String) -> Secret.Value {
        let claims: JSON = [
            "kubernetes.io/serviceaccount/namespace": "flyte",
            "kubernetes.io/serviceaccount/service-account.name": .string(account),
            "kubernetes.io/serviceaccount/service-account.uid": "u",
            "kubernetes.io/serviceaccount/secret.name": .string(account + "-token"),
        ]
        let parts = [["alg": "none"], claims].map { Base64.encode(($0 as JSON).serialized(), .url) }
        return .bytes(Sensitive(parts.joined(separator: ".") + ".c2ln\n"))
    }

    @Test("Both accounts' tokens are rotated, or the one that is named")
    func entries() throws {
        var plane = DataPlane(metadata: ObjectMeta(name: "dp1"), spec: DataPlaneSpec(endpoint: "https://a"))
        plane.spec.credentials.secretName = "squadron-credentials"
        var shared = Secret(
            metadata: ObjectMeta(name: "cluster-credentials"), data: ["dp1_token": Self.token("flyteadmin")])
        let own = Secret(
            metadata: ObjectMeta(name: "squadron-credentials"), data: ["dp1_token": Self.token("squadron")])
        func found(_ account: String? = nil) -> RotateEntries {
            RotateEntries(
                plane, account: account, secrets: ["cluster-credentials": shared, "squadron-credentials": own])
        }
        #expect(found().entries.map(\.account) == ["flyteadmin", "squadron"])
        #expect(found("squadron").entries.map(\.secret) == ["squadron-credentials"])
        #expect(found("nobody").refusal?.contains("flyteadmin, squadron") == true)
        plane.spec.credentials.provider = .aws
        #expect(found().entries.map(\.account) == ["flyteadmin"])
        shared.metadata.ownerReferences = [.init(apiVersion: "v1", kind: "ExternalSecret", name: "clusters", uid: "u")]
        #expect(found().refusal?.contains("ExternalSecret clusters") == true)
        shared.data = ["dp1_token": .bytes(Sensitive("sha256~opaque"))]
        #expect(found().refusal?.contains("not the token of a ServiceAccount") == true)
    }
}
