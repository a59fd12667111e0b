import ArgumentParser
import Console
import Support

struct Why: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what wants a namespace, where it is in sync, and where its values come from.",
        discussion: Help.discussion(
            """
            It decides by the operator's own rules. It reads the custom resources, the ConfigMaps that valuesFrom names, and \
            those in which the operator notes flyteadmin's projects. It reads no Secret: for a value in a Secret, it shows the \
            Secret's name and the key.
            """,
            examples: [
                "squadron why team1-production", "squadron why team1/production",
                "squadron why team1/production -o json | jq '.dataPlanes[] | select(.state != \"InSync\")'",
            ], codes: Help.usualCodes + [(3, "nothing wants it")]))

    @Argument(help: "A namespace of the data planes, or PROJECT/DOMAIN.")
    var subject: String
    @OptionGroup var options: ConsoleOptions

    func validate() throws {
        if StorySubject(subject) == nil {
            throw ValidationError("\"\(subject)\" is neither NAMESPACE nor PROJECT/DOMAIN")
        }
    }

    func run() async throws {
        guard let subject = StorySubject(subject) else { return }
        try await options.run("why") { reader, screen in
            var objects = try await reader.objects()
            for name in NamespaceStory.configMapNames(objects).sorted() {
                objects.add(configMap: name, try await reader.configMap(name))
            }
            let flyteAdmin = FlyteAdminQuestions.asking(reader)
            if let problem = await flyteAdmin.complete(&objects, isObserved: objects.isObserved) {
                screen.note("note: " + problem)
            }
            return screen.show(NamespaceStory(of: subject, objects, now: WallClock.system.now), as: options.output)
        }
    }
}
