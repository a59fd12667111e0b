import ArgumentParser
import Console
import Operator

struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what applying manifests would change in every data plane.",
        discussion: Help.discussion(
            """
            It plans as the operator does, with the files in the place of the objects of the same names. Then it asks every \
            data plane by server-side dry run. Without a file it shows what ending Observe would change. It writes nothing, and \
            needs no running operator. It reads the control plane with your own rights, and the data planes with the credentials \
            that their DataPlanes name. So you need the right to read those Secrets.
            """,
            examples: [
                "squadron diff -f templates.yaml", "kustomize build fleet | squadron diff -f -",
                "squadron diff -f registry.yaml -f templates.yaml -o json", "squadron diff",
            ],
            codes: [
                (0, "nothing would change"), (1, "failed, or a data plane could not be read"),
                (2, "wrong usage, or a file that can't be used"), (3, "something would change; conflicts count"),
            ]))

    @Option(
        name: .customShort("f"), parsing: .upToNextOption,
        help: "Files or folders of manifests; - is standard input. By default none.")
    var files: [String] = []
    @OptionGroup var options: ConsoleOptions
    @OptionGroup var cloud: CloudOptions

    func run() async throws {
        let files: DiffFiles
        do throws(ImportFailure) {
            files = try DiffFiles(try ImportFiles.texts(self.files), namespace: options.namespace)
        } catch {
            CommandRun("diff").note("\(error)")
            throw ExitCode(error.outcome.rawValue)
        }
        let cloud = try cloud.access("squadron diff")
        try await options.run("diff") { reader, screen in
            let access = DataPlaneAccess(reader, userAgent: SquadronVersion.userAgent, cloud: cloud)
            let run = DiffRun(reader, access, .asking(reader), files, screen)
            return screen.show(try await run.report(), as: options.output)
        }
    }
}
