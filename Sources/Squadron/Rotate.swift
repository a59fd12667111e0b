import ArgumentParser
import Console
import Kube
import Operator

struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a data plane's accounts new tokens. At every moment one token works.",
        discussion: Help.discussion(
            """
            It makes a new token Secret in the data plane, and writes its token into the control plane's Secret (only that \
            key). It waits until Squadron and flyteadmin use the new token, and then deletes the old one. With publish.restart \
            the operator restarts flyteadmin; otherwise this command restarts the Deployments that mount the Secret. You can \
            interrupt it, and run it again at any time.
            """,
            examples: [
                "squadron rotate dataplane-1 --cluster-context dp1",
                "squadron rotate dataplane-1 --cluster-context dp1 --account flyteadmin",
            ],
            codes: [(0, "done"), (1, "failed; the message says what was done and what is left"), (2, "wrong usage")]))

    @OptionGroup var dataPlane: OneDataPlane
    @Option(
        help:
            "The context of the data plane, in the same kubeconfig. By default the one whose server is the DataPlane's endpoint."
    )
    var clusterContext: String?
    @Option(help: "The only account to get a new token. By default Squadron's, and flyteadmin's if it has its own.")
    var account: String?
    @OptionGroup var options: ConsoleOptions

    func run() async throws {
        let context = try await contextOfCluster()
        try await options.run("rotate", beside: context) { reader, other, screen in
            guard let other else { return .failed }
            let run = RotateRun(
                controlPlane: reader, endpoint: other.endpoint, dataPlane: other.client, screen: screen,
                isDry: dataPlane.dryRun, patience: dataPlane.timeout.duration, userAgent: SquadronVersion.userAgent)
            return await run.carryOut(dataPlane.name, account: account)
        }
    }

    /// The context that the user names, or the one whose server is the DataPlane's endpoint.
    private func contextOfCluster() async throws -> String? {
        if let clusterContext { return clusterContext }
        var endpoint = ""
        try await options.run("rotate") { reader, _ in
            let object = try await reader.client.get(.dataPlanes, namespace: reader.namespace, name: dataPlane.name)
            endpoint = object[path: ["spec", "endpoint"]]?.string ?? ""
            return .done
        }
        let command = CommandRun("rotate")
        let contexts = command.contexts(kubeconfig: options.kubeconfig, withServer: endpoint)
        guard let first = contexts.first else {
            command.note("no context of the kubeconfig has the server \(endpoint): name one by --cluster-context")
            throw ExitCode(Outcome.usage.rawValue)
        }
        command.screen.note("note: context \(first), whose server is the endpoint of \(dataPlane.name)")
        return first
    }
}
