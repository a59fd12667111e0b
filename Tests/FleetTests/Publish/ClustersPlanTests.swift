import KubeObjects
import Support
import Testing
import YAML

@testable import Fleet

/// A DataPlane whose `Available` has this status since that many seconds.
func plane(
    _ name: String, available: Condition.Status = .isTrue, for seconds: Double = 86_400, age: Double = 0,
    _ credentials: ClustersPlan.Usability = .usable, _ change: (inout DataPlaneSpec) -> Void = { _ in }
) -> ClustersPlan.Plane {
    var object = dataPlane(name, age: age, change)
    var status = DataPlaneStatus()
    status.conditions = [
        Condition(
            type: "Available", status: available, reason: "Test", message: "", observedGeneration: 1,
            lastTransitionTime: Timestamp(now + -seconds))
    ]
    object.status = status
    return ClustersPlan.Plane(object, credentials: credentials)
}

func publishing(_ change: (inout Publish) -> Void = { _ in }) -> ClusterRegistrySpec {
    var spec = ClusterRegistrySpec()
    var publish = Publish()
    change(&publish)
    spec.publish = publish
    return spec
}

private let noToken = ClustersPlan.Usability.unusable(reason: "TokenMissing", message: "key x is not there")

@Suite("Flyte's clusters configuration")
struct ClustersPlanTests {
    private func plan(
        _ planes: [ClustersPlan.Plane], _ labels: [ExecutionLabel] = [], spec: ClusterRegistrySpec = publishing(),
        published: PublishedClusters? = nil
    ) -> ClustersPlan {
        ClustersPlan(registry: spec, planes: planes, labels: labels, published: published, now: now)
    }

    @Test("The text is Flyte's format, the same whatever order the objects come in")
    func text() throws {
        let planes = [
            plane("dp-2") { $0.clusterName = "dataplane_2" }, plane("off") { $0.enabled = false },
            plane("dp-1") {
                $0.clusterName = "dataplane_1"
                $0.credentials.tokenKey = "other-token"
            },
            plane("controlplane") {
                $0.endpoint = nil
                $0.inCluster = true
            },
        ]
        let labels = [label("b", [("dataplane_2", 0.3), ("dataplane_1", 0.7)]), label("label1", [("dataplane_1", 1)])]
        var spec = publishing { $0.credentialsPath = "/creds/" }
        spec.defaultExecutionLabel = "label1"
        let text = plan(planes, labels, spec: spec).configuration.yaml
        #expect(text == plan(planes.reversed(), labels.reversed(), spec: spec).configuration.yaml)
        #expect(
            text == """
                clusters:
                  clusterConfigs:
                  - enabled: true
                    inCluster: true
                    name: controlplane
                  - auth:
                      certPath: /creds/dataplane_1_cacert
                      tokenPath: /creds/other-token
                      type: file_path
                    enabled: true
                    endpoint: https://dp-1.example.com
                    name: dataplane_1
                  - auth:
                      certPath: /creds/dataplane_2_cacert
                      tokenPath: /creds/dataplane_2_token
                      type: file_path
                    enabled: true
                    endpoint: https://dp-2.example.com
                    name: dataplane_2
                  - auth:
                      certPath: /creds/off_cacert
                      tokenPath: /creds/off_token
                      type: file_path
                    enabled: false
                    endpoint: https://off.example.com
                    name: "off"
                  defaultExecutionLabel: label1
                  labelClusterMap:
                    b:
                    - id: dataplane_2
                      weight: 0.3
                    - id: dataplane_1
                      weight: 0.7
                    label1:
                    - id: dataplane_1
                      weight: 1

                """)
        #expect(ClustersConfiguration(yaml: text)?.yaml == text)
    }

    @Test("Names that YAML takes for something else stay names")
    func quoting() throws {
        let text = plan([plane("123"), plane("true")], [label("1e3", [("123", 1)])]).configuration.yaml
        let read = try #require(ClustersConfiguration(yaml: text))
        #expect(read.clusters.map(\.name) == ["123", "true"] && read.labels["1e3"]?.map(\.id) == ["123"])
    }

    @Test("A data plane without usable credentials is left out, and a note says why")
    func leftOut() {
        let plan = plan([plane("a"), plane("b", noToken)], [label("l", [("a", 0.5), ("b", 0.5)])])
        #expect(plan.configuration.clusters.map(\.name) == ["a"])
        #expect(plan.leftOut == ["b": "TokenMissing"] && plan.problems.isEmpty)
        #expect(plan.notes.contains { $0.contains("b is left out: TokenMissing") })
    }

    @Test("A name is there once, the older DataPlane's")
    func duplicates() {
        let plan = plan([
            plane("young", age: 1) { $0.clusterName = "a" },
            plane("old", age: 9) {
                $0.clusterName = "a"
                $0.endpoint = "https://old.example.com"
            },
        ])
        #expect(plan.configuration.clusters.count == 1)
        #expect(plan.configuration.yaml.contains("https://old.example.com"))
    }

    @Test("What flyteadmin would not start with keeps the last good state")
    func problems() {
        #expect(!plan([]).problems.isEmpty)
        #expect(!plan([plane("a") { $0.enabled = false }]).problems.isEmpty)
        #expect(!plan([plane("a", noToken)]).problems.isEmpty)
        #expect(plan([plane("a")], [label("l", [("a", 0.4)])]).problems.first?.contains("WeightsInvalid") == true)
        #expect(plan([plane("a")], [label("l", [("a", 7)])]).problems.first?.contains("WeightsInvalid") == true)
        let undetermined = plan([plane("a", .unknown)])
        #expect(undetermined.undetermined == ["a"] && undetermined.problems.isEmpty)
    }

    @Test("A younger object of the same label holds nothing up")
    func duplicateLabel() {
        let labels = [label("x", [("a", 1)], label: "l", age: 9), label("y", [("b", 1)], label: "l", age: 1)]
        let plan = plan([plane("a"), plane("b")], labels)
        #expect(plan.problems.isEmpty && plan.configuration.labels["l"]?.map(\.id) == ["a"])
    }

    @Test("Labels that flyteadmin's library changes take no other label's place")
    func lowercase() {
        let labels = ["team1", "Team1", "Big", "BIG", "a", "a.B"].enumerated().map {
            label("l\($0.offset)", [("x", 1)], label: $0.element)
        }
        let plan = plan([plane("x")], labels)
        #expect(Set(plan.lostLabels.keys) == ["Team1", "Big", "BIG", "a"])
        #expect(Set(plan.configuration.labels.keys) == ["team1", "BIG", "a", "a.B"])
        #expect(plan.notes.contains { $0.contains("\"Team1\"") })
    }
}

@Suite("The health-aware map")
struct HealthAwareMapTests {
    private let spec = publishing {
        $0.healthAware.enabled = true
        $0.healthAware.graceSeconds = 300
        $0.minIntervalSeconds = 600
    }
    private let labels = [label("two", [("a", 0.5), ("b", 0.2), ("c", 0.3)]), label("one", [("a", 1)])]
    private func plan(
        _ a: Condition.Status, for seconds: Double, withdrawn: Set<String> = [], changed: Double? = nil,
        spec: ClusterRegistrySpec? = nil
    ) -> ClustersPlan {
        ClustersPlan(
            registry: spec ?? self.spec,
            planes: [plane("a", available: a, for: seconds), plane("b"), plane("c")], labels: labels,
            published: PublishedClusters(
                text: nil, withdrawn: withdrawn, time: changed.map { Timestamp(now + -$0) }),
            now: now)
    }

    @Test("A cluster that is not Available for the grace period leaves its labels")
    func leaves() {
        #expect(plan(.isFalse, for: 299).withdrawn.isEmpty)
        #expect(plan(.isFalse, for: 299).lookAgain == now + 1)
        let plan = plan(.isFalse, for: 300)
        #expect(plan.withdrawn == ["a"])
        #expect(plan.configuration.labels["two"] == [.init(id: "b", weight: 0.4), .init(id: "c", weight: 0.6)])
        #expect(plan.configuration.labels["one"] == [.init(id: "a", weight: 1)], "a label never becomes empty")
        #expect(plan.notes == ["out of two for not being Available: a"])
        #expect(plan.withdrawnEntries["two"] == [.init(cluster: "a", reason: "NotReady")])
    }

    /// A data plane that is Available for long, and whose `FlyteReady` has this status since that many seconds.
    private func flyte(_ status: Condition.Status, for seconds: Double) -> ClustersPlan.Plane {
        var plane = plane("a")
        plane.object.status?.conditions.append(
            Condition(
                type: "FlyteReady", status: status, reason: "Test", message: "", observedGeneration: 1,
                lastTransitionTime: Timestamp(now + -seconds)))
        return plane
    }
    private func plan(flyte plane: ClustersPlan.Plane, isAsked: Bool = true) -> ClustersPlan {
        var spec = spec
        spec.publish?.healthAware.condition = .flyteReady
        spec.flyteHealth.enabled = isAsked
        return ClustersPlan(
            registry: spec, planes: [plane, FleetTests.plane("b"), FleetTests.plane("c")], labels: labels, now: now)
    }

    @Test("With condition FlyteReady a cluster that would run no workflow leaves its labels")
    func leavesByFlyte() {
        #expect(plan(flyte: flyte(.isFalse, for: 300)).withdrawn == ["a"])
        #expect(plan(flyte: flyte(.isFalse, for: 300)).notes == ["out of two for not being FlyteReady: a"])
        #expect(plan(flyte: flyte(.isFalse, for: 299)).withdrawn.isEmpty)
        #expect(plan(flyte: flyte(.unknown, for: 999)).withdrawn.isEmpty)
        let available = ClustersPlan(
            registry: spec, planes: [flyte(.isFalse, for: 300), FleetTests.plane("b")], labels: labels, now: now)
        #expect(available.withdrawn.isEmpty, "Available decides where nothing else is said")
    }

    @Test("With condition FlyteReady a cluster that is not Available leaves its labels too")
    func flyteUnknown() {
        var away = flyte(.unknown, for: 300)
        away.object.status?.conditions[0].status = .isFalse
        away.object.status?.conditions[0].lastTransitionTime = Timestamp(now + -300)
        #expect(plan(flyte: away).withdrawn == ["a"])
        let note =
            "spec.publish.healthAware.condition is FlyteReady, and spec.flyteHealth is not enabled: Available decides"
        #expect(plan(flyte: FleetTests.plane("a"), isAsked: false).notes == [note])
    }

    @Test("It comes back when it has been Available for as long")
    func returns() {
        #expect(plan(.isTrue, for: 299, withdrawn: ["a"]).withdrawn == ["a"])
        #expect(plan(.isTrue, for: 299, withdrawn: ["a"]).lookAgain == now + 1)
        #expect(plan(.isTrue, for: 300, withdrawn: ["a"]).withdrawn.isEmpty)
        #expect(plan(.unknown, for: 9999, withdrawn: ["a"]).withdrawn == ["a"])
        #expect(plan(.unknown, for: 9999).withdrawn.isEmpty)
    }

    @Test("Of two DataPlanes of one name, the one that is published counts")
    func duplicates() {
        let older = plane("a", available: .isTrue, for: 9999, age: 100)
        let younger = plane("z", available: .isFalse, for: 9999, age: 10) { $0.clusterName = "a" }
        for planes in [[older, younger], [younger, older]] {
            let plan = ClustersPlan(
                registry: spec, planes: planes + [plane("b"), plane("c")], labels: labels, now: now)
            #expect(plan.withdrawn.isEmpty)
        }
    }

    @Test("A cluster that is Available stays, whatever its Ready says")
    func notInSync() {
        var conflicting = plane("a")
        conflicting.object.status?.conditions.append(
            Condition(
                type: "Ready", status: .isFalse, reason: "Conflict", message: "", observedGeneration: 1,
                lastTransitionTime: Timestamp(now + -9999)))
        let plan = ClustersPlan(
            registry: spec, planes: [conflicting, plane("b"), plane("c")], labels: labels, now: now)
        #expect(plan.withdrawn.isEmpty && plan.notes.isEmpty)
    }

    @Test("FlyteReady is asked for and not known: Available decides, and a note says so")
    func flyteReady() {
        var asked = spec
        asked.publish?.healthAware.condition = .flyteReady
        let plan = plan(.isFalse, for: 300, spec: asked)
        #expect(plan.withdrawn == ["a"])
        #expect(plan.notes.contains { $0.contains("FlyteReady") })
    }

    @Test("Changes within an interval wait for its end and come together")
    func interval() {
        #expect(plan(.isFalse, for: 400, changed: 599).withdrawn.isEmpty)
        #expect(plan(.isFalse, for: 400, changed: 599).lookAgain == now + 1)
        #expect(plan(.isFalse, for: 400, changed: 600).withdrawn == ["a"])
    }

    @Test("Without the setting readiness changes nothing")
    func optIn() {
        #expect(plan(.isFalse, for: 9999, withdrawn: ["a"], spec: publishing()).withdrawn.isEmpty)
    }
}

@Suite("What flyteadmin has of a data plane's credentials")
struct PublishedCredentialsTests {
    @Test("Beside a Secret of Squadron's own, flyteadmin has entries in the mounted one")
    func ownSecret() {
        let shared = dataPlane("a") {
            $0.credentials.tokenKey = "t"
            $0.credentials.caCertKey = "c"
        }
        let own = dataPlane("a") {
            $0.credentials.secretName = "squadron-credentials"
            $0.credentials.tokenKey = "t"
        }
        #expect(PublishedCredentials(of: shared).tokenKey == "t" && PublishedCredentials(of: shared).caCertKey == "c")
        #expect(PublishedCredentials(of: own).tokenKey == "a_token")
        #expect(PublishedCredentials(of: own).caCertKey == "a_cacert")
    }

    @Test("A token that has ended stays published; what is not read yet is not decided")
    func usability() {
        let object = dataPlane("a")
        #expect(ClustersPlan.Usability(.invalid(.tokenExpired, "m"), of: object) == .usable)
        #expect(
            ClustersPlan.Usability(.invalid(.caCertMalformed, "m"), of: object)
                == .unusable(reason: "CACertMalformed", message: "m"))
        #expect(ClustersPlan.Usability(nil, of: object) == .unknown)
        let inCluster = dataPlane("a") {
            $0.endpoint = nil
            $0.inCluster = true
        }
        #expect(ClustersPlan.Usability(nil, of: inCluster) == .usable)
    }
}
