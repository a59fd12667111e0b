import ArgumentParser
import Fleet
import JSON
import Kube
import Operator
import Support

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say which cluster flyteadmin would draw for an execution, and why.",
        discussion: """
            Goes by the DataPlanes, ExecutionLabels, ExecutionClusterLabels and the ClusterRegistry, as they are in the \
            control plane or, with --filename, in manifests. What was set with flytectl alone is not known to it.
            """)

    enum Output: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(name: .shortAndLong, help: "Flyte's project.")
    var project: String
    @Option(name: .shortAndLong, help: "Flyte's domain.")
    var domain: String
    @Option(name: .shortAndLong, help: "The workflow's name: example.training_workflow.")
    var workflow: String?
    @Option(help: "The execution's name: with it, the one cluster is drawn.")
    var execution: String?
    @Option(help: "The execution cluster label that the launch itself names.")
    var label: String?
    @Option(name: .shortAndLong, help: "text or json.")
    var output = Output.text
    @Option(
        name: [.customShort("f"), .long],
        help: "Manifests instead of the control plane: a file, a folder or \"-\". Can be repeated.")
    var filename: [String] = []
    @Option(help: "Kubeconfig of the control plane; in a pod, the pod's ServiceAccount is used without it.")
    var kubeconfig: String?
    @Option(help: "The kubeconfig's context; its current one by default.")
    var context: String?
    @Option(name: .shortAndLong, help: "The namespace of the control plane that holds the custom resources.")
    var namespace = "flyte"

    func validate() throws {
        let texts = [
            ("project", project), ("domain", domain), ("workflow", workflow), ("execution", execution),
            ("label", label), ("namespace", namespace),
        ]
        for (name, text) in texts where text == "" { throw ValidationError("--\(name) is empty") }
        if !filename.isEmpty, kubeconfig != nil || context != nil {
            throw ValidationError("--filename reads no control plane: leave out --kubeconfig and --context")
        }
    }

    func run() async throws {
        let objects = try await objects()
        let request = Placement.Request(project: project, domain: domain, workflow: workflow, label: label)
        let explanation = Explanation(
            request, execution: execution, objects: objects, now: WallClock.system.now)
        switch output {
        case .json:
            for note in explanation.notes { printError("note: \(note)") }
            print(explanation.json.serializedString)
        case .text: print(explanation.text)
        }
    }

    private func objects() async throws -> FleetObjects {
        if !filename.isEmpty {
            do throws(FleetReading.Failure) {
                return try FleetReading.files(filename, namespace: namespace)
            } catch {
                printError("squadron explain: --filename: \(error)")
                throw ExitCode(2)
            }
        }
        let endpoint = try await CommandRun("explain").endpoint(kubeconfig: kubeconfig, context: context)
        do throws(KubeError) {
            return try await FleetReading.live(endpoint, namespace: namespace)
        } catch {
            printError("squadron explain: the control plane at \(endpoint.server): \(error)")
            throw ExitCode(1)
        }
    }
}
