import Testing

@testable import Fleet

@Suite("Placement")
struct PlacementTests {
    private static func fleet(
        _ clusters: [(String, Bool)], _ labels: [String: [(String, Double)]], fallback: String = ""
    ) -> PlacementFleet {
        PlacementFleet(
            configuration: ClustersConfiguration(
                clusters: clusters.map { .init(name: $0.0, enabled: $0.1, access: .inCluster) },
                labels: labels.mapValues { $0.map { .init(id: $0.0, weight: $0.1) } }, defaultExecutionLabel: fallback),
            assignments: [
                AdminRowKey(project: "p", domain: "d"): "wide", AdminRowKey(project: "p", domain: ""): "widest",
                AdminRowKey(project: "p", domain: "d", workflow: "w"): "narrow",
            ])
    }
    private static let fleet = fleet(
        [("a", true), ("b", true), ("c", false)],
        [
            "wide": [("b", 0.3), ("a", 0.7)], "narrow": [("a", 1)], "launch": [("b", 1)],
            "widest": [("a", 0.4), ("b", 0.6)], "gone": [("x", 1)],
            "off": [("c", 1)], "some": [("a", 0.5), ("c", 0.3), ("x", 0.2), ("b", 0)],
        ], fallback: "launch")
    private func place(_ workflow: String? = nil, label: String? = nil, project: String = "p") -> Placement {
        Self.fleet.placement(of: .init(project: project, domain: "d", workflow: workflow, label: label))
    }

    @Test("The launch's label comes before the workflow's, then the project-domain's")
    func order() {
        #expect(place("w", label: "launch").rule == .launchLabel)
        #expect(place("w").rule == .workflow && place("w").label == "narrow")
        #expect(place("other").rule == .projectDomain && place().rule == .projectDomain)
        #expect(
            place().candidates == [
                .init(cluster: "a", weight: 0.7, probability: 0.7), .init(cluster: "b", weight: 0.3, probability: 0.3),
            ])
        #expect(place(project: "q").rule == .defaultLabel && place(project: "q").label == "launch")
    }

    @Test("A project's label counts only where no narrower one exists, and is not merged")
    func wholeProject() {
        func place(_ domain: String, _ workflow: String? = nil, project: String = "p") -> Placement {
            Self.fleet.placement(of: .init(project: project, domain: domain, workflow: workflow))
        }
        for workflow in [nil, "w"] {
            let placement = place("other", workflow)
            #expect(placement.rule == .project && placement.rule.rawValue == "project" && placement.label == "widest")
            #expect(placement.candidates.map(\.probability) == [0.4, 0.6])
        }
        #expect(place("d").rule == .projectDomain && place("d", "w").rule == .workflow)
        #expect(place("other", project: "q").rule == .defaultLabel)
    }

    @Test("With a project's label the two executions of the facts file get their clusters")
    func wholeProjectDraws() {
        let fleet = PlacementFleet(
            configuration: ClustersConfiguration(
                clusters: ["c1", "c2", "c3", "c4"].map { .init(name: $0, enabled: true, access: .inCluster) },
                labels: ["l": ["c2", "c3", "c1"].map { .init(id: $0, weight: 1) }]),
            assignments: [AdminRowKey(project: "p", domain: ""): "l"])
        let placement = fleet.placement(of: .init(project: "p", domain: "d"))
        #expect(placement.rule == .project && placement.candidates.map(\.cluster) == ["c1", "c2", "c3"])
        #expect(placement.cluster(forExecution: "e1") == "c3" && placement.cluster(forExecution: "exec-1") == "c1")
    }

    @Test("A label without usable clusters yields to the default label, not to a wider one")
    func fallThrough() {
        for (label, dropped) in [("gone", [("x", "Unknown")]), ("off", [("c", "Disabled")]), ("none", [])] {
            let placement = place("w", label: label)
            #expect(placement.rule == .defaultLabel && placement.label == "launch", "\(label)")
            #expect(placement.dropped == dropped.map { .init(cluster: $0.0, reason: $0.1) }, "\(label)")
            #expect(placement.cluster(forExecution: "e1") == "b")
        }
    }

    @Test("Weights that flyteadmin does not start with are not drawn with, and said")
    func impossibleWeights() {
        let fleet = Self.fleet(
            [("a", true), ("b", true), ("c", true), ("d", true), ("e", true)],
            ["wide": [("a", 1e300), ("b", -1e300), ("c", 1e-40), ("d", .nan), ("e", .infinity)]])
        let placement = fleet.placement(of: .init(project: "p", domain: "d"))
        #expect(placement.candidates == [.init(cluster: "c", weight: 1e-40, probability: 1)])
        #expect(placement.dropped.map(\.cluster) == ["a", "b", "d", "e"])
        #expect(placement.dropped.allSatisfy { $0.reason == "WeightInvalid" })
        #expect(placement.notes.contains("wide: the weight 1e+300 of a is not 0…1: flyteadmin does not start so"))
        #expect(placement.cluster(forExecution: "e1") == "c")
        #expect(WeightedClusters([("a", -.infinity), ("b", .infinity)]) == nil)
        #expect(ClustersConfiguration(labels: ["l": [.init(id: "a", weight: 1e300)]]).yaml.contains("weight: "))
    }

    @Test("Without a default label every enabled cluster has the same chance")
    func allClusters() {
        let fleet = Self.fleet([("c1", true), ("c2", true), ("c3", true), ("off", false)], [:], fallback: "gone")
        let placement = fleet.placement(of: .init(project: "p", domain: "d"))
        #expect(placement.rule == .allClusters && placement.label.isEmpty)
        #expect(placement.candidates.map(\.cluster) == ["c1", "c2", "c3"])
        #expect(placement.candidates.allSatisfy { $0.probability == 1.0 / 3 })
        #expect(placement.dropped == [.init(cluster: "off", reason: "Disabled")])
        #expect(placement.cluster(forExecution: "e1") == "c3" && placement.cluster(forExecution: "exec-1") == "c1")
    }

    @Test("What a label loses is shared among the rest, and each loss has a reason")
    func dropped() {
        let placement = place(label: "some")
        #expect(placement.candidates == [.init(cluster: "a", weight: 0.5, probability: 1)])
        #expect(
            placement.dropped == [
                .init(cluster: "c", reason: "Disabled"), .init(cluster: "x", reason: "Unknown"),
                .init(cluster: "b", reason: "ZeroWeight"),
            ])
    }

    @Test("A label that flyteadmin's library lowercases is not found, and the note says so")
    func lowercased() {
        let fleet = Self.fleet([("a", true), ("b", true)], ["Team1": [("a", 1)], "Team.A": [("b", 1)]])
        let lost = fleet.placement(of: .init(project: "p", domain: "x", label: "Team1"))
        #expect(lost.rule == .allClusters)
        #expect(lost.notes.contains { $0.contains("lowercases") })
        #expect(fleet.placement(of: .init(project: "p", domain: "x", label: "team1")).rule == .launchLabel)
        #expect(fleet.placement(of: .init(project: "p", domain: "x", label: "Team.A")).rule == .launchLabel)
    }

    @Test("A fleet without an enabled cluster has no candidate and no draw")
    func empty() {
        let placement = Self.fleet([("a", false)], [:]).placement(of: .init(project: "p", domain: "d"))
        #expect(placement.candidates.isEmpty && placement.cluster(forExecution: "e1") == nil)
    }
}
