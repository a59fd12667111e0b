import ArgumentParser
import Console
import Kube
import Operator

struct Leave: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a data plane out of the fleet. Its namespaces stay.",
        discussion: Help.discussion(
            """
            It refuses while an ExecutionLabel names the cluster. It cordons the data plane, waits until flyteadmin has read \
            that, and refuses while flyteadmin runs executions there. Then it takes the cluster out of flyteadmin's \
            configuration, and waits again. At the end it removes the cluster's keys, what join made in the data plane (with \
            --cluster-context), and the DataPlane. A key that flyteadmin's configuration still names stays. You can interrupt \
            it, and run it again at any time.
            """,
            examples: [
                "squadron leave dataplane-1 --cluster-context dp1",
                "squadron leave dataplane-1 --cluster-context dp1 --dry-run",
                "squadron leave dataplane-1 --abandon-executions    # the cluster is gone for good",
            ],
            codes: [(0, "done"), (1, "failed; the message says what was done and what is left"), (2, "wrong usage")]))

    @OptionGroup var dataPlane: OneDataPlane
    @Option(help: "The context of the data plane, in the same kubeconfig. Without it, what join made there stays.")
    var clusterContext: String?
    @Flag(help: "Keep what join made in the data plane. Off by default.")
    var keepAccount = false
    @Flag(help: "Go on even if flyteadmin runs executions there. It can't abort them afterwards. Off by default.")
    var abandonExecutions = false
    @OptionGroup var options: ConsoleOptions

    func run() async throws {
        var request = LeaveRequest(name: dataPlane.name, namespace: options.namespace)
        (request.keepsAccount, request.abandonsExecutions) = (keepAccount, abandonExecutions)
        try await options.run("leave", beside: clusterContext) { [request] reader, cluster, screen in
            let run = LeaveRun(
                controlPlane: reader, dataPlane: cluster?.client, screen: screen, isDry: dataPlane.dryRun,
                patience: dataPlane.timeout.duration)
            return await run.carryOut(request)
        }
    }
}
