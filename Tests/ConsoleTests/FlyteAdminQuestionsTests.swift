import Fleet
import Support
import Testing

@testable import Console

@Suite("What commands know of flyteadmin")
struct FlyteAdminQuestionsTests {
    private static let noted = DiscoveredProjects([("old", ["development"])])
    private static let found = DiscoveredProjects([("new", ["development"])])

    /// The projects that count afterwards, how often flyteadmin was asked, and what the command tells.
    private func complete(
        mode: String, discovery: Bool = true, noted: DiscoveredProjects? = noted, answers: FlyteAdminContent
    ) async throws -> (projects: DiscoveredProjects?, asked: Int, problem: String?) {
        var objects = try objects(
            """
            kind: ClusterRegistry
            metadata: {name: flyte, generation: 1}
            spec:
              mode: \(mode)
              flyteAdmin: {endpoint: "https://flyteadmin.flyte.svc:443", projectDiscovery: \(discovery), clusterResourceAttributes: Ignore}
            """)
        if let noted {
            objects.add(
                configMap: DiscoveredProjects.configMapName, .present([DiscoveredProjects.dataKey: noted.text]))
        }
        let asked = Locked(0)
        let notes = FlyteAdminQuestions { _ in
            asked.withLock { $0 += 1 }
            return answers
        }
        let problem = await notes.complete(&objects, isObserved: objects.isObserved)
        return (StoryFacts(objects).discovered, asked.withLock { $0 }, problem)
    }

    @Test("The operator's notes count; in Observe flyteadmin's own answer does")
    func asks() async throws {
        let answers = FlyteAdminContent(projects: Self.found)
        let enforced = try await complete(mode: "Enforce", answers: answers)
        #expect(enforced.projects == Self.noted && enforced.asked == 0)
        let observed = try await complete(mode: "Observe", answers: answers)
        #expect(observed.projects == Self.found && observed.asked == 1 && observed.problem == nil)
        let alone = try await complete(mode: "Enforce", noted: nil, answers: answers)
        #expect(alone.projects == Self.found && alone.asked == 1)
        let unwanted = try await complete(mode: "Observe", discovery: false, answers: answers)
        #expect(unwanted.asked == 0)
    }

    @Test("Without an answer the notes stay, and the command says why")
    func noAnswer() async throws {
        let result = try await complete(mode: "Observe", answers: FlyteAdminContent(problem: "no route"))
        #expect(result.projects == Self.noted)
        #expect(result.problem?.hasSuffix("what the operator noted last counts: no route") == true)
    }
}
