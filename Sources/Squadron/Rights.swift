import ArgumentParser
import Console
import Operator

struct Rights: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rbac",
        abstract: "Print the Role and ClusterRoles that the present configuration needs.",
        discussion: Help.discussion(
            """
            The Role for the control plane has the names of the Secrets and ConfigMaps that the custom resources use. The \
            ClusterRole for data planes has the kinds of the templates. The annotation multicluster.flyte.org/apply-to says \
            for which cluster a document is. The command applies nothing.
            """,
            examples: [
                "squadron rbac", "squadron rbac --only control-plane | kubectl apply -f -",
                "squadron rbac --only data-planes | kubectl --context <data plane> apply -f -",
            ], codes: [(0, "done"), (1, "failed, or rules are missing that can't be known"), (2, "wrong usage")]))

    @Option(help: "Print only the documents for this side. By default those for both.")
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
