import ArgumentParser
import Console
import Operator

struct Rights: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rbac",
        abstract: "Print the Role and ClusterRoles that the present configuration needs.",
        discussion: Help.discussion(
            """
            Names in them are those of the Secrets and ConfigMaps that the custom resources name; the rules for data planes \
            are those of the templates' kinds. The annotation multicluster.flyte.org/apply-to says which cluster a document \
            is for. Nothing is applied.
            """,
            examples: [
                "squadron rbac", "squadron rbac --only control-plane | kubectl apply -f -",
                "squadron rbac --only data-planes | kubectl --context <data plane> apply -f -",
            ], codes: [(0, "done"), (1, "failed, or rules are missing that can't be known"), (2, "wrong usage")]))

    @Option(help: "control-plane or data-planes: the documents of one side alone.")
    var only: NeededRights.Side?
    @OptionGroup var options: ConsoleOptions

    func run() async throws {
        try await options.run("rbac") { reader, screen in
            let reading = try await RightsReading(reader)
            let references = References(
                dataPlanes: reading.dataPlanes, projects: reading.projects, registry: reading.registry)
            let names = NeededRights.Names(secrets: references.secrets, configMaps: references.configMaps)
            let rights = reading.rights(names, namespace: reader.namespace)
            screen.print(rights.rendered(for: only, as: options.output))
            for note in reading.notes + rights.notes { screen.note("note: \(note)") }
            return rights.isIncomplete || !reading.notes.isEmpty ? .failed : .done
        }
    }
}

extension NeededRights.Side: ExpressibleByArgument {}
