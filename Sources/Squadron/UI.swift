import ArgumentParser
import Console
import Serving
import UnixSignals

struct UI: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ui",
        abstract: "Show the fleet as a live, read-only page in your browser.",
        discussion: Help.discussion(
            """
            It serves one page on this machine only, and prints its address. Open that in a browser. The page shows what you \
            may read yourself: custom resources and Events. The address contains a secret of this run, so give it to nobody. \
            Ctrl-C ends it.
            """,
            examples: [
                "squadron ui", "squadron ui --address 127.0.0.1:8099", "squadron ui --context control-plane -n flyte",
            ], codes: [(0, "ended by a signal"), (1, "failed"), (2, "wrong usage, or an address beyond loopback")]))

    @Option(help: "Where to serve: host:port, with a loopback address. Port 0 is any free port.")
    var address = "127.0.0.1:0"
    @OptionGroup var options: ConsoleOptions

    func validate() throws {
        guard let parsed = ListenAddress(address) else {
            throw ValidationError("--address: \(address) is not host:port")
        }
        if parsed.loopback == nil {
            throw ValidationError(
                "--address: \(address) is not an address of loopback; for another machine, forward a port with ssh -L")
        }
    }

    func run() async throws {
        guard let address = ListenAddress(address) else { return }
        // One connection for each watch, and one for the polling.
        try await options.run("ui", connections: 8) { reader, screen in
            guard let page = PageRun(reader, at: address) else { return .usage }
            do {
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { break }
                        return false
                    }
                    group.addTask {
                        try await page.run { url in
                            screen.print(options.output == .text ? url : "{\"url\": \"\(url)\"}")
                            screen.note("squadron ui: open this address in your browser; Ctrl-C ends it")
                        }
                        return true
                    }
                    defer { group.cancelAll() }
                    _ = try await group.next()
                }
            } catch let error as PageServer.CannotListen {
                screen.note("squadron ui: \(error)")
                return .failed
            }
            return .done
        }
    }
}
