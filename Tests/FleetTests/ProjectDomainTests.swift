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
        "A project-domain gets a namespace that Kubernetes takes and that is nobody else's, or a reason",
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
        "Wanted are projects, with the registry's domains unless they have their own, and assignments"
    )
    func union() throws {
        var own = FlyteProject(
            metadata: metadata("team2"), spec: .init(project: "team2", domains: ["production", "production"]))
        own.spec.values = ["a": "b"]
        let domains = ProjectDomains(
            template: try template(), domains: ["development", "staging"],
            projects: [FlyteProject(metadata: metadata("team1"), spec: .init(project: "team1")), own],
            assignments: [
                assignment("a", "team1", "development"), assignment("b", "team3", "production"),
                assignment("w", "team3", "production", workflow: "w"), assignment("bad", "Bad", "production"),
            ])
        #expect(
            Set(domains.owners.keys) == [
                "team1-development", "team1-staging", "team2-production", "team3-production",
            ])
        #expect(domains.entries[.init(project: "team2", domain: "production")]?.project == own)
        #expect(domains.entries[.init(project: "Bad", domain: "production")]?.answer.name == nil)
    }

    @Test("Two project-domains with one namespace: it belongs to the older, and the other one shares it")
    func shared() throws {
        let domains = ProjectDomains(
            template: try template("{{ domain }}"), domains: [], projects: [],
            assignments: [assignment("new", "p1", "dev", age: 1), assignment("old", "p2", "dev", age: 2)])
        let (old, new) = (ProjectDomain(project: "p2", domain: "dev"), ProjectDomain(project: "p1", domain: "dev"))
        #expect(domains.owners == ["dev": old])
        #expect(domains.entries[new]?.sharesWith == old && domains.entries[old]?.sharesWith == nil)
    }

    @Test("Names that run together, a-b + c and a + b-c, do not get one namespace each")
    func ambiguous() throws {
        let domains = ProjectDomains(
            template: try template(), domains: [], projects: [],
            assignments: [assignment("x", "a-b", "c", age: 2), assignment("y", "a", "b-c", age: 1)])
        #expect(domains.owners == ["a-b-c": ProjectDomain(project: "a-b", domain: "c")])
    }

    @Test("Of two FlyteProjects of one project the older counts")
    func duplicateProject() throws {
        let old = FlyteProject(metadata: metadata("old", age: 9), spec: .init(project: "p", domains: ["a"]))
        let new = FlyteProject(metadata: metadata("new", age: 1), spec: .init(project: "p", domains: ["b"]))
        let domains = ProjectDomains(template: try template(), domains: [], projects: [new, old], assignments: [])
        #expect(Set(domains.owners.keys) == ["p-a"])
        #expect(ProjectObservation.duplicates([new, old]) == ["new": "old"])
        let observed = ProjectObservation(object: new, duplicateOf: "old", domains: [])
        #expect(observed.verdicts.last?.reason == "DuplicateProject")
    }
}
