import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("The planner")
struct FleetPlannerTests {
    private func settings(_ change: (inout ClusterRegistrySpec) -> Void = { _ in }) throws -> RegistrySettings {
        var spec = ClusterRegistrySpec()
        spec.domains = ["development", "production"]
        change(&spec)
        let template = try NamespaceTemplate(spec.namespaceTemplate, operatorNamespace: "flyte")
        return RegistrySettings(spec: spec, template: template)
    }
    private func project(_ name: String, _ project: String, age: Double = 0) -> FlyteProject {
        FlyteProject(metadata: metadata(name, age: age), spec: .init(project: project))
    }
    private func planner(_ changes: [FleetChange]) throws -> FleetPlanner {
        var planner = FleetPlanner()
        planner.apply([.settings(try settings())] + changes)
        return planner
    }

    @Test("A project wants a namespace for each of the registry's domains")
    func project() throws {
        var planner = try planner([])
        let diff = planner.apply([.project("team1", project("team1", "team1"))])
        #expect(Set(planner.plan.namespaces.keys) == ["team1-development", "team1-production"])
        #expect(diff.namespaces == ["team1-development", "team1-production"])
        #expect(diff.projects == ["team1"] && diff.assignments == [] && !diff.isCommon)
    }

    @Test("A change names the keys that it touches, and no others")
    func proportional() throws {
        let projects = (0..<50).map { FleetChange.project("p\($0)", project("p\($0)", "p\($0)")) }
        var planner = try planner(projects + [.assignment("a", assignment("a", "p1", "development"))])
        var changed = project("p1", "p1")
        changed.spec.values = ["quota": "8"]
        let values = planner.apply([.project("p1", changed)])
        #expect(values.namespaces == ["p1-development", "p1-production"])
        #expect(values.assignments == ["a"] && values.projects == ["p1"] && values.dataPlanes == [])
        let gone = planner.apply([.assignment("a", nil)])
        #expect(gone.namespaces == [] && gone.assignments == ["a"] && gone.projects == [])
        let same = planner.apply([.settings(planner.snapshot.settings)])
        #expect(same.isEmpty)
    }

    @Test("A status of a DataPlane changes nothing in the plan")
    func status() throws {
        var planner = try planner([.dataPlane("a", dataPlane("a")), .project("p", project("p", "p"))])
        var object = dataPlane("a")
        object.status = DataPlaneStatus()
        let before = planner.plan
        let diff = planner.apply([.dataPlane("a", object)])
        #expect(planner.plan == before && diff.namespaces == [] && diff.projects == [])
    }

    @Test("What a source of valuesFrom holds touches the project that reads it")
    func reading() throws {
        let source = ValueSource(name: "quota", configMapKeyRef: .init(name: "values", key: "quota"))
        var reader = project("p1", "p1")
        reader.spec.valuesFrom = [source]
        var planner = try planner([.project("p1", reader), .project("p2", project("p2", "p2"))])
        let diff = planner.apply([.reading(source, .text("8"))])
        #expect(diff.namespaces == ["p1-development", "p1-production"] && !diff.isCommon)
    }

    @Test("An attribute touches only the project-domains for which its row counts")
    func attributes() throws {
        var planner = try planner(["p1", "p2"].map { .project($0, project($0, $0)) } + [.attributes(.pending)])
        func rows(_ production: String? = nil) -> AttributesInForce {
            var rows = [(project: "p1", domain: "", values: ["quota": "8"])]
            if let production { rows.append((project: "p1", domain: "production", values: ["quota": production])) }
            return .known(ClusterResourceAttributes(rows))
        }
        let first = planner.apply([.attributes(rows())])
        #expect(first.isCommon && first.namespaces == ["p1-development", "p1-production"])
        let second = planner.apply([.attributes(rows("20"))])
        #expect(second.namespaces == ["p1-production"] && second.projects == ["p1"] && !second.isCommon)
        #expect(planner.apply([.attributes(rows("20"))]).isEmpty)
        let same = planner.apply([.attributes(rows("8"))])
        #expect(same.namespaces == ["p1-production"])
        #expect(planner.apply([.attributes(rows())]).isEmpty, "another row, and the same values")
    }

    @Test("What a project wants in flyteadmin alone touches none of its namespaces")
    func register() throws {
        var planner = try planner([.project("p1", project("p1", "p1"))])
        var changed = project("p1", "p1")
        changed.spec.register.enabled = true
        let diff = planner.apply([.project("p1", changed)])
        #expect(diff.namespaces == [] && diff.projects == ["p1"])
    }

    @Test("With syncScope Labelled a namespace is wanted where its label can reach")
    func labelled() throws {
        var planner = FleetPlanner()
        planner.apply([
            .settings(try settings { $0.syncScope = .labelled }), .dataPlane("a", dataPlane("a")),
            .dataPlane("b", dataPlane("b")), .executionLabel("one", label("one", [("a", 1)])),
            .assignment("x", assignment("x", "p", "development", value: "one")),
        ])
        #expect(planner.plan.namespaces["p-development"]?.clusters == ["a"])
        let diff = planner.apply([.executionLabel("one", label("one", [("b", 1)]))])
        #expect(planner.plan.namespaces["p-development"]?.clusters == ["b"])
        #expect(diff.namespaces == ["p-development"] && diff.assignments == ["x"])
    }

    @Test("A whole project's label wants no namespace and shows its project-domains'")
    func wholeProject() throws {
        var planner = FleetPlanner()
        planner.apply([
            .settings(try settings { $0.syncScope = .labelled }), .dataPlane("a", dataPlane("a")),
            .dataPlane("b", dataPlane("b")), .executionLabel("one", label("one", [("a", 1)])),
            .executionLabel("two", label("two", [("b", 1)])), .assignment("x", assignment("x", "p", nil, value: "one")),
        ])
        #expect(planner.plan.entries.isEmpty && planner.plan.namespaces.isEmpty)
        planner.apply([.project("p", project("p", "p"))])
        func clusters(_ namespace: String) -> Set<String>? { planner.plan.namespaces[namespace]?.clusters }
        #expect(clusters("p-development") == ["a"] && clusters("p-production") == ["a"])
        // The project-domain's own label counts alone, and a workflow's adds its clusters.
        planner.apply([
            .assignment("y", assignment("y", "p", "production", value: "two")),
            .assignment("z", assignment("z", "p", "development", workflow: "w", value: "two")),
        ])
        #expect(clusters("p-development") == ["a", "b"] && clusters("p-production") == ["b"])
        let diff = planner.apply([.assignment("x", assignment("x", "p", nil, value: "two"))])
        #expect(clusters("p-development") == ["b"] && diff.namespaces == ["p-development"])
        planner.apply([.assignment("x", nil)])
        #expect(clusters("p-development") == ["a", "b"] && clusters("p-production") == ["b"])
    }

    @Test("Of two labels of a whole project the older counts; archiving touches its label")
    func wholeProjectTwice() throws {
        var planner = try planner([
            .assignment("old", assignment("old", "p", nil, age: 9)), .assignment("new", assignment("new", "p", nil)),
            .assignment("domain", assignment("domain", "p", "production")),
        ])
        #expect(planner.plan.duplicateAssignments == ["new": "old"])
        let diff = planner.apply([.discovered(DiscoveredProjects([], archived: ["p"]))])
        #expect(diff.assignments == ["old", "new", "domain"])
    }

    /// One random change of a small fleet, in which names, owners and namespaces often collide.
    private struct History {
        var random: SeededRandom
        let settings: [RegistrySettings]
        let source = ValueSource(name: "v", configMapKeyRef: .init(name: "values", key: "v"))

        mutating func number(_ below: Int) -> Int { Int.random(in: 0..<below, using: &random) }
        mutating func pick<Element>(_ elements: [Element]) -> Element { elements[number(elements.count)] }
        mutating func project() -> String { pick(["p", "p-a", "q", "Bad"]) }
        mutating func domain() -> String { pick(["a", "a-b", "b"]) }
        mutating func age() -> Double { Double(number(3)) }

        mutating func change() -> FleetChange {
            switch number(12) {
            case 0...3: return assignmentChange()
            case 4...6: return projectChange()
            case 7: return dataPlaneChange()
            case 8:
                let name = pick(["l1", "l2"])
                let clusters = [(pick(["c1", "c2"]), 1.0)]
                return .executionLabel(
                    name, number(4) == 0 ? nil : label(name, clusters, label: pick(["x", "y"]), age: age()))
            case 9: return .settings(pick(settings))
            case 10:
                let found = (0..<number(3)).map { _ in (id: project(), domains: [domain()]) }
                return .discovered(number(4) == 0 ? nil : DiscoveredProjects(found, archived: [project()]))
            default:
                if number(3) == 0 {
                    let rows = (0..<number(3)).map { _ in
                        (project: project(), domain: pick(["", domain()]), values: ["quota": "\(number(2))"])
                    }
                    return .attributes(pick([.none, .pending, .known(ClusterResourceAttributes(rows))]))
                }
                if number(2) == 0 { return .reading(source, pick([nil, .pending, .text("1"), .text("2")])) }
                let version = number(2)
                return .templates(version == 0 ? CompiledTemplates() : CompiledTemplates(.standard, version: version))
            }
        }

        private mutating func assignmentChange() -> FleetChange {
            let name = pick(["e1", "e2", "e3", "e4"])
            if number(4) == 0 { return .assignment(name, nil) }
            let workflow = pick([nil, "w"])
            if number(4) == 0 {
                return .assignment(name, assignment(name, project(), nil, value: pick(["x", "y"]), age: age()))
            }
            return .assignment(
                name, assignment(name, project(), domain(), workflow: workflow, value: pick(["x", "y"]), age: age()))
        }

        private mutating func projectChange() -> FleetChange {
            let name = pick(["f1", "f2", "f3"])
            if number(4) == 0 { return .project(name, nil) }
            var object = FlyteProject(metadata: metadata(name, age: age()), spec: .init(project: project()))
            if number(2) == 0 { object.spec.domains = [domain()] }
            if number(3) == 0 { object.spec.valuesFrom = [source] }
            if number(3) == 0 { object.spec.values = ["quota": .string("\(number(2))")] }
            return .project(name, object)
        }

        private mutating func dataPlaneChange() -> FleetChange {
            let name = pick(["c1", "c2"])
            if number(4) == 0 { return .dataPlane(name, nil) }
            let isEnabled = number(3) > 0
            let quota = TemplateValue.string("\(number(2))")
            return .dataPlane(
                name,
                dataPlane(name) {
                    $0.enabled = isEnabled
                    $0.values = ["quota": quota]
                })
        }
    }

    @Test("Through 100,000 random changes the plan equals the snapshot's own plan", arguments: 0..<4)
    func equalsFromNothing(seed: Int) throws {
        let variants = [
            RegistrySettings(), try settings { $0.domains = ["a", "b"] },
            try settings { ($0.domains, $0.syncScope) = (["a"], .labelled) },
            try settings { ($0.domains, $0.namespaceTemplate) = (["a", "b"], "{{ domain }}") },
            try settings { ($0.domains, $0.defaultExecutionLabel, $0.syncScope) = (["b"], "x", .labelled) },
        ]
        var history = History(random: SeededRandom(seed: UInt64(seed)), settings: variants)
        var planner = FleetPlanner()
        var steps = 0
        while steps < 25_000 {
            let before = planner.plan
            let changes = (0...history.number(2)).map { _ in history.change() }
            let diff = planner.apply(changes)
            steps += changes.count
            let plan = planner.plan
            // From nothing at every second look: it is most of the time that this test takes.
            let isSame = history.number(2) == 0 || plan == FleetPlanner(planner.snapshot).plan
            guard isSame else {
                Issue.record("seed \(seed), step \(steps): \(changes)")
                return
            }
            let names = Set(before.namespaces.keys).union(plan.namespaces.keys)
            #expect(diff.namespaces == names.filter { before.namespaces[$0] != plan.namespaces[$0] })
            let keys = Set(before.entries.keys).union(plan.entries.keys)
            let told = keys.filter {
                before.entries[$0]?.answer != plan.entries[$0]?.answer
                    || before.entries[$0]?.sharesWith != plan.entries[$0]?.sharesWith
                    || before.disagreements[$0] != plan.disagreements[$0]
            }
            #expect(diff.projectDomains.isSuperset(of: told))
        }
    }
}
