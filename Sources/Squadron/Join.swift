import ArgumentParser
import Console
import Fleet
import JSON
import Kube
import KubeObjects
import Operator
import Support
import YAML

struct Join: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a cluster a data plane, in one go.",
        discussion: Help.discussion(
            """
            In the cluster of --cluster-context it makes the account squadron. The account gets the rights for the kinds of the \
            templates, and for flyteadmin those for FlyteWorkflows. In the control plane it adds the account's token and the \
            cluster's CA to the Secret cluster-credentials; other keys stay as they are. Then it makes the DataPlane, and waits \
            until the operator finds it Available. You can run it again at any time.
            """,
            examples: [
                "squadron join dataplane-1 --cluster-context dp1 --cluster-name dataplane_1 --label label1",
                "squadron join dataplane-2 --cluster-context dp2 --mode Observe",
                "squadron join dataplane-1 --cluster-context dp1 -o yaml > dataplane-1.yaml",
            ],
            codes: [(0, "done"), (1, "failed; the message says what was made"), (2, "wrong usage")]))

    @Argument(help: "The DataPlane's name.")
    var name: String
    @Option(help: "The context, in the same kubeconfig, of the cluster that becomes a data plane.")
    var clusterContext: String
    @Option(help: "Flyte's id of the cluster. By default the DataPlane's name.")
    var clusterName: String?
    @Option(help: "Also make an ExecutionLabel of this name, with this cluster alone. By default none.")
    var label: String?
    @Option(
        help:
            "Observe: the DataPlane begins in Observe, and cordoned. By default it has the mode of the ClusterRegistry."
    )
    var mode: Mode?
    @Option(help: "The URL by which the operator reaches the cluster. By default the server of the context.")
    var endpoint: String?
    @Option(help: "Make an account of this name for flyteadmin. By default flyteadmin uses the account squadron too.")
    var flyteadminAccount: String?
    @Flag(help: "Ask the API servers what would be stored, and store nothing. Off by default.")
    var dryRun = false
    @Option(help: "How long to wait until the DataPlane is Available: seconds, or 90s, 5m.")
    var timeout = Interval.seconds(90)
    @OptionGroup var options: ConsoleOptions

    func validate() throws { if name.isEmpty { throw ValidationError("NAME is empty") } }

    func run() async throws {
        let command = CommandRun("join")
        let endpoint = try await command.endpoint(kubeconfig: options.kubeconfig, context: clusterContext)
        var request = JoinRequest(
            name: name, clusterName: clusterName, endpoint: self.endpoint ?? endpoint.server,
            namespace: options.namespace)
        (request.label, request.mode, request.flyteAdminAccount) = (label, mode, flyteadminAccount)
        if let problem = request.problem {
            command.note(problem)
            throw ExitCode(Outcome.usage.rawValue)
        }
        let ca = endpoint.tls.caCertificates
        request.usesSystemRoots = ca == nil
        if let note = request.noteForFlyteAdmin { command.screen.note("note: \(note)") }
        if options.output != .text { return try await print(request, command) }
        try await options.run("join") { reader, screen in
            let rights = try await RightsReading(reader)
            for note in rights.notes { screen.note("note: \(note)") }
            let client = ControlPlaneReader.client(for: endpoint, userAgent: SquadronVersion.userAgent)
            defer { client.close() }
            return await JoinRun(
                controlPlane: reader, dataPlane: client, ca: ca, screen: screen, isDry: dryRun,
                patience: timeout.duration
            ).carryOut(
                request.watching(rights.registry.flyteHealth),
                rules: rights.dataPlaneRules(namespace: reader.namespace))
        }
    }

    /// Prints only the documents. It reads the control plane for the templates' kinds, and sends nothing to the data
    /// plane.
    private func print(_ request: JoinRequest, _ command: CommandRun) async throws {
        try await options.run("join") { reader, screen in
            let rights = try await RightsReading(reader)
            for note in rights.notes { screen.note("note: \(note)") }
            let documents = request.watching(rights.registry.flyteHealth)
                .documents(rules: rights.dataPlaneRules(namespace: reader.namespace))
            if options.output == .json {
                let list: JSON = ["apiVersion": "v1", "kind": "List", "items": .array(documents)]
                screen.print(String(decoding: list.serialized(pretty: true), as: UTF8.self))
            } else {
                screen.print(YAML.emit(documents: documents))
            }
            for note in request.notesForGitOps { screen.note("note: \(note)") }
            return rights.notes.isEmpty ? .done : .failed
        }
    }
}

extension Mode: ExpressibleByArgument {}
