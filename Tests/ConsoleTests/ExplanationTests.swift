import Fleet
import JSON
import KubeObjects
import Testing
import YAML

@testable import Console

@Suite("squadron explain")
struct ExplanationTests {
    private static let manifests = """
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: dp-1, namespace: flyte}
        spec: {clusterName: dataplane_1, endpoint: "https://dp1:443"}
        status:
          conditions:
          - {type: Ready, status: "False", reason: Timeout, message: m, lastTransitionTime: "2026-01-02T02:04:05Z"}
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: dp-2, namespace: flyte}
        spec: {clusterName: dataplane_2, endpoint: "https://dp2:443"}
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: DataPlane
        metadata: {name: dp-3, namespace: flyte}
        spec: {clusterName: dataplane_3, endpoint: "https://dp3:443", enabled: false}
        ---
        apiVersion: v1
        kind: List
        items:
        - apiVersion: multicluster.flyte.org/v1alpha1
          kind: ExecutionLabel
          metadata: {name: label1, namespace: flyte}
          spec:
            clusters:
            - {name: dataplane_1, weight: 0.5}
            - {name: dataplane_2, weight: 0.3}
            - {name: dataplane_3, weight: 0.2}
        - apiVersion: multicluster.flyte.org/v1alpha1
          kind: ExecutionClusterLabel
          metadata: {name: elsewhere, namespace: other}
          spec: {project: project1, domain: development, value: nope}
        - apiVersion: multicluster.flyte.org/v1alpha1
          kind: ExecutionClusterLabel
          metadata: {name: ecl, namespace: flyte, generation: 2, creationTimestamp: "2026-05-27T12:00:00Z"}
          spec: {project: project1, domain: development, value: label1}
          status:
            conditions:
            - {type: Published, status: "True", reason: Published, message: m, observedGeneration: 2, lastTransitionTime: "2026-01-02T02:04:05Z"}
        ---
        apiVersion: multicluster.flyte.org/v1alpha1
        kind: ClusterRegistry
        metadata: {name: flyte, namespace: flyte}
        spec:
          publish: {clustersConfigMap: {name: cm, key: clusters.yaml}, healthAware: {enabled: HEALTH}}
        """

    private func explain(
        healthAware: Bool = false, execution: String? = nil, more: [JSON] = [], workflow: String? = nil,
        label: String? = nil, flyteAdmin: FlyteAdminView? = nil, isLive: Bool = false
    ) throws -> Explanation {
        let objects = try fleet(healthAware: healthAware, more: more, flyteAdmin: flyteAdmin, isLive: isLive)
        return Explanation(
            .init(project: "project1", domain: "development", workflow: workflow, label: label), execution: execution,
            objects: objects, now: now)
    }

    private func fleet(
        healthAware: Bool = false, more: [JSON] = [], flyteAdmin: FlyteAdminView? = nil, isLive: Bool = false
    ) throws -> FleetObjects {
        var objects = FleetObjects(namespace: "flyte")
        let text = Self.manifests.split(separator: "HEALTH").joined(separator: "\(healthAware)")
        for document in try YAML.documents(text) { objects.add(try document.json()) }
        for json in more { objects.add(json) }
        objects.flyteAdmin = flyteAdmin
        objects.isLive = isLive
        return objects
    }

    private func object(_ kind: String, _ name: String, _ spec: JSON, status: JSON? = nil) -> JSON {
        var object: JSON = [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": .string(kind),
            "metadata": ["name": .string(name), "namespace": "flyte", "creationTimestamp": "2026-06-01T11:00:00Z"],
            "spec": spec,
        ]
        object["status"] = status
        return object
    }
    private func condition(_ type: String, _ status: String, _ reason: String, _ message: String = "m") -> JSON {
        [
            "type": .string(type), "status": .string(status), "reason": .string(reason), "message": .string(message),
            "observedGeneration": 2, "lastTransitionTime": "2026-01-02T02:04:05Z",
        ]
    }

    @Test("The JSON follows the contract: a cluster that is not Ready stays a candidate")
    func json() throws {
        let explanation = try explain()
        #expect(
            explanation.json == [
                "rule": "project-domain", "label": "label1",
                "candidates": [
                    ["cluster": "dataplane_1", "weight": 0.5, "probability": 0.625],
                    ["cluster": "dataplane_2", "weight": 0.3, "probability": .double(0.3 / 0.8)],
                ], "dropped": [["cluster": "dataplane_3", "reason": "Disabled"]],
                "notes": .array(explanation.notes.map { .string($0) }),
            ])
        #expect(explanation.outcome == .done)
        #expect(explanation.notes.contains { $0.contains("dataplane_1 is not Ready (Timeout)") })
        #expect(try explain(execution: "e1").json["cluster"] == "dataplane_2")
        #expect(try explain(execution: "exec-1").json["cluster"] == "dataplane_1")
    }

    @Test("With the health-aware map it has left the map, and says so")
    func healthAware() throws {
        let explanation = try explain(healthAware: true)
        #expect(explanation.placement.candidates.map(\.cluster) == ["dataplane_2"])
        #expect(
            explanation.placement.dropped == [
                .init(cluster: "dataplane_3", reason: "Disabled"), .init(cluster: "dataplane_1", reason: "NotReady"),
            ])
    }

    private static func dataPlane(_ number: Int, _ spec: JSON) -> JSON {
        var spec = spec
        spec["clusterName"] = .string("dataplane_\(number)")
        spec["endpoint"] = .string("https://dp\(number):443")
        return [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "DataPlane",
            "metadata": ["name": .string("dp-\(number)"), "namespace": "flyte"], "spec": spec,
        ]
    }

    @Test("A cordoned cluster is dropped as Unschedulable, and the others share its part")
    func cordoned() throws {
        let explanation = try explain(more: [Self.dataPlane(2, ["unschedulable": true])])
        #expect(explanation.placement.candidates.map(\.cluster) == ["dataplane_1"])
        #expect(
            explanation.placement.dropped == [
                .init(cluster: "dataplane_3", reason: "Disabled"),
                .init(cluster: "dataplane_2", reason: "Unschedulable"),
            ])
        #expect(explanation.json["dropped"]?[1]?["reason"] == "Unschedulable")
    }

    @Test("Without a label for it, a cordoned cluster is not drawn from either")
    func cordonedAnywhere() throws {
        let label: JSON = [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "ExecutionClusterLabel",
            "metadata": ["name": "ecl", "namespace": "flyte"],
            "spec": ["project": "other", "domain": "development", "value": "label1"],
        ]
        let explanation = try explain(more: [label, Self.dataPlane(2, ["unschedulable": true])])
        #expect(explanation.placement.rule == .allClusters)
        #expect(explanation.placement.candidates.map(\.cluster) == ["dataplane_1"])
        #expect(explanation.placement.dropped.contains(.init(cluster: "dataplane_2", reason: "Unschedulable")))
        #expect(explanation.placement.dropped.contains(.init(cluster: "dataplane_3", reason: "Disabled")))
    }

    @Test("While an object is broken the published state decides")
    func lastGoodState() throws {
        let broken: JSON = [
            "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "ExecutionLabel",
            "metadata": ["name": "label1", "namespace": "flyte"],
            "spec": ["clusters": [["name": "dataplane_1", "weight": 3]]],
        ]
        let configuration = ClustersConfiguration(
            clusters: [.init(name: "old", enabled: true, access: .inCluster)],
            labels: ["label1": [.init(id: "old", weight: 1)]])
        let map: JSON = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "cm", "namespace": "flyte"],
            "data": ["clusters.yaml": .string(configuration.yaml)],
        ]
        let explanation = try explain(more: [broken, map])
        #expect(explanation.placement.candidates.map(\.cluster) == ["old"])
        #expect(explanation.notes.contains { $0.contains("WeightsInvalid") })
    }

    @Test("A label that flyteadmin's library loses is reported once, and only on request")
    func lostLabel() throws {
        var objects = FleetObjects(namespace: "flyte")
        for (name, label) in [("one", "label1"), ("two", "Team1")] {
            objects.add([
                "apiVersion": "multicluster.flyte.org/v1alpha1", "kind": "ExecutionLabel",
                "metadata": ["name": .string(name), "namespace": "flyte"],
                "spec": ["label": .string(label), "clusters": [["name": "dataplane_1", "weight": 1]]],
            ])
        }
        func notes(_ label: String) -> [String] {
            let request = Placement.Request(project: "p", domain: "d", label: label)
            return Explanation(request, execution: nil, objects: objects, now: now).notes.filter {
                $0.contains("lowercases")
            }
        }
        #expect(notes("label1").isEmpty)
        #expect(notes("Team1").count == 1)
    }

    @Test("The text names the rule, every candidate and everything that was left out")
    func showsText() throws {
        let shown = text(try explain(execution: "e1"))
        for part in [
            "set for project1/development", "dataplane_1  0.5", "62.5 %", "left out: dataplane_3 (Disabled)",
            "execution e1: dataplane_2",
        ] { #expect(shown.contains(part), "\(part) in \(shown)") }
    }

    // MARK: What it rests on, and what flyteadmin has not read

    private func published(_ reason: String) -> JSON {
        object(
            "ExecutionClusterLabel", "ecl", ["project": "project1", "domain": "development", "value": "label1"],
            status: ["conditions": [condition("Published", "False", reason, "the server is away")]])
    }

    @Test("The objects behind a rule are named with their ages")
    func sources() throws {
        let notes = try explain(more: [
            object("ExecutionClusterLabel", "again", ["project": "project1", "domain": "development", "value": "x"])
        ]).notes
        #expect(
            notes.contains("the label label1 of project1/development is set by ExecutionClusterLabel ecl (5d old)"))
        #expect(notes.contains { $0.hasPrefix("ExecutionClusterLabel again is for project1/development too") })
        #expect(notes.contains("the clusters of label1 are set by ExecutionLabel label1"))
    }

    @Test("A whole project's label is the rule project, and its object is named")
    func wholeProject() throws {
        let whole = object("ExecutionClusterLabel", "whole", ["project": "project1", "value": "label1"])
        var objects = try fleet(more: [whole])
        func explain(_ domain: String) -> Explanation {
            Explanation(.init(project: "project1", domain: domain), execution: "e1", objects: objects, now: now)
        }
        #expect(explain("development").json["rule"] == "project-domain")
        let staging = explain("staging")
        #expect(staging.json["rule"] == "project" && staging.cluster == "dataplane_2")
        #expect(
            staging.notes.contains(
                "the label label1 of project project1 is set by ExecutionClusterLabel whole (60m old)"))
        #expect(text(staging).contains("label label1, set for the project project1"))
        objects.flyteAdmin = FlyteAdminView(rows: [:])
        #expect(
            explain("staging").notes.contains {
                $0.hasPrefix(
                    "flyteadmin has not read ExecutionClusterLabel whole yet: it has no label for project project1")
            })
    }

    @Test("A label that flyteadmin does not have yet is reported, with the reason")
    func unreadLabel() throws {
        func unread(_ view: FlyteAdminView?, _ more: [JSON], isLive: Bool = false) throws -> [String] {
            let notes = try explain(more: more + [registry()], flyteAdmin: view, isLive: isLive).notes
            return notes.filter { $0.contains("ExecutionClusterLabel ecl") && !$0.contains("is set by") }
        }
        let key = AdminRowKey(project: "project1", domain: "development")
        #expect(try unread(nil, []).isEmpty)
        #expect(
            try unread(nil, [published("FlyteAdminUnreachable")]) == [
                "flyteadmin may not have read ExecutionClusterLabel ecl yet: Published is False (FlyteAdminUnreachable): "
                    + "the server is away"
            ])
        #expect(try unread(FlyteAdminView(rows: [key: "label1"]), [published("FlyteAdminUnreachable")]).isEmpty)
        #expect(
            try unread(FlyteAdminView(rows: [key: "old"]), []) == [
                "flyteadmin has not read ExecutionClusterLabel ecl yet: it has the label old for project1/development"
            ])
        // Without a status: in a file that says nothing, in a control plane that nobody has looked at it.
        let bare = object(
            "ExecutionClusterLabel", "ecl", ["project": "project1", "domain": "development", "value": "label1"])
        #expect(try unread(nil, [bare]).isEmpty)
        #expect(try unread(nil, [bare], isLive: true).count == 1)
    }

    private func registry(_ conditions: [JSON] = [], restart: Bool = true, generation: Int64 = 2) -> JSON {
        var publish: JSON = ["clustersConfigMap": ["name": "cm", "key": "clusters.yaml"]]
        if restart { publish["restart"] = [["kind": "Deployment", "name": "flyteadmin"]] }
        var registry = object(
            "ClusterRegistry", "flyte", ["publish": publish, "flyteAdmin": ["endpoint": "https://flyteadmin"]],
            status: ["conditions": .array(conditions)])
        registry["metadata"]?["generation"] = .int(generation)
        return registry
    }

    @Test("The registry's conditions say what flyteadmin may not run with yet")
    func unreadClusters() throws {
        let good = [condition("Published", "True", "Published"), condition("RolledOut", "True", "RolledOut")]
        func notes(_ registry: JSON) throws -> [String] {
            try explain(more: [registry]).notes.filter { $0.contains("clusters and labels") }
        }
        #expect(try notes(registry(good)).isEmpty)
        #expect(
            try notes(registry([condition("Published", "False", "PublishFailed")])).first?.contains("PublishFailed")
                == true)
        let held = [good[0], condition("RolledOut", "False", "RolloutHeld")]
        #expect(try notes(registry(held)).first?.contains("may not run with") == true)
        let nobody = [good[0], condition("RolledOut", "False", "NotConfigured")]
        #expect(try notes(registry(nobody, restart: false)).first?.contains("publish.restart names nothing") == true)
        #expect(try notes(registry(good, generation: 3)).first?.contains("an older generation") == true)
    }

    @Test("A published text that differs from the objects is reported")
    func publishedElsewhere() throws {
        let configuration = ClustersConfiguration(
            clusters: [.init(name: "dataplane_2", enabled: true, access: .inCluster)],
            labels: ["label1": [.init(id: "dataplane_2", weight: 1)]])
        let map: JSON = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "cm", "namespace": "flyte"],
            "data": ["clusters.yaml": .string(configuration.yaml)],
        ]
        let notes = try explain(more: [map]).notes
        #expect(notes.contains("what is published at this moment gives another answer: dataplane_2 100.0 %"))
    }

    // MARK: What flyteadmin says

    @Test("A flyteadmin row without an object decides where no object does, and is shown")
    func rowsWithoutObject() throws {
        let workflow = AdminRowKey(project: "project1", domain: "development", workflow: "by.hand")
        let other = AdminRowKey(project: "project2", domain: "development")
        let own = AdminRowKey(project: "project1", domain: "development")
        let view = FlyteAdminView(rows: [workflow: "label1", other: "x", own: "label1"])
        let explanation = try explain(workflow: "by.hand", flyteAdmin: view)
        #expect(explanation.placement.rule == .workflow && explanation.placement.label == "label1")
        #expect(
            explanation.notes.contains(
                "flyteadmin has labels that no ExecutionClusterLabel sets: workflow by.hand in project1/development = label1"
            ))
        #expect(explanation.notes.contains { $0.hasSuffix("is the one that flyteadmin has") })
    }

    @Test("An assignment to an unknown label changes nothing: flyteadmin's row decides")
    func unknownLabel() throws {
        let typo = object(
            "ExecutionClusterLabel", "ecl", ["project": "project1", "domain": "development", "value": "typo"])
        let key = AdminRowKey(project: "project1", domain: "development")
        let placement = try explain(more: [typo], flyteAdmin: FlyteAdminView(rows: [key: "label1"])).placement
        #expect(placement.rule == .projectDomain && placement.label == "label1")
        #expect(try explain(more: [typo], flyteAdmin: FlyteAdminView(rows: [:])).placement.rule == .allClusters)
    }

    @Test("An execution that has run is compared with what would be drawn")
    func ran() throws {
        func explain(_ reading: FlyteAdminView.ExecutionReading) throws -> Explanation {
            try self.explain(execution: "e1", flyteAdmin: FlyteAdminView(rows: [:], execution: reading))
        }
        let same = try explain(.present(.init(cluster: "dataplane_2", phase: "SUCCEEDED")))
        #expect(same.json["ranOn"] == "dataplane_2" && !same.notes.contains { $0.contains("would go to") })
        let moved = try explain(.present(.init(cluster: "old", phase: "SUCCEEDED", label: "special")))
        #expect(moved.json["ranOn"] == "old" && moved.json["cluster"] == "dataplane_2")
        #expect(moved.notes.contains("e1 ran on old, and would go to dataplane_2 now"))
        #expect(moved.notes.contains { $0.contains("--label special explains it") })
        #expect(text(moved).contains("execution e1 ran on: old"))
        let failed = try explain(.present(.init(cluster: "", phase: "FAILED")))
        #expect(failed.json["ranOn"] == nil && failed.notes.contains { $0.contains("names no cluster for it") })
        #expect(try explain(.absent).notes.contains("flyteadmin has no execution e1 in project1/development"))
        #expect(try explain(.unknown("no route")).notes.contains { $0.hasSuffix("not known here: no route") })
    }

    @Test("flyteadmin that can't be asked is one note, and the objects decide")
    func away() throws {
        let explanation = try explain(flyteAdmin: FlyteAdminView(problem: "Secret x can't be read"))
        #expect(explanation.notes.last == "flyteadmin could not be asked from here: Secret x can't be read")
        #expect(explanation.placement.rule == .projectDomain)
    }

    @Test("Where no cluster can be drawn the outcome is that nothing was found")
    func nothing() throws {
        let objects = FleetObjects(namespace: "flyte")
        let explanation = Explanation(.init(project: "p", domain: "d"), execution: "e", objects: objects, now: now)
        #expect(explanation.outcome == .findings && explanation.json["cluster"] == nil)
        #expect(PlacementTable(objects, now: now).outcome == .findings)
    }

    // MARK: All project-domains

    @Test("The table has each project-domain, and each workflow with a label of its own")
    func table() throws {
        let more = [
            object("FlyteProject", "team1", ["project": "team1", "domains": ["production"]]),
            object("ExecutionClusterLabel", "whole", ["project": "team1", "value": "label1"]),
            object("ExecutionClusterLabel", "alone", ["project": "team2", "value": "label1"]),
            object(
                "ExecutionClusterLabel", "w",
                ["project": "project1", "domain": "development", "workflow": "a.b", "value": "label1"]),
        ]
        let byHand = AdminRowKey(project: "hand", domain: "staging")
        let table = PlacementTable(
            try fleet(more: more, flyteAdmin: FlyteAdminView(rows: [byHand: "label1"])), now: now)
        let json = table.json
        #expect(json["clusters"] == ["dataplane_1", "dataplane_2"])
        let rows = json["projectDomains"]?.array ?? []
        #expect(
            rows.map { [$0["project"], $0["domain"], $0["workflow"], $0["rule"]].map { $0?.string } } == [
                ["hand", "staging", nil, "project-domain"], ["project1", "development", nil, "project-domain"],
                ["project1", "development", "a.b", "workflow"], ["team1", "production", nil, "project"],
                // No object wants a namespace of it.
                ["team2", "development", nil, "project"], ["team2", "production", nil, "project"],
                ["team2", "staging", nil, "project"],
            ])
        #expect(rows.allSatisfy { $0["candidates"]?[0]?["probability"] == 0.625 })
        let lines = text(table).split(separator: "\n").map(String.init)
        #expect(lines[0].split(separator: " ").map(String.init).prefix(4) == ["PROJECT", "DOMAIN", "WORKFLOW", "RULE"])
        #expect(
            lines[4].split(whereSeparator: { $0 == " " }).joined(separator: " ")
                == "team1 production project label1 62.5 % 37.5 %")
        #expect(table.notes.contains { $0.contains("hand/staging = label1") })
        #expect(table.rendered(as: .yaml).contains("projectDomains:"))
    }

    @Test("With many clusters they stand in one column")
    func wideTable() throws {
        var objects = FleetObjects(namespace: "flyte")
        for number in 0..<20 { objects.add(Self.dataPlane(number, [:])) }
        objects.add(object("FlyteProject", "p", ["project": "p", "domains": ["development"]]))
        let shown = text(PlacementTable(objects, now: now))
        #expect(shown.contains("CLUSTERS") && shown.contains("dataplane_0 5.0 %") && shown.contains("and 16 more"))
    }
}
