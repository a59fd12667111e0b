import Testing

@testable import Fleet

@Suite("Where executions can go")
struct ReachTests {
    let dataPlanes = [
        dataPlane("a"), dataPlane("b"), dataPlane("c"), dataPlane("off") { $0.enabled = false },
    ]
    let labels = [
        label("one", [("a", 1)]), label("two", [("a", 0), ("b", 1)]), label("dead", [("off", 1)]),
        label("typo", [("nowhere", 1)]),
    ]
    func reach(_ assignments: [ExecutionClusterLabel], defaultLabel: String = "") -> Set<String> {
        Reach(
            dataPlanes: dataPlanes, resolvedLabels: LabelResolution.all(labels, clusters: [:]),
            assignments: assignments,
            defaultLabel: defaultLabel
        ).clusters(of: .init(project: "p", domain: "d"))
    }

    @Test("A project's label reaches the project-domains without one of their own")
    func wholeProject() {
        let wide = assignment("x", "p", nil, value: "one")
        #expect(reach([wide]) == ["a"])
        #expect(reach([wide, assignment("y", "p", "d", value: "two")]) == ["b"])
        #expect(reach([wide, assignment("y", "p", "d", workflow: "w", value: "two")]) == ["a", "b"])
        #expect(reach([assignment("x", "other", nil, value: "one")]) == ["a", "b", "c"])
    }

    @Test("A label reaches its clusters that have a weight")
    func labelled() {
        #expect(reach([assignment("x", "p", "d", value: "one")]) == ["a"])
        #expect(reach([assignment("x", "p", "d", value: "two")]) == ["b"])
    }

    @Test("With only clusters without a weight left, it is those that are drawn from")
    func withoutWeight() {
        let labels = labels + [label("drained", [("off", 1), ("b", 0)])]
        let reach = Reach(
            dataPlanes: dataPlanes, resolvedLabels: LabelResolution.all(labels, clusters: [:]),
            assignments: [assignment("x", "p", "d", value: "drained")], defaultLabel: "one")
        #expect(reach.clusters(of: .init(project: "p", domain: "d")) == ["b"])
    }

    @Test("A label that flyteadmin's library loses reaches its clusters and those after it")
    func lost() {
        let labels = labels + [label("big", [("c", 1)], label: "Big")]
        func reach(_ value: String) -> Set<String> {
            Reach(
                dataPlanes: dataPlanes, resolvedLabels: LabelResolution.all(labels, clusters: [:]),
                assignments: [assignment("x", "p", "d", value: value)], defaultLabel: "one"
            ).clusters(of: .init(project: "p", domain: "d"))
        }
        #expect(reach("Big") == ["a", "c"])
        #expect(reach("big") == ["c"], "so it is read")
    }

    @Test("A workflow's label adds its clusters to those of the project-domain")
    func workflows() {
        let both = [
            assignment("x", "p", "d", value: "one"), assignment("y", "p", "d", workflow: "w", value: "two"),
            assignment("z", "other", "d", value: "two"),
        ]
        #expect(reach(both) == ["a", "b"])
        // The other workflows have no label: they can go anywhere.
        #expect(reach([both[1]]) == ["a", "b", "c"])
    }

    @Test(
        "Without a usable label the default label decides, then every enabled cluster"
    )
    func fallBack() {
        #expect(reach([]) == ["a", "b", "c"])
        for value in ["dead", "typo", "unheard-of"] {
            #expect(reach([assignment("x", "p", "d", value: value)]) == ["a", "b", "c"])
            #expect(reach([assignment("x", "p", "d", value: value)], defaultLabel: "two") == ["b"])
        }
        #expect(reach([], defaultLabel: "dead") == ["a", "b", "c"])
    }

    @Test("An ExecutionLabel that can't be used widens nothing")
    func unusable() {
        func reach(_ value: String, hasUnreadable: Bool, defaultLabel: String = "") -> Set<String> {
            let labels = labels + [label("unbalanced", [("a", 0.5), ("b", 0.1), ("c", 0), ("off", 0.1)])]
            return Reach(
                dataPlanes: dataPlanes, resolvedLabels: LabelResolution.all(labels, clusters: [:]),
                assignments: [assignment("x", "p", "d", value: value)], defaultLabel: defaultLabel,
                hasUnreadable: hasUnreadable
            ).clusters(of: .init(project: "p", domain: "d"))
        }
        #expect(reach("unbalanced", hasUnreadable: false) == ["a", "b"])
        // It may be the one that can't be read.
        #expect(reach("unheard-of", hasUnreadable: true) == [])
        #expect(reach("one", hasUnreadable: true) == ["a"])
        #expect(reach("dead", hasUnreadable: true) == ["a", "b", "c"], "flyteadmin sends it anywhere")
        #expect(reach("dead", hasUnreadable: true, defaultLabel: "unheard-of") == [])
    }

    @Test("A label that could never be read holds its namespaces back")
    func planner() throws {
        var spec = ClusterRegistrySpec()
        spec.syncScope = .labelled
        let template = try NamespaceTemplate(spec.namespaceTemplate, operatorNamespace: "flyte")
        var planner = FleetPlanner()
        planner.apply(dataPlanes.map { .dataPlane($0.metadata.name, $0) })
        planner.apply([
            .settings(.init(spec: spec, template: template)), .unreadableLabel("l", true),
            .assignment("x", assignment("x", "p", "development", value: "l")),
        ])
        #expect(planner.plan.namespaces["p-development"]?.clusters == [])
        let diff = planner.apply([.unreadableLabel("l", false), .executionLabel("l", label("l", [("b", 1)]))])
        #expect(planner.plan.namespaces["p-development"]?.clusters == ["b"])
        #expect(diff.namespaces == ["p-development"])
    }
}
