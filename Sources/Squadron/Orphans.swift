import ArgumentParser
import Console
import Operator

struct Orphans: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the namespaces of ours in the data planes that nothing wants.",
        discussion: Help.discussion(
            """
            Looks into every enabled data plane with the credentials that its DataPlane names, so that it needs the right \
            to read those Secrets. A data plane that can't be looked into is named. Nothing is deleted.
            """,
            examples: [
                "squadron orphans", "squadron orphans -o json | jq -r '.orphans[] | .dataPlane + \" \" + .namespace'",
            ],
            codes: [
                (0, "there are none"), (1, "failed, or a data plane could not be read"), (2, "wrong usage"),
                (3, "there are some"),
            ]))

    @OptionGroup var options: ConsoleOptions
    @OptionGroup var cloud: CloudOptions

    func run() async throws {
        let cloud = try cloud.access("squadron orphans")
        try await options.run("orphans") { reader, screen in
            let access = DataPlaneAccess(reader, userAgent: SquadronVersion.userAgent, cloud: cloud)
            return screen.show(try await OrphanSearch(reader, access, .asking(reader)).report(), as: options.output)
        }
    }
}
