import ArgumentParser
import Console
import Fleet
import KubeObjects

struct Cordon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send no new executions to a data plane; what runs there goes on.",
        discussion: Help.discussion(
            """
            Sets spec.unschedulable of the DataPlane. Its cluster leaves labelClusterMap, and the other clusters of each label \
            share its part. Its namespaces are still kept in sync. If a label would be left without a cluster, the command \
            changes nothing, unless you give --force. flyteadmin reads its configuration when it starts: with publish.restart \
            the operator restarts it, otherwise you do.
            """,
            examples: ["squadron cordon dataplane-1", "squadron cordon dataplane-1 --force"],
            codes: [
                (0, "done, or it is cordoned already"),
                (1, "failed, or a label would become empty: nothing was changed"), (2, "wrong usage"),
            ]))

    @Argument(help: "The DataPlane's name.")
    var name: String
    @Flag(
        help: "Cordon it even if a label is left without a cluster. Executions with that label then run in any cluster."
    )
    var force = false
    @OptionGroup var options: ConsoleOptions

    func validate() throws { if name.isEmpty { throw ValidationError("NAME is empty") } }

    func run() async throws {
        try await options.run("cordon") { reader, screen in
            try await CordonPlan.carryOut(.cordon(force: force), name, reader, screen, options.output)
        }
    }
}

struct Uncordon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send new executions to a data plane again.",
        discussion: Help.discussion(
            """
            Unsets spec.unschedulable of the DataPlane. It also removes the annotation multicluster.flyte.org/allow-empty, \
            which cordon --force has set, from the labels that have a cluster again.
            """,
            examples: ["squadron uncordon dataplane-1"],
            codes: [(0, "done, or it is not cordoned"), (1, "failed"), (2, "wrong usage")]))

    @Argument(help: "The DataPlane's name.")
    var name: String
    @OptionGroup var options: ConsoleOptions

    func validate() throws { if name.isEmpty { throw ValidationError("NAME is empty") } }

    func run() async throws {
        try await options.run("uncordon") { reader, screen in
            try await CordonPlan.carryOut(.uncordon, name, reader, screen, options.output)
        }
    }
}

extension CordonPlan {
    fileprivate static func carryOut(
        _ action: Action, _ name: String, _ reader: ControlPlaneReader, _ screen: Screen, _ output: OutputFormat
    ) async throws -> Outcome {
        let plan = CordonPlan(action, of: name, try await reader.objects(of: [.dataPlanes, .executionLabels]))
        try await plan.apply(reader)
        if let objection = plan.objection {
            screen.note("squadron \(action == .uncordon ? "uncordon" : "cordon"): \(objection)")
            if output == .text { return .failed }
        }
        return screen.show(plan, as: output)
    }
}
