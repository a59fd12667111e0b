import ArgumentParser
import Console
import Operator

@main
struct Squadron: AsyncParsableCommand {
    // With its type, and from a function of another name. Otherwise Swift takes the protocol's default, a command
    // without subcommands.
    static let configuration: CommandConfiguration = commands(as: "squadron")

    static func commands(as name: String) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: "The multi-cluster operator for Flyte.", version: SquadronVersion.current,
            subcommands: [
                Run.self, Join.self, Leave.self, Rotate.self, Status.self, Why.self, Explain.self, Cordon.self,
                Uncordon.self, Rollout.self, Orphans.self, Diff.self, Doctor.self, Rights.self, UI.self,
                Import.self, Export.self, Completion.self,
                Version.self,
            ])
    }

    static func main() async {
        // For `kubectl squadron …`, kubectl runs the program `kubectl-squadron` in PATH, a link to this one.
        let program = CommandLine.arguments.first?.split(separator: "/").last ?? ""
        if program == "kubectl-squadron" { await KubectlSquadron.start() } else { await start() }
    }
}

/// The same commands. Their help names them as the user has typed them.
struct KubectlSquadron: AsyncParsableCommand {
    static let configuration: CommandConfiguration = Squadron.commands(as: "kubectl squadron")
}

extension AsyncParsableCommand {
    /// Wrong usage exits with 2, as the contract says (ArgumentParser's own code is 64).
    fileprivate static func start() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            failIfOutputIsLost()
        } catch {
            failIfOutputIsLost()
            let code = exitCode(for: error)
            guard code == .validationFailure else { exit(withError: error) }
            printError(fullMessage(for: error))
            exit(withError: ExitCode(2))
        }
    }

    /// A command has failed if a part of its report is missing.
    private static func failIfOutputIsLost() {
        guard let why = Screen.lostOutput else { return }
        printError("squadron: standard output: \(why)")
        exit(withError: ExitCode(Outcome.failed.rawValue))
    }
}
