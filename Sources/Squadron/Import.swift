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
            It reads clusters.yaml, cluster_resources.yaml, flytectl's attribute files, the ConfigMaps of Flyte's chart, or a \
            running flyteadmin. It prints DataPlanes, ExecutionLabels, a ClusterRegistry with mode: Observe, FlyteProjects and \
            ExecutionClusterLabels. It applies nothing. It reads Helm's values too, if they have no Helm expressions. Standard \
            error names what can't be taken over, with file and line. `import check` prints only that.
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

    @Argument(help: "check: only say what can be taken over, and what can't. Without it, the manifests are printed.")
    var action: Action?
    @Option(
        help: """
            A clusters.yaml, or Helm's values. Or `configmap`: the ConfigMaps of Flyte's chart in the namespace, \
            cluster_resources.yaml among them. Can be repeated.
            """)
    var clusters: [String] = []
    @Option(help: "A cluster_resources.yaml, Helm's values, or `configmap`. Can be repeated.")
    var clusterResources: [String] = []
    @Option(help: "A file that flytectl get … --attrFile has written, or a folder of them. Can be repeated.")
    var attributes: [String] = []
    @Flag(
        help:
            "Also take projects, labels and attributes from flyteadmin: the one that the ClusterRegistry names, or that of --flyteadmin. Off by default."
    )
    var fromFlyteadmin = false
    @Option(help: "The URL of a flyteadmin that needs no login. By default the one that the ClusterRegistry names.")
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
