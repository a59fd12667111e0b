import ArgumentParser
import Operator

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the version, its commit, and the versions of Kubernetes and Flyte that it is made for.")

    func run() { CommandRun("version").screen.print(SquadronVersion.text) }
}
