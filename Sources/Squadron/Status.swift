import ArgumentParser
import Console
import Support

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the fleet on one screen, worst first.",
        discussion: Help.discussion(
            "Shows what the statuses of the custom resources say. It needs no running operator, and only the right to read these.",
            examples: [
                "squadron status", "squadron status --context control-plane -n flyte",
                "squadron status -o json | jq -r '.dataPlanes[] | select(.ready != \"True\") | .name'",
            ], codes: Help.usualCodes))

    @OptionGroup var options: ConsoleOptions

    func run() async throws {
        try await options.run("status") { reader, screen in
            var objects = try await reader.objects()
            objects.lease = try await reader.lease()
            return screen.show(FleetOverview(objects, now: WallClock.system.now), as: options.output)
        }
    }
}
