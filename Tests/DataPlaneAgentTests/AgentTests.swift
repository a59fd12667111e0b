import ControlLoop
import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support
import TestAPI
import TestSupport
import Testing

@testable import DataPlaneAgent

/// One agent by itself: it knows no custom resource, so plans are all that it is told.
@Suite("An agent", .timeLimit(.minutes(2)))
struct AgentTests {
    @Test("It brings its namespaces to the plan, and reports all of it in one value")
    func syncs() async throws {
        try await withBench { bench in
            let names = ["a-development", "b-development", "c-staging"]
            let plan = bench.plan(Dictionary(uniqueKeysWithValues: names.map { ($0, [quota(in: $0)]) }))
            let agent = await bench.follow(plan)
            await bench.until { agent.progressReport.counts.synced == 3 }
            let report = agent.report()
            #expect(report.progress.counts == NamespaceCounts(desired: 3, synced: 3, failed: 0))
            #expect(report.hasResult && report.isComplete && report.stage == 1)
            #expect(report.facts.reachability == .reachable && report.authorization == .granted)
            #expect(report.facts.identity == MemoryAPI.account && report.linkInUse?.token == Sensitive("one"))
            let made = try await bench.quotas()
            #expect(made == 3)
            // A namespace and a quota each, and nothing is written twice.
            #expect(bench.plane.writes.count == 6)
        }
    }

    @Test("Nothing is written before the cluster is approved")
    func unapproved() async throws {
        try await withBench { bench in
            let subject = AgentSubject(
                uid: "uid", endpoint: "https://a.invalid", seniority: Seniority(ObjectMeta(name: "a")))
            let agent = bench.pool.update(
                "a", of: subject, configuration: AgentConfiguration(link: settings("https://a.invalid")),
                plan: bench.plan(["a-development": []]))
            await bench.until { agent.facts.authorization == .granted }
            #expect(bench.plane.writes.isEmpty && agent.report().progress.pending == 1)
            _ = bench.pool.approve(try #require(agent.facts.clusterUID), for: "a", subject)
            await bench.until { agent.progressReport.counts.synced == 1 }
        }
    }

    @Test("A run that began with an older plan does not count for the newer one")
    func olderPlan() async throws {
        try await withBench { bench in
            let later = Locked<Agent?>(nil)
            let newer = Locked<DataPlanePlan?>(nil)
            let empty = bench.plan([:])
            let first = bench.plan(["a-development": [quota(in: "a-development", pods: 1)]])
            let second = bench.plan(["a-development": [quota(in: "a-development", pods: 2)]])
            // The newer plan comes while the first write is on its way.
            bench.plane.fail { sent in
                guard sent.isWrite, sent.target.contains("resourcequotas"),
                    let plan = newer.withLock({ plan in
                        defer { plan = nil }
                        return plan
                    })
                else { return nil }
                later.withLock { $0 }?.follow(plan)
                return nil
            }
            let agent = await bench.follow(empty)
            later.withLock { $0 = agent }
            newer.withLock { $0 = second }
            agent.follow(first)
            await bench.until { agent.report().stage == second.stage && agent.progressReport.counts.synced == 1 }
            let stored = try await bench.admin.get(.resourceQuota, namespace: "a-development", name: "quota")
            #expect(stored[path: ["spec", "hard", "pods"]]?.string == "2")
        }
    }

    @Test("What somebody else changes or deletes is put back")
    func drift() async throws {
        try await withBench { bench in
            let agent = await bench.follow(bench.plan(["a-development": [quota(in: "a-development")]]))
            await bench.until { agent.progressReport.counts.synced == 1 }
            let written = bench.plane.writes.count
            _ = try await bench.admin.delete(.resourceQuota, namespace: "a-development", name: "quota")
            await bench.plane.sent.until { sent in sent.filter(\.isWrite).count >= written + 2 }
            let again = bench.plane.writes.last
            #expect(again?.target.contains("resourcequotas/quota") == true && again?.method == .patch)
        }
    }

    @Test("A glance settles what is in place, and leaves the rest to the reconcile")
    func glances() async throws {
        try await withBench { bench in
            let content = ["a-development": [quota(in: "a-development")], "b-development": []]
            let agent = await bench.follow(bench.plan(content))
            await bench.until { agent.progressReport.counts.synced == 2 }
            func glance(_ name: String) -> Controller<String>.Outcome? {
                NamespaceSync(agent: agent, namespace: name).glance()
            }
            agent.progress.pending(["a-development"])
            #expect(glance("a-development") == .done && agent.progress.isSynced("a-development"))
            // The reconcile forgets a namespace that is not wanted.
            #expect(glance("c-development") == nil)

            agent.queue.pause()
            agent.follow(bench.plan(content, prunes: true))
            #expect(glance("a-development") == nil)
            agent.follow(bench.plan(["a-development": [quota(in: "a-development", pods: 11)]]))
            #expect(glance("a-development") == nil && !agent.progress.isSynced("a-development"))

            // A kind that is not listed leaves its namespace pending.
            agent.follow(bench.plan(content))
            agent.watches.forget()
            #expect(glance("a-development") == .done && agent.progress["a-development"] == .pending)
        }
    }

    @Test("In Observe it writes nothing, and reports what it would write")
    func observes() async throws {
        try await withBench { bench in
            var plan = bench.plan(["a-development": [quota(in: "a-development")]])
            plan.isObserving = true
            let agent = await bench.follow(plan)
            await bench.until { agent.progressReport.pending == 0 }
            let report = agent.report()
            #expect(report.progress.planned?.create == 2 && report.progress.counts.synced == 0)
            #expect(bench.plane.writes.isEmpty)
            // Enforce writes just that.
            agent.follow(bench.plan(["a-development": [quota(in: "a-development")]]))
            await bench.until { agent.progressReport.counts.synced == 1 }
            #expect(bench.plane.writes.count == 2 && agent.report().progress.planned == nil)
        }
    }

    @Test("A namespace of another registry is left alone, and the failure names its owner")
    func foreign() async throws {
        try await withBench { bench in
            let taken: JSON = [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": [
                    "name": "a-development", "annotations": [Ownership.controlPlaneAnnotation: "another"],
                ],
            ]
            _ = try await bench.admin.apply(
                taken, type: Namespace.resourceType, namespace: nil, name: "a-development", fieldManager: "kubectl",
                force: true)
            let before = bench.plane.writes.count
            let agent = await bench.follow(
                bench.plan(["a-development": [quota(in: "a-development")], "b-development": []]))
            await bench.until { agent.progressReport.pending == 0 }
            let report = agent.report()
            #expect(report.progress.counts == NamespaceCounts(desired: 2, synced: 1, failed: 1))
            #expect(report.progress.failures.map(\.reason) == [FailureReason.namespaceNotOurs.rawValue])
            #expect(report.progress.failures.first?.message.contains("another") == true)
            #expect(!bench.plane.writes.dropFirst(before).contains { $0.target.contains("a-development") })
        }
    }

    @Test("Two failed probes stop everything but probes, a good one brings it back")
    func outage() async throws {
        try await withBench { bench in
            let agent = await bench.follow(bench.plan(["a-development": []]))
            await bench.until { agent.progressReport.counts.synced == 1 }
            bench.plane.fail { _ in .lost(.connectFailed) }
            agent.probeAgain()
            await bench.pass { agent.facts.isUnreachable }
            let asked = bench.plane.sent.all.count
            agent.follow(bench.plan(["a-development": [], "b-development": []]))
            #expect(agent.report().progress.pending == 1 && !agent.report().isComplete)
            #expect(!bench.plane.sent.all.dropFirst(asked).contains { $0.isWrite })
            bench.plane.heal()
            await bench.pass { !agent.facts.isUnreachable }
            await bench.until { agent.progressReport.counts.synced == 2 }
        }
    }

    @Test("What left the templates is deleted if the registry says so, and kept if not")
    func prunes() async throws {
        try await withBench { bench in
            let both = [quota(in: "a-development"), quota(in: "a-development", name: "other")]
            let agent = await bench.follow(bench.plan(["a-development": both]))
            await bench.until { agent.progressReport.counts.synced == 1 }
            let fewer = ["a-development": [quota(in: "a-development")]]
            agent.follow(bench.plan(fewer))
            await bench.until { agent.report().stage == 2 && agent.progressReport.counts.synced == 1 }
            let kept = try await bench.quotas()
            #expect(kept == 2)
            agent.follow(bench.plan(fewer, prunes: true))
            await bench.plane.sent.until { sent in sent.contains { $0.method == .delete } }
            await bench.until { agent.progressReport.counts.synced == 1 }
            let left = try await bench.quotas()
            #expect(left == 1)
        }
    }

    @Test("What a newer plan wants again is not deleted by a run that began before it")
    func wantedAgain() async throws {
        try await withBench { bench in
            let all = (0..<4).map { quota(in: "a-development", name: "quota-\($0)") }
            let agent = await bench.follow(bench.plan(["a-development": all]))
            await bench.until { agent.progressReport.counts.synced == 1 }
            let fewer = bench.plan(["a-development": [all[0]]], prunes: true)
            let again = bench.plan(["a-development": all], prunes: true)
            // The newer plan comes while the first delete is on its way.
            bench.plane.fail { sent in
                if sent.method == .delete { agent.follow(again) }
                return nil
            }
            agent.follow(fewer)
            // What was deleted is made again once the watch has shown that it is gone.
            await bench.pass {
                let writes = bench.plane.writes
                return writes.contains { $0.method == .delete } && writes.last?.method == .patch
            }
            while try await bench.quotas() < 4 { bench.clock.advance(by: .milliseconds(500)) }
            await bench.pass { agent.report().stage == again.stage && agent.progressReport.counts.synced == 1 }
            #expect(bench.plane.sent.all.count { $0.method == .delete } == 1)
            let left = try await bench.quotas()
            #expect(left == 4)
        }
    }

    @Test("What a finalizer keeps leaves its namespace pending, also after a new list")
    func pruneWithFinalizer() async throws {
        try await withBench { bench in
            let all = [quota(in: "a-development"), quota(in: "a-development", name: "other")]
            let agent = await bench.follow(bench.plan(["a-development": all]))
            await bench.until { agent.progressReport.counts.synced == 1 }
            func keep(_ finalizers: JSON) async throws {
                try await bench.admin.mergePatch(
                    ["metadata": ["finalizers": finalizers]], type: .resourceQuota, namespace: "a-development",
                    name: "other", fieldManager: "somebody")
            }
            try await keep(["example.org/keep"])
            agent.follow(bench.plan(["a-development": [all[0]]], prunes: true))
            let key = ObjectKey(namespace: "a-development", name: "other")
            await bench.pass { agent.watches[.resourceQuota]?[key]?.isTerminating ?? false }
            let deletes = bench.plane.writes.count { $0.method == .delete }
            for _ in 0..<20 { bench.clock.advance(by: .seconds(5)) }
            await bench.pass { !agent.queue.isInFlight("a-development") }
            #expect(agent.progress["a-development"] == .pending)
            // Nobody could find the finalizer if no status named the object.
            let wait = "resourcequotas/other is being deleted; if that lasts, look at its finalizers"
            #expect(agent.report().endingObject == "a-development: " + wait)
            #expect(agent.obstacle(to: "a-development") == wait)
            // The quotas are listed once more, and the first list fails.
            let fails = Locked(true)
            bench.plane.fail { sent in
                guard sent.method == .get, sent.target.contains("resourcequotas"), !sent.target.contains("watch=true"),
                    fails.withLock({ fails in
                        defer { fails = false }
                        return fails
                    })
                else { return nil }
                return .status(500)
            }
            agent.watches.forget()
            agent.queue.add("a-development")
            await bench.pass { agent.watches[.resourceQuota]?[key]?.isTerminating ?? false }
            await bench.pass { !agent.queue.isInFlight("a-development") }
            #expect(agent.progress["a-development"] == .pending)
            try await keep([])
            await bench.pass { agent.progress.isSynced("a-development") }
            #expect(agent.report().endingObject == nil)
            #expect(bench.plane.writes.count { $0.method == .delete } == deletes)
        }
    }

    @Test("A list that hangs is told after one timeout, another failure after three")
    func hangingList() async throws {
        try await withBench { bench in
            let agent = await bench.follow(bench.plan([:]))
            let failed = Locked(0)
            let type = ResourceType.resourceQuota.description
            func fails(_ answer: MemoryAPI.Fault, times: Int) async {
                failed.withLock { $0 = 0 }
                bench.plane.fail { sent in
                    guard sent.method == .get, sent.target.contains("resourcequotas") else { return nil }
                    failed.withLock { $0 += 1 }
                    return answer
                }
                agent.watches.forget()
                await bench.pass { failed.withLock { $0 } >= times }
            }
            await fails(.status(500), times: 2)
            #expect(agent.facts.listTroubles[type] == nil)
            bench.plane.heal()
            await bench.pass { if case .ready = agent.readiness(of: .resourceQuota) { true } else { false } }
            await fails(.lost(.timeout(.total)), times: 1)
            await bench.pass { agent.facts.listTroubles[type] != nil }
            #expect(failed.withLock { $0 } == 1)
        }
    }

    @Test("When a refused kind is watched again, also namespaces in sync are looked at")
    func afterRefusal() async throws {
        try await withBench { bench in
            let agent = await bench.follow(bench.plan(["a-development": [quota(in: "a-development")]]))
            await bench.until { agent.progressReport.counts.synced == 1 }
            bench.plane.fail { sent in
                sent.target.contains("resourcequotas") && sent.target.contains("watch=true") ? .status(403) : nil
            }
            agent.watches.renew()
            await bench.pass { if case .refused = agent.readiness(of: .resourceQuota) { true } else { false } }
            #expect(agent.progress.isSynced("a-development"))
            // One of them may be in work and meet the refusal at its very end.
            let looks = agent.queue.metrics.added
            bench.plane.heal()
            await bench.pass { agent.queue.metrics.added > looks }
            await bench.pass { agent.progress.isSynced("a-development") }
        }
    }

    @Test("Two callers with different plans leave the namespaces of the newer one")
    func twoPlans() async throws {
        try await withBench { bench in
            let agent = await bench.follow(bench.plan(["a-development": []]))
            await bench.until { agent.progressReport.counts.synced == 1 }
            let many = Dictionary(uniqueKeysWithValues: (0..<200).map { ("p\($0)-development", [DesiredObject]()) })
            for _ in 0..<100 {
                let (more, fewer) = (bench.plan(many), bench.plan(["a-development": []]))
                await withDiscardingTaskGroup { group in
                    group.addTask { agent.follow(more) }
                    group.addTask { agent.follow(fewer) }
                }
                let report = agent.report()
                #expect(report.progress.counts.desired == 1 && report.stage == fewer.stage)
            }
        }
    }

    @Test("A value of a Secret is hidden where the data plane repeats it")
    func repeated() async throws {
        try await withBench { bench in
            bench.plane.fail { sent in
                sent.isWrite && sent.target.contains("resourcequotas") ? .status(422) : nil
            }
            var plan = bench.plan(["a-development": [quota(in: "a-development")]])
            let secret = ValueSource(name: "role", secretKeyRef: KeyReference(name: "values", key: "role"))
            let other = ValueSource(name: "word", configMapKeyRef: KeyReference(name: "words", key: "word"))
            plan.secrets = SecretValues([secret: .text("test refuses"), other: .text("the test")])
            let agent = await bench.follow(plan)
            await bench.until { agent.progressReport.counts.failed == 1 }
            let failure = try #require(agent.report().progress.failures.first)
            #expect(failure.message.contains("the <redacted> it"), "\(failure.message)")
        }
    }

    @Test("A write that is refused is tried again with patience, and told once")
    func failing() async throws {
        try await withBench { bench in
            bench.plane.fail { sent in
                sent.isWrite && sent.target.contains("resourcequotas") ? .status(403) : nil
            }
            let agent = await bench.follow(bench.plan(["a-development": [quota(in: "a-development")]]))
            await bench.until { agent.progressReport.counts.failed == 1 }
            let (told, written) = (bench.told.count, bench.plane.writes.count)
            // Half a minute at least until the next try.
            for _ in 0..<2 { bench.clock.advance(by: .seconds(10)) }
            #expect(bench.plane.writes.count == written)
            #expect(bench.told.count - told <= 2)
            bench.plane.heal()
            await bench.pass { agent.progressReport.counts.synced == 1 }
            #expect(agent.report().progress.failures.isEmpty)
        }
    }
}
