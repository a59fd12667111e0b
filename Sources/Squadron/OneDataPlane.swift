import ArgumentParser

/// What a command takes that changes one data plane of the fleet in several steps.
struct OneDataPlane: ParsableArguments {
    @Argument(help: "The DataPlane's name.")
    var name: String
    @Flag(help: "Say what would be done, and do nothing. Off by default.")
    var dryRun = false
    @Option(help: "How long to wait for each step: seconds, or 90s, 15m.")
    var timeout = Interval.seconds(900)

    func validate() throws { if name.isEmpty { throw ValidationError("NAME is empty") } }
}
