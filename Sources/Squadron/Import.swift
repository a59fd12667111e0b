import ArgumentParser
import Console
import Fleet
import Kube
import KubeObjects
import Operator

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print manifests for the configuration of a running Flyte.",
        discussion: Help.discussion(
            """
            Reads clusters.yaml, cluster_resources.yaml, flytectl's attribute files, the ConfigMaps of Flyte's chart, or a \
            running flyteadmin, and prints DataPlanes, ExecutionLabels, a ClusterRegistry with mode: Observe, FlyteProjects and \
            ExecutionClusterLabels. Nothing is applied. Helm's values are read too, as far as no expression of Helm's is in \
            them. What can't be taken over is named with file and line, on standard error; `import check` prints that alone.
            """,
            examples: [
                "squadron import check --clusters configmap",
                "squadron import --clusters configmap --from-flyteadmin > fleet.yaml",
                "squadron import --clusters clusters.yaml --cluster-resources cluster_resources.yaml --attributes ecl.yaml",
                "squadron import --clusters way-back/values-clusters.yaml --attributes way-back/execution-cluster-labels",
            ],
            codes: [
                (0, "done"), (1, "failed: nothing is printed"), (2, "wrong usage, or a file that can't be used"),
                (3, "check: something can't be taken over"),
            ]))

    enum Action: String, ExpressibleByArgument, CaseIterable { case check }

    @Argument(help: "check: only say what can be taken over, and what can't.")
    var action: Action?
    @Option(
        help: """
            clusters.yaml, Helm's values, or `configmap`: the ConfigMaps of Flyte's chart in the namespace, its \
            cluster_resources among them. Can be repeated.
            """)
    var clusters: [String] = []
    @Option(help: "cluster_resources.yaml, or Helm's values. Can be repeated.")
    var clusterResources: [String] = []
    @Option(help: "An attribute file of flytectl's, or a folder of them. Can be repeated.")
    var attributes: [String] = []
    @Flag(help: "Projects, labels and attributes of the flyteadmin that the ClusterRegistry names, or of --flyteadmin.")
    var fromFlyteadmin = false
    @Option(help: "With --from-flyteadmin: its address, where no ClusterRegistry names it, and no login is needed.")
    var flyteadmin: String?
    @OptionGroup var options: ConsoleOptions

    private static let configMap = "configmap"

    func validate() throws {
        if clusters.isEmpty, clusterResources.isEmpty, attributes.isEmpty, !fromFlyteadmin {
            throw ValidationError(
                "name what to import: --clusters, --cluster-resources, --attributes or --from-flyteadmin")
        }
        if let flyteadmin {
            if !fromFlyteadmin { throw ValidationError("--flyteadmin is for --from-flyteadmin") }
            if let problem = URLRules.problem(ofFlyteAdmin: flyteadmin) {
                throw ValidationError("--flyteadmin: \(problem)")
            }
        }
    }

    func run() async throws {
        let command = CommandRun("import")
        var sources = ImportSources()
        sources.namespace = options.namespace
        do throws(ImportFailure) {
            sources.clusters = try ImportFiles.texts(clusters.filter { $0 != Self.configMap })
            sources.clusterResources = try ImportFiles.texts(clusterResources.filter { $0 != Self.configMap })
            sources.attributes = try ImportFiles.texts(attributes)
        } catch {
            command.note("\(error)")
            throw ExitCode(error.outcome.rawValue)
        }
        let readsChart = (clusters + clusterResources).contains(Self.configMap)
        let outcome: Outcome
        if readsChart || fromFlyteadmin {
            let files = sources
            try await options.run("import") { reader, screen in
                var sources = files
                do {
                    try await read(into: &sources, reader, screen)
                } catch let failure as ImportFailure {
                    screen.note("squadron import: \(failure)")
                    return failure.outcome
                }
                return show(sources, screen)
            }
            return
        }
        outcome = show(sources, command.screen)
        if outcome != .done { throw ExitCode(outcome.rawValue) }
    }

    private func read(into sources: inout ImportSources, _ reader: ControlPlaneReader, _ screen: Screen) async throws {
        let reading = ImportReading(reader)
        let (all, resources) = (clusters.contains(Self.configMap), clusterResources.contains(Self.configMap))
        if all || resources {
            let notes = try await reading.addChart(
                to: &sources, clusters: all, clusterResources: resources || clusterResources.isEmpty)
            for note in notes { screen.note("note: \(note)") }
        }
        if flyteadmin == nil || all || resources { sources.registry = try await reading.registry() }
        if fromFlyteadmin {
            try await FlyteAdminImport(reader, address: flyteadmin).add(to: &sources)
        }
    }

    private func show(_ sources: ImportSources, _ screen: Screen) -> Outcome {
        let plan: ImportPlan
        do throws(ImportFailure) {
            plan = try ImportPlan(sources)
        } catch {
            screen.note("squadron import: \(error)")
            return error.outcome
        }
        if action == .check { return screen.show(plan.check, as: options.output) }
        if !plan.documents.isEmpty { screen.print(plan.rendered(as: options.output)) }
        for note in plan.notes { screen.note("note: \(note)") }
        for gap in plan.gaps { screen.note("can't be taken over: \(gap.place): \(gap.message)") }
        return .done
    }
}
