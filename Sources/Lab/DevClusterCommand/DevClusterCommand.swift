import ArgumentParser
import DevCluster
import UnixSignals

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@main
struct DevClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devcluster",
        abstract: "Kubernetes API servers in one process, on loopback, for demos, tests and benchmarks.",
        discussion: """
            Writes DIR/<name>.kubeconfig (administrator) and DIR/<name>.ca.crt for each, prints "ready" once all answer, and \
            runs until SIGTERM or SIGINT.
            """)

    @Option(help: "Folder for kubeconfigs and CA certificates; made where it is missing.")
    var dir: String
    @Option(help: "Names, separated by commas; or a number N, for dataplane-1 to dataplane-N.")
    var clusters: String
    @Option(help: "Port of the first server; each other gets the next. Any free ones by default.")
    var port: Int?
    @Option(help: "Port of the control endpoint (faults, request counts); 0 for any. None by default.")
    var controlPort: Int?
    @Option(help: "Round trip added to the network of every server.")
    var latencyMs: Int = 0
    @Option(help: "At most this much more, each way, at random.")
    var jitterMs: Int = 0
    @Option(help: "From a namespace to its default ServiceAccount; negative: never.")
    var serviceAccountDelayMs: Int = 0
    @Option(help: "Seed of everything random.")
    var seed: UInt64 = 1

    func validate() throws {
        _ = try names()
        for (flag, value) in [("--port", port), ("--control-port", controlPort)] {
            if let value, !(0...65_535).contains(value) { throw ValidationError("\(flag): not a port: \(value)") }
        }
        if latencyMs < 0 || jitterMs < 0 { throw ValidationError("--latency-ms, --jitter-ms: must not be negative") }
    }

    func run() async throws {
        Self.raiseFileLimit()
        var options = DevCluster.Options()
        options.port = port ?? 0
        options.seed = seed
        options.link = LinkConditions(roundTrip: .milliseconds(latencyMs), jitter: .milliseconds(jitterMs))
        options.controllers.defaultServiceAccountDelay =
            serviceAccountDelayMs < 0 ? nil : .milliseconds(serviceAccountDelayMs)
        // This comes before anything starts, so that an early signal is not lost.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let fleet = try await DevFleet.start(try names(), options: options)
        let control: ControlServer? =
            if let controlPort { try await ControlServer.start(fleet, port: controlPort) } else { nil }
        try OutputFolder(dir).write(fleet)
        if let control { print("control http://127.0.0.1:\(control.port)") }
        print("ready")
        fflush(nil)
        for await _ in signals { break }
        await control?.stop()
        await fleet.stop()
    }

    /// Each server and each connection is a file, so 500 servers do not fit into the usual 1024.
    private static func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private func names() throws -> [String] {
        if let count = Int(clusters) {
            guard (1...5_000).contains(count) else { throw ValidationError("--clusters: from 1 to 5000, not \(count)") }
            return (1...count).map { "dataplane-\($0)" }
        }
        let names = clusters.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for name in names where !Self.isName(name) {
            throw ValidationError("--clusters: not a name: \"\(name)\" (letters, digits, \"-\", \"_\" and \".\")")
        }
        guard Set(names).count == names.count else { throw ValidationError("--clusters: a name stands there twice") }
        return names
    }

    /// Whether it can be a file name and a YAML string.
    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 100 && name.first != "."
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    /// Like `main`, with the exit codes of the contract: 2 for wrong usage, 1 for a failure.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            let code = exitCode(for: error)
            if code == .success { exit(withError: error) }
            let text = fullMessage(for: error) + "\n"
            _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            Self.exit(withStatus: code == .validationFailure ? 2 : 1)
        }
    }

    private static func exit(withStatus status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }
}
