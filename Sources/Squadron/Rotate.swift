import ArgumentParser
import Console
import Kube
import Operator

struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a data plane's accounts new tokens; at no moment without one that works.",
        discussion: Help.discussion(
            """
            Makes a new token Secret in the data plane, publishes its token into the control plane's Secret (that key alone), \
            waits until Squadron and flyteadmin work with it, and then deletes the old one. With publish.restart the operator \
            restarts flyteadmin; without, this command restarts the Deployments that mount the Secret. It can be interrupted \
            and run again at any time.
            """,
            examples: [
                "squadron rotate dataplane-1 --cluster-context dp1",
                "squadron rotate dataplane-1 --cluster-context dp1 --account flyteadmin",
            ],
            codes: [(0, "done"), (1, "failed; the message says what was done and what is left"), (2, "wrong usage")]))

    @OptionGroup var dataPlane: OneDataPlane
    @Option(help: "The kubeconfig's context of the cluster; without it, the one with the DataPlane's endpoint.")
    var clusterContext: String?
    @Option(help: "The account to give a new token; by default Squadron's and flyteadmin's own.")
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
