import ArgumentParser
import Logging
import Operator
import UnixSignals

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the operator.")

    @Option(help: "The namespace of the control plane that holds the custom resources and Secrets.")
    var namespace = "flyte"
    @Option(help: "Kubeconfig of the control plane; in a pod, the pod's ServiceAccount is used without it.")
    var kubeconfig: String?
    @Option(help: "The kubeconfig's context; its current one by default.")
    var context: String?
    @Option(help: "Where /healthz, /readyz and /metrics are served.")
    var adminAddress = "0.0.0.0:8080"
    @Flag(help: "Lead without asking: for a single replica.")
    var noLeaderElection = false
    @Option(help: "Seconds between two probes of a data plane.")
    var probeInterval = 10
    @Option(help: "text or json.")
    var logFormat = LogFormat.text
    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = Logger.Level.info

    func validate() throws {
        guard !namespace.isEmpty else { throw ValidationError("--namespace is empty") }
        guard (1...3600).contains(probeInterval) else {
            throw ValidationError("--probe-interval: \(probeInterval) is not between 1 and 3600 seconds")
        }
        _ = try address()
    }

    func run() async throws {
        var configuration: OperatorConfiguration
        do {
            configuration = OperatorConfiguration(endpoint: try ControlPlane.endpoint(kubeconfig, context: context))
        } catch {
            printError("squadron: \(error)")
            throw ExitCode(2)
        }
        configuration.namespace = namespace
        (configuration.adminHost, configuration.adminPort) = try address()
        configuration.electsLeader = !noLeaderElection
        configuration.probeInterval = .seconds(probeInterval)

        let format = logFormat
        let level = logLevel
        let logger = Logger(label: "squadron") { _ in LineLogHandler(format: format, level: level) }
        let squadron = SquadronOperator(configuration, logger: logger)
        logger.notice("starting", metadata: ["version": "\(SquadronVersion.current)", "namespace": "\(namespace)"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                    logger.notice("stopping", metadata: ["signal": "\(signal)"])
                    squadron.shutDown()
                }
            }
            try await squadron.run()
            group.cancelAll()
        }
        logger.notice("stopped")
    }

    private func address() throws -> (String, UInt16) {
        guard let colon = adminAddress.lastIndex(of: ":"),
            let port = UInt16(adminAddress[adminAddress.index(after: colon)...])
        else { throw ValidationError("--admin-address: \(adminAddress) is not host:port") }
        let host = String(adminAddress[..<colon])
        // IPv6 addresses are in brackets there.
        return (host.isEmpty ? "0.0.0.0" : host.filter { $0 != "[" && $0 != "]" }, port)
    }
}

extension LogFormat: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}
