import ArgumentParser
import Console
import Operator

struct Orphans: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the namespaces that Squadron made in data planes, and that nothing wants any more.",
        discussion: Help.discussion(
            """
            Reads every enabled data plane with the credentials that its DataPlane names. So you need the right to read those \
            Secrets. It names each data plane that it can't read. It deletes nothing.
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
