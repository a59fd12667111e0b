import Testing

@testable import Fleet

@Suite("flyteadmin's projects, remembered")
struct DiscoveredProjectsTests {
    @Test("The text is short and says the same again")
    func roundTrip() {
        let found = DiscoveredProjects(
            [("b", ["production", "development"]), ("a", ["development", "production"]), ("c", [])],
            archived: ["old", "a"])
        #expect(
            found.text
                == #"{"archived":["old"],"projects":[{"domains":[],"names":["c"]},{"domains":["development","production"],"names":["a","b"]}]}"#
        )
        #expect(DiscoveredProjects(text: found.text) == found)
        #expect(
            found.projectDomains.map(\.description) == [
                "a/development", "a/production", "b/development", "b/production",
            ])
        #expect(found.archived == ["old"], "a project that is listed isn't archived")
    }

    @Test(
        "Another text is not ours",
        arguments: [
            "", "{}", "[]", #"{"projects":[],"archived":[1]}"#, #"{"projects":[{"names":["a"]}],"archived":[]}"#,
        ])
    func foreign(text: String) { #expect(DiscoveredProjects(text: text) == nil) }

    @Test("Thousands of projects fit into the ConfigMap")
    func large() {
        let projects = (0..<20_000).map {
            (id: "a-project-with-a-long-name-\($0)", domains: ["development", "production"])
        }
        #expect(DiscoveredProjects(projects).text.utf8.count < DiscoveredProjects.sizeLimit)
    }

    @Test("The status names the first archived ones and counts all")
    func bounded() {
        let many = ClusterRegistryStatus.ArchivedProjects(Set((100..<300).map { "p\($0)" }))
        #expect(many?.total == 200)
        #expect(many?.names.count == 64)
        #expect(many?.names.first == "p100")
        #expect(ClusterRegistryStatus.ArchivedProjects([]) == nil)
        let long = ClusterRegistryStatus.ArchivedProjects([String(repeating: "x", count: 5000)])
        #expect(long?.names.first?.utf8.count ?? 9999 <= 253, "the CRD takes no longer one")
    }
}
