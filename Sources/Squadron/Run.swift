import ArgumentParser
import Logging
import Operator
import Serving
import Support
import UnixSignals

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the operator.",
        discussion: """
            It watches the custom resources in one namespace of the control plane, and keeps the data planes as they say. \
            SIGTERM ends it after the requests in flight.
            """)

    @Option(help: "The namespace of the control plane with the custom resources and Secrets.")
    var namespace = "flyte"
    @Option(
        help:
            "The kubeconfig of the control plane. By default the account of the pod; outside of a pod KUBECONFIG, then ~/.kube/config."
    )
    var kubeconfig: String?
    @Option(help: "The context of the control plane in the kubeconfig. By default its current one.")
    var context: String?
    @Option(
        help: """
            Where /healthz, /readyz and /metrics are served: host:port, with an IPv6 address in brackets. Without a host: all \
            addresses, those of IPv6 too.
            """)
    var adminAddress = "0.0.0.0:8080"
    @Option(help: "Where /metrics is served: host:port. By default at the admin address.")
    var metricsAddress: String?
    @Flag(help: "Lead without a Lease. Only for a single replica. Off by default.")
    var noLeaderElection = false
    @Option(help: "The time between two probes of a data plane, from 1 s to an hour: seconds, or 10s, 1m.")
    var probeInterval = Interval.seconds(10)
    @OptionGroup var cloud: CloudOptions
    @Option(help: "The form of each line of the log.")
    var logFormat = LogFormat.text
    @Option(help: "What is logged: this level and those that are more severe.")
    var logLevel = Logger.Level.info
    @Flag(
        help:
            "For developers: permit core dumps and debuggers. The memory holds the token of every data plane. Off by default."
    )
    var debuggable = false

    func validate() throws {
        guard !namespace.isEmpty else { throw ValidationError("--namespace is empty") }
        guard (.seconds(1)...Duration.seconds(3600)).contains(probeInterval.duration) else {
            throw ValidationError("--probe-interval: \(probeInterval) is not between 1 and 3600 seconds")
        }
        _ = try address("--admin-address", adminAddress)
        if let metricsAddress { _ = try address("--metrics-address", metricsAddress) }
    }

    func run() async throws {
        // This runs before anything can read the TLS variables of the environment, and before a token is in memory.
        let cleared = ProcessHardening.clearEnvironment()
        let format = logFormat
        let level = logLevel
        let logger = Logger(label: "squadron") { _ in LineLogHandler(format: format, level: level) }
        do throws(ProcessHardening.Refused) {
            if !debuggable { try ProcessHardening.forbidCoreDumps() }
            try ProcessHardening.raiseOpenFileLimit()
        } catch {
            logger.warning("\(error)")
        }

        var configuration: OperatorConfiguration
        do {
            configuration = OperatorConfiguration(endpoint: try ControlPlane.endpoint(kubeconfig, context: context))
        } catch {
            printError("squadron: \(error)")
            throw ExitCode(2)
        }
        configuration.namespace = namespace
        configuration.adminAddress = try address("--admin-address", adminAddress)
        configuration.metricsAddress = try metricsAddress.map { try address("--metrics-address", $0) }
        configuration.electsLeader = !noLeaderElection
        configuration.probeInterval = probeInterval.duration
        configuration.cloud = try cloud.access("squadron")

        let squadron = SquadronOperator(configuration, logger: logger)
        logger.notice("starting", metadata: ["version": "\(SquadronVersion.current)", "namespace": "\(namespace)"])
        if !cleared.isEmpty {
            logger.notice(
                "these variables are ignored: they could change TLS or the way of connections",
                metadata: ["variables": "\(cleared.joined(separator: ","))"])
        }
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

    private func address(_ option: String, _ text: String) throws -> ListenAddress {
        guard let address = ListenAddress(text) else {
            throw ValidationError("\(option): \(text) is not host:port")
        }
        return address
    }
}

extension LogFormat: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}
