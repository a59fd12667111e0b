import ArgumentParser
import Operator

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the version, the commit that it is built from, and what it is made for.")

    func run() { print(SquadronVersion.text) }
}
