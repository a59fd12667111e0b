import JSON
import KubeObjects
import Support
import Testing

@testable import Fleet

private let noToken = ClustersPlan.Usability.unusable(reason: "TokenMissing", message: "key x is not there")

/// The entries of these clusters.
private func files(_ clusters: String..., without: String...) -> CredentialFiles {
    let names = Set(clusters.flatMap { ["\($0)_token", "\($0)_cacert"] }).subtracting(without)
    return CredentialFiles(names: names, certificates: names.filter { $0.hasSuffix("_cacert") })
}

extension ClustersConfiguration {
    fileprivate func cluster(_ name: String) -> Cluster? { clusters.first { $0.name == name } }
    /// Whether flyteadmin starts with this beside those files.
    fileprivate func starts(with files: CredentialFiles) -> Bool {
        clusters.contains(where: \.enabled)
            && clusters.allSatisfy { cluster in
                guard case .remote(_, let token, let cert) = cluster.access else { return true }
                return files.canStart(tokenPath: token, certPath: cert)
            }
    }
}

@Suite("What stays of the published configuration")
struct KeptEntriesTests {
    private let labels = [label("l", [("a", 1)]), label("m", [("b", 1)])]
    private var both: PublishedClusters {
        PublishedClusters(text: plan([plane("a"), plane("b")], labels, nil).configuration.yaml)
    }
    private func plan(
        _ planes: [ClustersPlan.Plane], _ labels: [ExecutionLabel], _ published: PublishedClusters?,
        files: CredentialFiles = files("a", "b"), named: Set<String>? = [], away: [String: Double] = [:],
        spec: ClusterRegistrySpec = publishing()
    ) -> ClustersPlan {
        ClustersPlan(
            registry: spec, planes: planes, labels: labels, published: published, files: files, named: named,
            away: away, now: now)
    }
    private func disabled(_ name: String) -> ClustersPlan.Plane { plane(name) { $0.enabled = false } }
    private func cordoned(_ name: String) -> ClustersPlan.Plane { plane(name) { $0.unschedulable = true } }

    @Test("A label's last cluster stays when its DataPlane is deleted, disabled or cordoned")
    func lastCluster() {
        for planes in [[plane("b")], [disabled("a"), plane("b")], [cordoned("a"), plane("b")]] {
            let plan = plan(planes, labels, both)
            #expect(plan.configuration.labels["l"] == [.init(id: "a", weight: 1)])
            #expect(plan.configuration.cluster("a") == both.configuration?.cluster("a"))
            #expect(plan.configuration.labels["m"] == [.init(id: "b", weight: 1)], "the rest is published")
            #expect(plan.wouldBeEmpty.count == 1 && plan.wouldBeEmpty[0].contains("label l"))
            #expect(plan.wouldBeEmpty[0].contains("allow-empty") && plan.problems.isEmpty && plan.complaint == nil)
            // It stays so, however often this is looked at.
            let again = self.plan(planes, labels, PublishedClusters(text: plan.configuration.yaml))
            #expect(again.configuration == plan.configuration && again.wouldBeEmpty == plan.wouldBeEmpty)
        }
    }

    @Test("A cluster that stays for one label gets no executions of others")
    func onlyForTheLast() {
        let shared = [label("l", [("a", 1)]), label("m", [("a", 0.75), ("b", 0.25)])]
        let before = PublishedClusters(text: plan([plane("a"), plane("b")], shared, nil).configuration.yaml)
        let onlyA: [ClustersConfiguration.Entry] = [.init(id: "a", weight: 1)]
        let onlyB: [ClustersConfiguration.Entry] = [.init(id: "b", weight: 1)]
        for planes in [[plane("b")], [disabled("a"), plane("b")], [cordoned("a"), plane("b")]] {
            let plan = plan(planes, shared, before)
            #expect(plan.configuration.labels["l"] == onlyA && plan.configuration.labels["m"] == onlyB)
            #expect(plan.configuration.cluster("a")?.enabled == true)
        }
        // The same holds if its credentials have been away for a minute.
        let left = files("a", "b", without: "a_token")
        let broken = [plane("a", noToken), plane("b")]
        #expect(plan(broken, shared, before, files: left).configuration == before.configuration)
        let closed = plan(broken, shared, before, files: left, away: ["a": 60])
        #expect(closed.configuration.cluster("a")?.isClosed == true)
        #expect(closed.configuration.labels["l"] == onlyA && closed.configuration.labels["m"] == onlyB)
        // And at once if it was out of the other label before.
        let off = PublishedClusters(text: plan([cordoned("a"), plane("b")], shared, before).configuration.yaml)
        let both = [plane("a", noToken) { $0.unschedulable = true }, plane("b")]
        for planes in [both, [plane("b")]] {
            #expect(plan(planes, shared, off, files: left).configuration.labels["m"] == onlyB)
        }
        // A label that may be empty does not keep it either.
        var free = label("n", [("a", 1)])
        free.metadata.annotations = [ExecutionLabel.allowEmptyAnnotation: "true"]
        let gone = plan([disabled("a"), plane("b")], shared + [free], before)
        #expect(gone.configuration.labels["n"] == nil && gone.configuration.labels["l"] == onlyA)
    }

    @Test("A label that would get only a disabled cluster keeps the one that works")
    func replaced() {
        let changed = [label("l", [("c", 1)]), labels[1]]
        let plan = plan([plane("a"), plane("b"), disabled("c")], changed, both)
        #expect(plan.configuration.labels["l"] == [.init(id: "a", weight: 1)] && plan.wouldBeEmpty.count == 1)
    }

    @Test("The annotation allow-empty lets a label become empty")
    func allowEmpty() {
        var free = labels
        free[0].metadata.annotations = [ExecutionLabel.allowEmptyAnnotation: "true"]
        let plan = plan([disabled("a"), plane("b")], free, both)
        #expect(plan.configuration.cluster("a")?.enabled == false && plan.wouldBeEmpty.isEmpty)
        #expect(self.plan([plane("b")], free, both).configuration.cluster("a") == nil)
    }

    @Test("A cordoned cluster leaves its labels and stays known as disabled")
    func cordon() {
        let three = [label("l", [("a", 0.5), ("b", 0.2), ("c", 0.3)])]
        let plan = plan([cordoned("a"), plane("b"), plane("c")], three, nil, files: files("a", "b", "c"))
        #expect(plan.configuration.labels["l"] == [.init(id: "b", weight: 0.4), .init(id: "c", weight: 0.6)])
        #expect(plan.configuration.cluster("a")?.enabled == false && plan.wouldBeEmpty.isEmpty)
    }

    @Test("A label that never worked holds up nothing")
    func neverWorked() {
        let plan = plan([plane("a", noToken), plane("b")], labels, nil)
        #expect(plan.problems.isEmpty && plan.wouldBeEmpty.isEmpty && plan.configuration.cluster("a") == nil)
    }

    @Test("A label's last cluster without a token fails closed after a minute")
    func failsClosed() throws {
        let broken = [plane("a", noToken), plane("b")]
        let left = files("a", "b", without: "a_token")
        let first = plan(broken, labels, both, files: left)
        #expect(first.configuration == both.configuration && first.away == ["a"] && first.lookAgain == now + 60)
        #expect(first.wouldBeEmpty.isEmpty && first.problems.isEmpty)
        let early = plan(broken, labels, both, files: left, away: ["a": 59])
        #expect(early.configuration == both.configuration && early.lookAgain == now + 1)

        let closed = plan(broken, labels, both, files: left, away: ["a": 60])
        let cluster = try #require(closed.configuration.cluster("a"))
        #expect(
            cluster.access
                == .remote(
                    endpoint: "https://a.example.com", tokenPath: "/var/run/credentials/a_cacert",
                    certPath: "/var/run/credentials/a_cacert"))
        #expect(cluster.enabled && cluster.isClosed && closed.configuration.starts(with: left))
        #expect(closed.configuration.labels["l"] == [.init(id: "a", weight: 1)])
        #expect(closed.wouldBeEmpty.count == 1 && closed.wouldBeEmpty[0].contains("fail"))
        #expect(!closed.notes.contains { $0.contains("left out") } && closed.leftOut.isEmpty)

        // A restart of the operator restarts the minute, but opens nothing.
        let published = PublishedClusters(text: closed.configuration.yaml)
        #expect(plan(broken, labels, published, files: left).configuration == closed.configuration)
        // Without its own certificates, those of another cluster serve: what counts is that there are some.
        let without = plan(broken, labels, published, files: files("b"))
        #expect(without.configuration.starts(with: files("b")))
        #expect(plan([plane("a"), plane("b")], labels, published).configuration == both.configuration)
    }

    @Test("A CA that Go does not read counts as away, although Squadron reads it")
    func unreadByGo() throws {
        var unread = files("a", "b", "c")
        unread.certificates.remove("a_cacert")
        let shared = [label("l", [("a", 0.5), ("c", 0.5)]), labels[1]]
        let planes = [plane("a"), plane("b"), plane("c")]
        let fresh = plan(planes, shared, nil, files: unread)
        #expect(fresh.leftOut == ["a": "CACertMalformed"] && fresh.configuration.starts(with: unread))
        #expect(fresh.notes.contains { $0.contains("no certificate in a_cacert") })

        let first = plan([plane("a"), plane("b")], labels, both, files: unread)
        #expect(first.configuration == both.configuration && first.waiting == ["a"])
        let closed = plan([plane("a"), plane("b")], labels, both, files: unread, away: ["a": 60])
        let cluster = try #require(closed.configuration.cluster("a"))
        #expect(cluster.isClosed && closed.configuration.starts(with: unread) && closed.wouldBeEmpty.count == 1)
    }

    @Test("Keys that went with their DataPlane don't keep flyteadmin from starting")
    func keysGone() {
        let plan = plan([plane("b")], labels, both, files: files("b"), away: ["a": 100])
        #expect(plan.configuration.cluster("a")?.isClosed == true && plan.configuration.starts(with: files("b")))
        // Before that minute is over, the label is named too.
        let early = self.plan([plane("b")], labels, both, files: files("b"))
        #expect(early.configuration == both.configuration && early.wouldBeEmpty.count == 1)
    }

    @Test("Without any certificate the last good state stays")
    func hopeless() {
        let plan = plan(
            [plane("a", noToken), plane("b", noToken)], labels, both, files: files(), away: ["a": 99, "b": 99])
        #expect(plan.problems.contains { $0.contains("Don't restart it") })
    }

    @Test("The last enabled cluster of all stays, closed where its credentials are away")
    func lastOfAll() {
        let before = PublishedClusters(text: plan([plane("a")], [], nil).configuration.yaml)
        let off = plan([disabled("a")], [], before)
        #expect(off.configuration == before.configuration && off.complaint?.contains("a is disabled") == true)
        let left = files("a", without: "a_token")
        let broken = plan([plane("a", noToken)], [], before, files: left, away: ["a": 60])
        #expect(broken.configuration.starts(with: left) && broken.problems.isEmpty)
        #expect(!plan([disabled("a")], [], nil).problems.isEmpty, "nothing is published for the first time")
    }

    @Test("A label that rows name stays published without its ExecutionLabel")
    func orphans() {
        let one = [labels[1]]
        let planes = [plane("a"), plane("b")]
        #expect(plan(planes, one, both, named: ["l"]).configuration.labels["l"] == [.init(id: "a", weight: 1)])
        #expect(plan(planes, one, both, named: nil).configuration.labels["l"] != nil, "rows have not been read yet")
        #expect(plan(planes, one, both, named: ["m"]).configuration.labels["l"] == nil)
        var spec = publishing()
        spec.defaultExecutionLabel = "l"
        #expect(plan(planes, one, both, named: [], spec: spec).configuration.labels["l"] != nil)
        // And its last cluster with it.
        let empty = plan([plane("b")], one, both, named: ["l"])
        #expect(empty.configuration.cluster("a")?.enabled == true && empty.wouldBeEmpty.count == 1)
    }

    @Test("What flyteadmin could not do as Squadron does is noted")
    func connections() {
        let proxied = plane("a") { $0.connection.proxyURL = "http://proxy:3128" }
        #expect(plan([proxied], [], nil).notes.contains { $0.contains("proxyURL") && $0.contains("a has") })
        let own = plane("a") {
            $0.connection.tlsServerName = "x.example.com"
            $0.flyteAdmin = FlyteAdminAccess()
            $0.flyteAdmin?.endpoint = "https://other.example.com"
        }
        let plan = plan([own], [], nil)
        #expect(plan.notes.isEmpty && plan.configuration.yaml.contains("https://other.example.com"))
    }
}

@Suite("What flyteadmin reads beside ours")
struct BesideOursTests {
    private func map(_ data: [String: String]) -> ConfigMap {
        ConfigMap(metadata: ObjectMeta(name: "m", namespace: "flyte"), data: data)
    }
    private let ours = ClustersConfiguration(labels: ["team1": [.init(id: "a", weight: 1)]])

    @Test("Labels that only another key has are named, and keys that override ours")
    func labels() {
        let helms = ClustersConfiguration(labels: [
            "Team1": [.init(id: "x", weight: 1)], "old": [.init(id: "x", weight: 1)], "empty": [],
        ])
        let beside = BesideOurs(
            map(["clusters.yaml": helms.yaml, "squadron-clusters.yaml": ours.yaml, "db.yaml": "database: {}\n"]),
            key: "squadron-clusters.yaml", ours: ours)
        #expect(beside.labels == ["old": "clusters.yaml"] && beside.later.isEmpty)
        #expect(beside.message?.contains("old") == true)
        let later = BesideOurs(
            map(["z.yaml": helms.yaml, "z.txt": helms.yaml]), key: "squadron-clusters.yaml", ours: ours)
        #expect(later.later == ["z.yaml"])
        #expect(BesideOurs(map(["clusters.yaml": ours.yaml]), key: "squadron-clusters.yaml", ours: ours).message == nil)
    }

    @Test("Each part is written also when it is empty, to override another key's")
    func empty() {
        let text = ClustersConfiguration().yaml
        #expect(text.contains("labelClusterMap: {}") && text.contains("defaultExecutionLabel: \"\""))
        #expect(text.contains("clusterConfigs: []"))
    }
}

@Suite("What flyteadmin uses of a data plane")
struct FlyteAdminAccessTests {
    @Test("Keys, endpoint and limits of flyteadmin's own go into the configuration")
    func access() {
        let object = plane("dp") {
            $0.clusterName = "data-cluster1"
            $0.credentials.secretName = "squadron-credentials"
            $0.flyteAdmin = FlyteAdminAccess()
            $0.flyteAdmin?.tokenKey = "data_cluster1_token"
            $0.flyteAdmin?.endpoint = "https://internal.example.com"
            $0.flyteAdmin?.kubeClientConfig = .init()
            $0.flyteAdmin?.kubeClientConfig?.qps = 7
        }
        let entries = PublishedCredentials(of: object.object)
        #expect(entries.caCertKey == "data_cluster1_cacert" && entries.place.secretName == "cluster-credentials")
        #expect(entries.place.endpoint == "https://internal.example.com", "its host has to be allowed")
        let plan = ClustersPlan(registry: publishing(), planes: [object], labels: [], now: now)
        let text = plan.configuration.yaml
        #expect(text.contains("tokenPath: /var/run/credentials/data_cluster1_token"))
        #expect(text.contains("qps: 7") && text.contains("burst: 25") && text.contains("timeout: \"30s\""))
        #expect(ClustersConfiguration(yaml: text) == plan.configuration)
    }

    @Test("The rules of pairs and hosts hold for flyteadmin's own entries")
    func rules() {
        func finding(_ annotations: [String: String] = [:], _ change: (inout FlyteAdminAccess) -> Void)
            -> CheckedCredentials
        {
            var access = FlyteAdminAccess()
            change(&access)
            let object = dataPlane("a") { $0.flyteAdmin = access }
            let entries = ["a_token", "a_cacert", "b_token", "b_cacert"].map { ($0, Sensitive("x")) }
            return CheckedCredentials.read(
                PublishedCredentials(of: object).place,
                in: SecretContent(Dictionary(uniqueKeysWithValues: entries), annotations: annotations), now: now)
        }
        let mixed = finding {
            $0.tokenKey = "b_token"
            $0.caCertKey = "a_cacert"
        }
        guard case .invalid(.keysMismatch, _) = mixed else { return #expect(Bool(false), "\(mixed)") }
        let elsewhere = finding([AllowedHosts.annotation + ".a": "a.example.com"]) {
            $0.endpoint = "https://elsewhere.example.com"
        }
        guard case .invalid(.hostNotAllowed, _) = elsewhere else { return #expect(Bool(false), "\(elsewhere)") }
    }

    @Test("The registry's default key comes after Helm's")
    func defaultKey() throws {
        let json: JSON = ["publish": ["clustersConfigMap": [:]]]
        let spec = try json.decode(ClusterRegistrySpec.self)
        let reference = spec.publish?.clustersConfigMap
        #expect(reference == KeyReference(name: "flyte-admin-clusters-config", key: "squadron-clusters.yaml"))
        #expect("clusters.yaml" < Publish.defaultKey)
    }
}
