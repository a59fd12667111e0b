import Fleet
import JSON
import KubeObjects
import Testing

@testable import Console

@Suite("squadron orphans")
struct OrphanTests {
    private static let fleet = """
        kind: FlyteProject
        metadata: {name: team1, generation: 1}
        spec: {project: team1, domains: [development]}
        ---
        kind: DataPlane
        metadata: {name: a, generation: 1}
        spec: {endpoint: "https://a"}
        """

    private func namespace(_ project: String, owner: String? = "me", deleted: Bool = false) throws -> ObjectMeta {
        var json: JSON = [
            "name": .string("\(project)-development"),
            "labels": [
                "multicluster.flyte.org/project": .string(project), "multicluster.flyte.org/domain": "development",
            ],
        ]
        json["annotations"] = owner.map { ["multicluster.flyte.org/control-plane-uid": .string($0)] }
        if deleted { json["deletionTimestamp"] = "2026-06-01T12:00:00Z" }
        return try ObjectMeta(json: json)
    }

    private func report(_ reading: NamespacesFound.Reading, _ text: String = fleet) throws -> OrphanReport {
        let identity = try #require(RegistryIdentity(IdentitySpec(takesOverFrom: ["before"]), namespaceUID: "me"))
        return OrphanReport(
            StoryFacts(try objects(text)), identity, [NamespacesFound(dataPlane: "a", cluster: "a", reading: reading)])
    }

    @Test("Only what is ours and wanted by nothing is an orphan")
    func found() throws {
        let report = try report(
            .namespaces([
                try namespace("team1"), try namespace("gone"), try namespace("other", owner: "another"),
                try namespace("old", owner: "before", deleted: true), try namespace("unmarked", owner: nil),
            ]))
        #expect(report.orphans.map(\.namespace) == ["gone-development", "old-development"])
        #expect(report.outcome == .findings)
        #expect(text(report).contains("it is being deleted"))
        #expect(report.json["orphans"]?[0]?["project"] == "gone")
    }

    @Test("A data plane that can't be looked into is named, and the exit is 1")
    func unreachable() throws {
        let report = try report(.unreachable("no way"))
        #expect(report.outcome == .failed && text(report).contains("a: could not be read: no way"))
        #expect(try self.report(.skipped("off")).outcome == .done)
        #expect(try self.report(.namespaces([try namespace("team1")])).outcome == .done)
    }

    @Test("Where an object can't be used, no namespace is called an orphan")
    func incomplete() throws {
        let broken = Self.fleet + "\n---\nkind: FlyteProject\nmetadata: {name: b, generation: 1}\nspec: {project: 5}"
        #expect(!StoryFacts(try objects(broken)).isComplete)
        #expect(StoryFacts(try objects(Self.fleet)).isComplete)
        let report = OrphanReport(incomplete: ["why"])
        #expect(report.outcome == .failed && text(report).contains("note: why"))
    }

    @Test("An archived project's namespaces are reported as such")
    func archived() throws {
        let text =
            Self.fleet + """

                ---
                kind: ClusterRegistry
                metadata: {name: flyte}
                spec: {flyteAdmin: {endpoint: "https://a", projectDiscovery: true}}
                ---
                kind: ConfigMap
                apiVersion: v1
                metadata: {name: squadron-discovered-projects}
                data: {projects.json: '{"projects": [], "archived": ["gone"]}'}
                """
        let report = try report(.namespaces([try namespace("gone")]), text)
        #expect(report.orphans.map(\.why) == ["flyteadmin has archived the project"])
    }
}
