import ArgumentParser
import Console
import Support

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print Squadron's state for a Flyte without Squadron: Helm values, flytectl's files, last steps.",
        discussion: Help.discussion(
            """
            Writes values for Flyte's chart (configmap.clusters, cluster_resource_manager), attribute files for flytectl, \
            and steps.sh, which lists what to take away. What Flyte has no place for is named on standard error. Nothing is \
            changed in any cluster.
            """,
            examples: ["squadron export --dir way-back", "squadron export -o json | jq -r '.notes[]'"],
            codes: [
                (0, "done"), (1, "failed, or objects could not be used, so that the files lack something"),
                (2, "wrong usage"),
            ]))

    @Option(help: "A folder for the files; it is created if it doesn't exist. Without it they are printed.")
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
