import KubeObjects
import Testing

@testable import Fleet

@Suite("Project-domains and their namespaces")
struct ProjectDomainTests {
    func template(_ text: String = ClusterRegistrySpec.defaultNamespaceTemplate) throws -> NamespaceTemplate {
        try NamespaceTemplate(text, operatorNamespace: "flyte")
    }

    static let names: [(String, String, String, String?)] = [
        ("{{ project }}-{{ domain }}", "project1", "development", "project1-development"),
        ("{{ domain }}", "project1", "development", "development"),
        ("x-{{ project }}", "p", "d", "x-p"),
        ("{{ project }}-{{ domain }}", "Project1", "development", nil),
        ("{{ project }}-{{ domain }}", "a_b", "development", nil),
        ("{{ project }}-{{ domain }}", "a.b", "development", nil),
        ("{{ project }}-{{ domain }}", "", "development", nil),
        ("{{ project }}-{{ domain }}", "-a", "development", nil),
        ("{{ project }}-{{ domain }}", "a/../b", "d", nil),
        ("{{ project }}-{{ domain }}", "ünïcode", "d", nil),
        ("{{ project }}-{{ domain }}", "a\nb", "d", nil),
        (
            "{{ project }}-{{ domain }}", String(repeating: "p", count: 58), "prod",
            "\(String(repeating: "p", count: 58))-prod"
        ),
        ("{{ project }}-{{ domain }}", String(repeating: "p", count: 59), "prod", nil),
        ("{{ project }}-{{ domain }}", String(repeating: "p", count: 100_000), "prod", nil),
        ("{{ project }}-{{ domain }}", "kube", "system", nil),
        ("{{ project }}-{{ domain }}", "kube-x", "d", nil),
        ("{{ domain }}", "p", "default", nil),
        ("{{ domain }}", "p", "flyte", nil),
        ("{{domain}}", "p", "d", nil),
        ("{{ project }}-{{ domain }}", "{{ domain }}", "d", nil),
        ("constant", "p", "d", "constant"),
    ]
    @Test(
        "A project-domain gets a valid namespace that is nobody else's, or a reason",
        arguments: names)
    func naming(_ entry: (template: String, project: String, domain: String, name: String?)) throws {
        let answer = try template(entry.template).namespace(of: .init(project: entry.project, domain: entry.domain))
        #expect(answer.name == entry.name)
        if case .invalid(let message) = answer { #expect(message.utf8.count < 400 && !message.contains("\n")) }
    }

    @Test("A template with another placeholder is refused by name")
    func unknownPlaceholder() {
        #expect(
            throws: SpecProblem(
                "spec.namespaceTemplate", "{{ user }} can't be there: only {{ project }} and {{ domain }} can")
        ) {
            try template("{{ project }}-{{ user }}")
        }
    }

    @Test(
        "Assignments and projects, with their own or the registry's domains, are wanted"
    )
    func union() throws {
        var own = FlyteProject(
            metadata: metadata("team2"), spec: .init(project: "team2", domains: ["production", "production"]))
        own.spec.values = ["a": "b"]
        let domains = ProjectDomains(
            template: try template(), domains: ["development", "production"],
            projects: [FlyteProject(metadata: metadata("team1"), spec: .init(project: "team1")), own],
            assignments: [
                assignment("a", "team1", "development"), assignment("b", "team3", "production"),
                assignment("w", "team3", "production", workflow: "w"), assignment("bad", "Bad", "production"),
            ])
        #expect(
            Set(domains.owners.keys) == [
                "team1-development", "team1-production", "team2-production", "team3-production",
            ])
        #expect(domains.entries[.init(project: "team2", domain: "production")]?.project == own)
        #expect(domains.entries[.init(project: "Bad", domain: "production")]?.answer.name == nil)
    }

    @Test("Two project-domains with one namespace: the older owns it, the other shares it")
    func shared() throws {
        let domains = ProjectDomains(
            template: try template("{{ domain }}"), domains: ["dev"], projects: [],
            assignments: [assignment("new", "p1", "dev", age: 1), assignment("old", "p2", "dev", age: 2)])
        let (old, new) = (ProjectDomain(project: "p2", domain: "dev"), ProjectDomain(project: "p1", domain: "dev"))
        #expect(domains.owners == ["dev": old])
        #expect(domains.entries[new]?.sharesWith == old && domains.entries[old]?.sharesWith == nil)
    }

    @Test("Names that run together, a-b + c and a + b-c, do not get one namespace each")
    func ambiguous() throws {
        let domains = ProjectDomains(
            template: try template(), domains: ["c", "b-c"], projects: [],
            assignments: [assignment("x", "a-b", "c", age: 2), assignment("y", "a", "b-c", age: 1)])
        #expect(domains.owners == ["a-b-c": ProjectDomain(project: "a-b", domain: "c")])
    }

    @Test("Of two FlyteProjects of one project the older counts")
    func duplicateProject() throws {
        let old = FlyteProject(metadata: metadata("old", age: 9), spec: .init(project: "p", domains: ["a"]))
        let new = FlyteProject(metadata: metadata("new", age: 1), spec: .init(project: "p", domains: ["b"]))
        let domains = ProjectDomains(
            template: try template(), domains: ["a", "b"], projects: [new, old], assignments: [])
        #expect(Set(domains.owners.keys) == ["p-a"])
        #expect(ProjectFacts.duplicates([new, old]) == ["new": "old"])
        let observed = ProjectFacts(object: new, duplicateOf: "old", domains: [])
        #expect(observed.findings.last?.reason == "DuplicateProject")
    }

    @Test("A domain that the registry does not have gets no namespace, whatever wants it")
    func unknownDomains() throws {
        var project = FlyteProject(
            metadata: metadata("cert"), spec: .init(project: "cert", domains: ["manager", "dev"]))
        let domains = ProjectDomains(
            template: try template(), domains: ["dev"], projects: [project],
            assignments: [assignment("x", "istio", "system")],
            discovered: Seniority.youngest([.init(project: "own", domain: "elsewhere")]))
        // flyteadmin's own project-domains are what they are.
        #expect(Set(domains.owners.keys) == ["cert-dev", "own-elsewhere"])
        var observed = ProjectFacts(
            object: project, duplicateOf: nil,
            domains: [
                .init(domain: "dev", namespace: .name("cert-dev"), progress: .init(desired: 1, synced: 1, failed: 0))
            ])
        observed.unknownDomains = project.unknownDomains(["dev"])
        #expect(observed.findings.map(\.reason) == ["UnknownDomain", "UnknownDomain"])
        #expect(observed.findings[0].message.contains("\"manager\"") && observed.findings[0].message.contains("dev"))
        project.spec.domains = ["dev"]
        #expect(project.unknownDomains(["dev"]) == nil)
        let assigned = AssignmentFacts(
            object: assignment("x", "istio", "system"), duplicateOf: nil, label: nil,
            namespace: .unknown(domains: ["system"], of: ["dev"]), progress: .zero, publication: .published)
        #expect(assigned.findings.first { $0.type == .namespaceSynced }?.reason == "UnknownDomain")
    }

    @Test("Of two names that come out alike the older one keeps the namespace")
    func collision() throws {
        var spec = ClusterRegistrySpec()
        spec.domains = ["1-production", "production"]
        var planner = FleetPlanner()
        planner.apply([
            .settings(.init(spec: spec, template: try template())),
            .assignment("new", assignment("new", "team", "1-production", age: 1)),
            .assignment("old", assignment("old", "team-1", "production", age: 2)),
        ])
        let (new, old) = (
            ProjectDomain(project: "team", domain: "1-production"),
            ProjectDomain(project: "team-1", domain: "production")
        )
        #expect(planner.plan.namespaces["team-1-production"]?.owner == old)
        #expect(planner.plan.disagreements[new]?.contains("belongs to team-1/production, which is older") == true)
        #expect(planner.plan.disagreements[old] == nil)
    }

    static let reservedPatterns: [(String, String, Bool)] = [
        ("cert-manager", "cert-manager", true), ("cert-manager", "cert-manager2", false), ("*", "anything", true),
        ("istio-*", "istio-", true), ("istio-*", "istio-system", true), ("istio-*", "my-istio-system", false),
        ("*-system", "kyverno-system", true), ("*-system", "system", false), ("a*b*c", "abc", true),
        ("a*b*c", "axxbyyc", true), ("a*b*c", "acb", false), ("a*a", "a", false), ("*a*a*", "xaya", true),
        ("**", "x", true), ("ab*ba", "aba", false),
    ]
    @Test("A reserved name may have * for any characters", arguments: reservedPatterns)
    func patterns(_ entry: (pattern: String, name: String, matches: Bool)) throws {
        #expect(try #require(NamePattern(entry.pattern)).matches(entry.name) == entry.matches)
        let template = try NamespaceTemplate("{{ project }}", operatorNamespace: "flyte", reserved: [entry.pattern])
        let answer = template.namespace(of: .init(project: entry.name, domain: "d"))
        if entry.matches { #expect(answer.name == nil) }
    }

    @Test("A pattern that no namespace could have is refused with its place")
    func badPatterns() {
        for pattern in ["", "Team", "a.b", "a b", String(repeating: "a", count: 64)] {
            #expect(throws: SpecProblem.self) {
                try NamespaceTemplate("{{ project }}", operatorNamespace: "", reserved: ["good", pattern])
            }
        }
        var spec = ClusterRegistrySpec()
        spec.reservedNamespaces = ["good", "B"]
        #expect(spec.problems().map(\.path) == ["spec.reservedNamespaces[1]"])
    }

    @Test("A project has its object's name; one of another name goes on and says so")
    func projectName() throws {
        let named = try FlyteProject(json: ["metadata": ["name": "team1"], "spec": [:]])
        #expect(named.spec.project == "team1" && named.spec.problems().isEmpty)
        let other = FlyteProject(metadata: metadata("other"), spec: .init(project: "team1"))
        let domain = ProjectFacts.Domain(
            domain: "d", namespace: .name("team1-d"), progress: .init(desired: 1, synced: 1, failed: 0))
        let observed = ProjectFacts(object: other, duplicateOf: nil, domains: [domain])
        #expect(observed.findings.map(\.reason) == ["InSync", "Invalid"])
        #expect(observed.findings[1].message.contains("make a FlyteProject named team1"))
        let domains = ProjectDomains(template: try template(), domains: ["d"], projects: [other], assignments: [])
        #expect(Set(domains.owners.keys) == ["team1-d"])
    }

    @Test("A locked value of a project is ignored in each of its layers, and named")
    func locked() {
        var registry = ClusterRegistrySpec()
        registry.values = ["defaultIamRole": "fleet", "quota": "1"]
        var spec = FlyteProjectSpec(project: "p")
        spec.values = ["defaultIamRole": "own", "quota": "2"]
        spec.domainValues = ["dev": ["defaultIamRole": "own"]]
        spec.valuesFrom = [.init(name: "gsa", configMapKeyRef: .init(name: "c", key: "k"))]
        func values() -> [String: String] {
            ValueLayers(registry: registry, project: spec, dataPlane: DataPlaneSpec()) { _ in .text("own") }
                .values(for: .init(project: "p", domain: "dev"), namespace: "p-dev")
        }
        #expect(values()["defaultIamRole"] == "fleet" && values()["quota"] == "2" && values()["gsa"] == nil)
        #expect(spec.sets(registry.lockedValues) == ["defaultIamRole", "gsa"])
        var observed = ProjectFacts(
            object: FlyteProject(metadata: metadata("p"), spec: spec), duplicateOf: nil,
            domains: [
                .init(domain: "dev", namespace: .name("p-dev"), progress: .init(desired: 1, synced: 1, failed: 0))
            ])
        observed.lockedValues = spec.sets(registry.lockedValues)
        #expect(observed.findings.map(\.reason) == ["InSync", "ValueLocked"])
        #expect(observed.findings[1].message.contains("defaultIamRole, gsa"))
        registry.lockedValues = []
        #expect(values()["defaultIamRole"] == "own" && values()["gsa"] == "own")
    }
}
