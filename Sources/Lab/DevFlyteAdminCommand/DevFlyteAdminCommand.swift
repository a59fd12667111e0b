import ArgumentParser
import DevFlyteAdmin
import Foundation
import UnixSignals

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@main
struct DevFlyteAdminCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devflyteadmin",
        abstract: "flyteadmin's REST API for projects, attributes and executions, in memory, on loopback.",
        discussion: """
            For demos and tests: no TLS, nothing is kept. Prints a line for each write that it answered, and "ready" with its \
            address once it answers. Runs until SIGTERM or SIGINT.
            """)

    @Option(help: "Port; 0 for any.")
    var port = 8088
    @Option(name: .customLong("project"), help: "Projects that are registered, separated by commas.")
    var projects = "flytesnacks"
    @Option(name: .customLong("domain"), help: "Domains, separated by commas.")
    var domains = "development,staging,production"
    @Flag(help: "Require a token of its own token endpoint, /oauth2/token.")
    var oauth2 = false
    @Option(help: "With --oauth2: the client.")
    var clientID = "squadron"
    @Option(help: "With --oauth2: its secret.")
    var clientSecret = "not-a-secret"
    @Option(
        name: .customLong("authorized-host"),
        help: "With --oauth2: the hosts of authorizedUris, separated by commas. A token is for the one that was asked.")
    var authorizedHosts = ""
    @Option(help: "The version that it answers as: 1.16 or 1.10.")
    var answersAs = "1.16"
    @Option(help: "A clusters.yaml, by which executions are placed. Without it they run in flyteadmin's own cluster.")
    var clusters: String?

    func run() async throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port: not a port: \(port)") }
        var options = DevFlyteAdmin.Options()
        options.port = port
        options.projects = Self.names(projects)
        options.domains = Self.names(domains)
        if oauth2 {
            options.oauth2 = .init(clientID: clientID, clientSecret: clientSecret)
            options.oauth2?.authorizedHosts = Self.names(authorizedHosts)
        }
        switch answersAs {
        case "1.16": options.version = .v1_16
        case "1.10": options.version = .v1_10
        default: throw ValidationError("--answers-as: 1.16 or 1.10, not \(answersAs)")
        }
        let placement = try clusters.map { try Tables.Clusters(yaml: String(contentsOfFile: $0, encoding: .utf8)) }
        options.observer = { request in
            guard request.method != "GET" else { return }
            print("\(request.method) \(request.path) \(request.status)")
            fflush(nil)
        }
        // This comes before anything starts, so that an early signal is not lost.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let server = try await DevFlyteAdmin.start(options)
        if let placement { server.edit { $0.clusters = placement } }
        print("ready \(server.url)")
        fflush(nil)
        for await _ in signals { break }
        await server.stop()
    }

    private static func names(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }
}
