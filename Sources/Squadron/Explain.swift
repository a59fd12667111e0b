import ArgumentParser
import Console
import Fleet
import JSON
import Kube
import KubeObjects
import Operator
import Support

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say which cluster flyteadmin would draw for an execution, and why.",
        discussion: Help.discussion(
            """
            It decides by the DataPlanes, ExecutionLabels, ExecutionClusterLabels and the ClusterRegistry in the control plane \
            or, with --filename, in manifests. If the registry has flyteAdmin and you may read its Secrets, the command asks \
            flyteadmin too: for labels that no object has, and with --execution for the cluster where it ran. Notes say what \
            flyteadmin has not read yet.
            """,
            examples: [
                "squadron explain --project team1 --domain production",
                "squadron explain --project team1 --domain production --execution a8f2c6 -o json | jq -r .cluster",
                "squadron explain --all",
            ], codes: Help.usualCodes + [(3, "no cluster can be drawn; with --all, no project-domain is known")]))

    @Option(name: .shortAndLong, help: "The project in Flyte.")
    var project: String?
    @Option(name: .shortAndLong, help: "The domain in Flyte.")
    var domain: String?
    @Option(
        name: .shortAndLong,
        help: "The name of the workflow: example.training_workflow. By default one without a label of its own.")
    var workflow: String?
    @Option(
        help:
            "The name of the execution. With it, the command draws the one cluster. By default it shows the chance of each."
    )
    var execution: String?
    @Option(help: "The label that the launch itself names. By default none.")
    var label: String?
    @Flag(help: "Print all project-domains, with the chance of each cluster. Off by default.")
    var all = false
    @Option(
        name: [.customShort("f"), .long],
        help:
            "Manifests to read instead of the control plane: a file, a folder, or - for standard input. Can be repeated."
    )
    var filename: [String] = []
    @OptionGroup var options: ConsoleOptions

    func validate() throws {
        let texts = [
            ("project", project), ("domain", domain), ("workflow", workflow), ("execution", execution),
            ("label", label),
        ]
        for (name, text) in texts {
            if text == "" { throw ValidationError("--\(name) is empty") }
            if all, text != nil { throw ValidationError("--all is instead of --\(name)") }
        }
        if !all {
            guard project != nil else { throw ValidationError("give --project and --domain, or --all") }
            guard domain != nil else { throw ValidationError("--domain is missing") }
        }
        if !filename.isEmpty, options.kubeconfig != nil || options.context != nil {
            throw ValidationError("--filename reads no control plane: leave out --kubeconfig and --context")
        }
    }

    func run() async throws {
        guard filename.isEmpty else {
            let command = CommandRun("explain")
            let objects: FleetObjects
            do throws(FleetReading.Failure) {
                objects = try FleetReading.files(filename, namespace: options.namespace)
            } catch {
                command.note("--filename: \(error)")
                throw ExitCode(Outcome.usage.rawValue)
            }
            let outcome = show(objects, on: command.screen)
            if outcome != .done { throw ExitCode(outcome.rawValue) }
            return
        }
        try await options.run("explain") { reader, screen in
            var objects = try await FleetReading.live(reader.client, namespace: reader.namespace, whole: all)
            if let settings = objects.registry?.spec.flyteAdmin {
                objects.flyteAdmin = await view(settings, reader)
                if all { await addProjects(settings, reader, to: &objects) }
            }
            return show(objects, on: screen)
        }
    }

    private func show(_ objects: FleetObjects, on screen: Screen) -> Outcome {
        let now = WallClock.system.now
        guard let project, let domain else {
            return screen.show(PlacementTable(objects, now: now), as: options.output)
        }
        let request = Placement.Request(project: project, domain: domain, workflow: workflow, label: label)
        return screen.show(
            Explanation(request, execution: execution, objects: objects, now: now), as: options.output)
    }

    /// In Observe the operator does not note flyteadmin's projects.
    private func addProjects(
        _ settings: FlyteAdmin, _ reader: ControlPlaneReader, to objects: inout FleetObjects
    ) async {
        let isNoted = objects.configMaps[DiscoveredProjects.configMapName] != nil
        guard settings.projectDiscovery, !isNoted || objects.registry?.spec.mode == .observe,
            let projects = await FlyteAdminQuestions.asking(reader).ask(settings).projects
        else { return }
        objects.add([
            "apiVersion": "v1", "kind": .string(ConfigMap.resourceType.kind),
            "metadata": ["name": .string(DiscoveredProjects.configMapName), "namespace": .string(reader.namespace)],
            "data": [DiscoveredProjects.dataKey: .string(projects.text)],
        ])
    }

    private func view(_ settings: FlyteAdmin, _ reader: ControlPlaneReader) async -> FlyteAdminView {
        let secrets = await FlyteAdminReach.secrets(FlyteAdminReach.secretNames(settings), reader)
        do throws(FlyteAdminReach.Refusal) {
            let reach = try FlyteAdminReach(settings, secrets: secrets, userAgent: SquadronVersion.userAgent)
            guard let execution, let project, let domain else { return await .read(reach, execution: nil) }
            return await .read(reach, execution: (execution, project, domain))
        } catch {
            return .unknown(error.message, execution: execution)
        }
    }
}
