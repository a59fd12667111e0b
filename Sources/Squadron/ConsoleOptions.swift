import ArgumentParser
import Console
import Kube
import KubeObjects
import Operator
import Support

/// The options of every command beside `run`.
struct ConsoleOptions: ParsableArguments {
    @Option(
        help:
            "The kubeconfig of the control plane. By default the account of the pod; outside of a pod KUBECONFIG, then ~/.kube/config."
    )
    var kubeconfig: String?
    @Option(help: "The context of the control plane in the kubeconfig. By default its current one.")
    var context: String?
    @Option(name: .shortAndLong, help: "The namespace of the control plane with the custom resources.")
    var namespace = "flyte"
    @Option(name: .shortAndLong, help: "How to print the result.")
    var output = OutputFormat.text

    func validate() throws {
        if namespace.isEmpty { throw ValidationError("--namespace is empty") }
    }
}

extension OutputFormat: ExpressibleByArgument {}

/// A running command: its screen, and its way to the control plane with the user's own kubeconfig.
struct CommandRun {
    /// `status`: the command's name in messages.
    let name: String
    let screen: Screen

    init(_ name: String) {
        self.name = name
        screen = .process(environment: ProcessEnvironment.values(Screen.variables))
    }

    func note(_ text: String) { screen.note("squadron \(name): \(text)") }

    /// Prints the reason on standard error and ends the process.
    func endpoint(kubeconfig: String?, context: String?) async throws -> ClusterEndpoint {
        let environment = ProcessEnvironment.values(EndpointSource.variables)
        do throws(EndpointFailure) {
            let source = try EndpointSource.find(kubeconfig, context: context, environment: environment)
            return try await source.endpoint(
                context: context, environment: environment, plugins: .process { [screen] in screen.note($0) })
        } catch {
            note("\(error)")
            throw ExitCode(error.isOfPlugin ? Outcome.failed.rawValue : Outcome.usage.rawValue)
        }
    }
}

extension ConsoleOptions {
    /// Runs a command against the control plane, and ends the process with its outcome. An error is printed on standard
    /// error, after the command's name.
    func run(
        _ name: String, connections: Int = 4, _ body: (ControlPlaneReader, Screen) async throws -> Outcome
    ) async throws {
        let command = CommandRun(name)
        let endpoint = try await command.endpoint(kubeconfig: kubeconfig, context: context)
        let client = ControlPlaneReader.client(
            for: endpoint, userAgent: SquadronVersion.userAgent, connections: connections)
        defer { client.close() }
        let outcome: Outcome
        do {
            outcome = try await body(ControlPlaneReader(client: client, namespace: namespace), command.screen)
        } catch let error as KubeError {
            command.note("the control plane at \(endpoint.server): \(error)\(error.advice)")
            throw ExitCode(Outcome.failed.rawValue)
        }
        if outcome != .done { throw ExitCode(outcome.rawValue) }
    }
}

extension CommandRun {
    /// The contexts of the kubeconfig whose cluster has this server.
    func contexts(kubeconfig: String?, withServer server: String) -> [String] {
        let environment = ProcessEnvironment.values(EndpointSource.variables)
        guard
            case .kubeconfig(let config)? = try? EndpointSource.find(kubeconfig, context: nil, environment: environment)
        else { return [] }
        return config.contextNames(withServer: server)
    }
}

/// Another cluster that a command works in, with the rights of the kubeconfig's context.
struct OtherCluster {
    let endpoint: ClusterEndpoint
    let client: KubeClient
}

extension ConsoleOptions {
    /// The same with a client for the cluster of another context. Nil if none is named.
    func run(
        _ name: String, beside context: String?,
        _ body: (ControlPlaneReader, OtherCluster?, Screen) async throws -> Outcome
    ) async throws {
        guard let context else { return try await run(name) { try await body($0, nil, $1) } }
        let endpoint = try await CommandRun(name).endpoint(kubeconfig: kubeconfig, context: context)
        let client = ControlPlaneReader.client(for: endpoint, userAgent: SquadronVersion.userAgent)
        defer { client.close() }
        try await run(name) { try await body($0, OtherCluster(endpoint: endpoint, client: client), $1) }
    }
}

extension KubeError {
    /// What a user can do about the error. Empty if the error says it all.
    fileprivate var advice: String {
        if isNotServed { return " (are Squadron's CRDs installed there, and is it the control plane's context?)" }
        if isForbidden { return " (the command reads with your own rights)" }
        return ""
    }
}

/// A help text that ends with examples and exit codes.
enum Help {
    static func discussion(_ text: String, examples: [String], codes: [(Int, String)]) -> String {
        let lines =
            ["EXAMPLES:"] + examples.map { "  " + $0 } + ["", "EXIT CODES:"] + codes.map { "  \($0.0)  \($0.1)" }
        return text + "\n\n" + lines.joined(separator: "\n")
    }

    static let usualCodes = [(0, "done"), (1, "failed"), (2, "wrong usage")]
}
