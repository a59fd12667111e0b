import ArgumentParser
import Operator

@main
struct Squadron: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "squadron", abstract: "The multi-cluster operator for Flyte.", version: SquadronVersion.current,
        subcommands: [Run.self, Explain.self, Version.self])

    /// Wrong usage ends with 2, as the contract says (ArgumentParser's own code is 64).
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            let code = exitCode(for: error)
            guard code == .validationFailure else { exit(withError: error) }
            printError(fullMessage(for: error))
            exit(withError: ExitCode(2))
        }
    }
}
