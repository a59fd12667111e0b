import ArgumentParser
import Console
import Kube
import Operator

struct Leave: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a data plane out of the fleet: what join made goes, and no namespace.",
        discussion: Help.discussion(
            """
            Refuses while an ExecutionLabel names the cluster, and, once it is cordoned and flyteadmin runs with that, while \
            flyteadmin runs executions there. Takes the cluster out of what flyteadmin reads and waits for it, then removes its \
            keys, what join made in the data plane (with --cluster-context), and the DataPlane. A key that something of \
            flyteadmin's still names stays. It can be interrupted and run again at any time.
            """,
            examples: [
                "squadron leave dataplane-1 --cluster-context dp1",
                "squadron leave dataplane-1 --cluster-context dp1 --dry-run",
                "squadron leave dataplane-1 --abandon-executions    # the cluster is gone for good",
            ],
            codes: [(0, "done"), (1, "failed; the message says what was done and what is left"), (2, "wrong usage")]))

    @OptionGroup var dataPlane: OneDataPlane
    @Option(help: "The kubeconfig's context of the cluster; without it, what join made there stays.")
    var clusterContext: String?
    @Flag(help: "Leave what join made in the data plane.")
    var keepAccount = false
    @Flag(help: "Go on whatever flyteadmin runs there: it can no longer abort these executions.")
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
