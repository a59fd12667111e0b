import ArgumentParser
import Fleet
import Support
import TokenSources

/// The way to the clouds' token services, for what asks them: trust and way are the command line's, never the environment's.
struct CloudOptions: ParsableArguments {
    @Option(
        help:
            "A file of PEM certificates to trust for the clouds' token services (STS, Google's, Entra), beside the system's roots. By default only these roots."
    )
    var cloudCaFile: String?
    @Option(
        help:
            "The proxy to the clouds' token services: http://host:port, https://host:port or socks5h://host:port. By default none."
    )
    var cloudProxy: String?
    @Option(
        help:
            "Another host that a cloud's tokens may be sent to: a name, or a pattern as *.example.com. By default only the cloud's own. Can be repeated."
    )
    var cloudHost: [String] = []

    func validate() throws {
        for pattern in cloudHost {
            if let problem = CloudHosts.problem(of: pattern) {
                throw ValidationError("--cloud-host: \(pattern) \(problem)")
            }
        }
        if let cloudProxy, let problem = URLRules.problem(of: cloudProxy, schemes: ["http", "https", "socks5h"]) {
            throw ValidationError("--cloud-proxy: \(problem)")
        }
    }

    /// - Parameter command: how the message names it.
    func access(_ command: String) throws -> CloudAccess {
        do throws(IssueFailure) {
            return try CloudAccess(caFile: cloudCaFile, proxyURL: cloudProxy, hosts: cloudHost)
        } catch {
            printError("\(command): --cloud-ca-file: \(error)")
            throw ExitCode(2)
        }
    }
}
