import Fleet
import JSON
import KubeObjects
import Support
import Testing

@testable import Console

@Suite("What the operator would want, for squadron diff")
struct WantedFleetTests {
    private static let registry = """
        kind: ClusterRegistry
        apiVersion: multicluster.flyte.org/v1alpha1
        metadata: {name: flyte, annotations: {ANNOTATIONS}}
        spec: {values: {cpu: "CPU"}, templatesConfigMap: t, valuesFrom: [{name: key, secretKeyRef: {name: s, key: k}}], ROLLOUT}
        ---
        kind: FlyteProject
        apiVersion: multicluster.flyte.org/v1alpha1
        metadata: {name: team1}
        spec: {project: team1, domains: [development]}
        ---
        kind: DataPlane
        apiVersion: multicluster.flyte.org/v1alpha1
        metadata: {name: a, creationTimestamp: "2026-01-01T00:00:00Z"}
        spec: {endpoint: "https://a"}
        ---
        kind: DataPlane
        apiVersion: multicluster.flyte.org/v1alpha1
        metadata: {name: b, creationTimestamp: "2026-01-02T00:00:00Z"}
        spec: {endpoint: "https://b", clusterName: a}
        ---
        kind: DataPlane
        apiVersion: multicluster.flyte.org/v1alpha1
        metadata: {name: c}
        spec: {endpoint: "https://c", enabled: false}
        ---
        kind: ConfigMap
        apiVersion: v1
        metadata: {name: t}
        data:
          a.yaml: |
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: made}
            data: {cpu: "{{ cpu }}", key: "{{ key }}"}
        """

    private func wanted(
        cpu: String = "4", rollout: String = "prune: false", annotations: String = "",
        _ revisions: [StoredRevision] = [], uid: String? = "me"
    ) throws -> WantedFleet {
        let text = Self.registry.replacing("CPU", with: cpu).replacing("ROLLOUT", with: rollout)
            .replacing("ANNOTATIONS", with: annotations)
        var sources = FleetSources()
        sources.namespaceUID = uid
        sources.secrets["s"] = .present(
            SecretContent(["k": Sensitive("hunter2222\n")], labels: [SecretUse.label: "values"]))
        sources.revisions = revisions
        return try WantedFleet(try objects(text), sources)
    }

    private func made(_ fleet: WantedFleet, _ planner: FleetPlanner? = nil) throws -> JSON? {
        let rendering = NamespaceRendering(
            planner ?? fleet.planner, for: try #require(fleet.dataPlanes.first), fleet.basis, identity: fleet.identity,
            kinds: .wellKnown)
        guard case .objects(let objects, _)? = rendering.content(of: "team1-development") else { return nil }
        return objects.first { $0.name == "made" }?.json["data"]
    }

    @Test("Without a registry, data planes keep the mode that was in force before")
    func modeWithoutRegistry() throws {
        func plane(_ name: String, _ spec: String = "") -> String {
            """
            kind: DataPlane
            apiVersion: multicluster.flyte.org/v1alpha1
            metadata: {name: \(name), creationTimestamp: "2026-01-01T00:00:00Z"}
            spec: {endpoint: "https://\(name)"\(spec)}
            status: {mode: Observe}
            ---

            """
        }
        var sources = FleetSources()
        sources.namespaceUID = "me"
        let fleet = try WantedFleet(try objects(plane("a") + plane("b", ", mode: Enforce")), sources)
        #expect(fleet.dataPlanes.map(fleet.mode) == [.observe, .enforce])
    }

    @Test("Values come from the layers that the operator has, and a Secret's are not shown")
    func values() throws {
        let fleet = try wanted()
        #expect(try made(fleet) == ["cpu": "4", "key": "hunter2222"])
        let shadow = try #require(fleet.shadow)
        #expect(try made(fleet, shadow)?["key"] != "hunter2222")
        #expect(fleet.redaction.clean("it is hunter2222") == "it is <redacted>")
    }

    @Test("A duplicate and a disabled data plane are left alone")
    func leftAlone() throws {
        let reasons = try wanted().leftAlone
        #expect(Set(reasons.keys) == ["b", "c"])
        #expect(reasons["b"]?.contains("has the clusterName a already") == true)
    }

    @Test("A staged change is shown as at its end, and said to be staged")
    func staged() throws {
        let before = try wanted(cpu: "2")
        let content = try #require(StagedContent(before.basis.settings, before.basis.templates))
        let fleet = try wanted(rollout: "rollout: {type: Progressive}", [StoredRevision(number: 1, content: content)])
        #expect(try made(fleet)?["cpu"] == "4")
        #expect(fleet.notes.contains { $0.contains("is staged, group by group") })
    }

    @Test("A pin holds until the next change")
    func pinned() throws {
        func revision(_ number: Int64, _ cpu: String) throws -> StoredRevision {
            let fleet = try wanted(cpu: cpu)
            let content = try #require(StagedContent(fleet.basis.settings, fleet.basis.templates))
            return StoredRevision(
                number: number, content: content,
                record: number == 2 ? .init(applied: [:], known: [1, 2], newest: 2) : nil)
        }
        let revisions = [try revision(1, "2"), try revision(2, "4")]
        let annotations = "multicluster.flyte.org/rollout-pinned: \"1/2\""
        let rollout = "rollout: {type: Progressive}"
        let fleet = try wanted(rollout: rollout, annotations: annotations, revisions)
        #expect(try made(fleet)?["cpu"] == "2" && fleet.basis.stage == 1)
        #expect(fleet.notes.contains { $0.contains("pinned to revision 1") })
        let changed = try wanted(cpu: "8", rollout: rollout, annotations: annotations, revisions)
        #expect(try made(changed)?["cpu"] == "8")
    }

    @Test("Without an identity, or with a registry that can't be used, nothing is said")
    func failures() throws {
        #expect(throws: WantedFleet.Failure.self) { try wanted(uid: nil) }
        #expect(throws: WantedFleet.Failure.self) { try wanted(rollout: "namespaceTemplate: \"{{ nope }}\"") }
    }
}
