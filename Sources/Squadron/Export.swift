import ArgumentParser
import Console
import Support

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write what a Flyte without Squadron needs: Helm values, flytectl's files and the last steps.",
        discussion: Help.discussion(
            """
            Makes values for Flyte's chart (configmap.clusters, cluster_resource_manager), attribute files for flytectl, and \
            steps.sh, which lists what to remove. Standard error names what Flyte has no place for. It changes nothing in any \
            cluster.
            """,
            examples: ["squadron export --dir way-back", "squadron export -o json | jq -r '.notes[]'"],
            codes: [
                (0, "done"), (1, "failed, or some objects can't be used, so the files lack something"),
                (2, "wrong usage"),
            ]))

    @Option(help: "The folder for the files. It is made if it doesn't exist. By default the files are printed.")
    var dir: String?
    @OptionGroup var options: ConsoleOptions

    func validate() throws {
        if dir == "" { throw ValidationError("--dir is empty") }
    }

    func run() async throws {
        try await options.run("export") { reader, screen in
            var objects = try await reader.objects()
            for name in FlyteExport.configMapNames(objects).sorted() {
                objects.add(configMap: name, try await reader.configMap(name))
            }
            let export = FlyteExport(objects, now: WallClock.system.now)
            if let dir {
                do throws(NewFolder.Failure) {
                    try NewFolder.write(export.files, to: dir)
                } catch {
                    screen.note("squadron export: \(error)")
                    return .failed
                }
                screen.print(export.files.map { "\(dir)/\($0.name)" }.joined(separator: "\n"))
            } else {
                screen.print(export.rendered(as: options.output))
            }
            for note in export.notes { screen.note("note: \(note)") }
            return export.isIncomplete ? .failed : .done
        }
    }
}
