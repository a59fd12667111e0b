import ArgumentParser
import Console

struct Completion: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a shell's completion script.",
        discussion: Help.discussion(
            "The script completes commands and options. It asks no cluster.",
            examples: [
                "squadron completion bash > /etc/bash_completion.d/squadron",
                "squadron completion zsh > \"${fpath[1]}/_squadron\"",
                "squadron completion fish > ~/.config/fish/completions/squadron.fish",
            ], codes: [(0, "done"), (2, "wrong usage")]))

    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

    @Argument(help: "The shell that reads the script.")
    var shell: Shell

    func run() throws {
        guard let shell = CompletionShell(rawValue: shell.rawValue) else { throw ExitCode(Outcome.usage.rawValue) }
        CommandRun("completion").screen.print(Squadron.completionScript(for: shell))
    }
}
