import ArgumentParser
import Fleet
import Support
import TokenSources

/// The way to the clouds' token services, for what asks them: trust and way are the command line's, never the environment's.
struct CloudOptions: ParsableArguments {
    @Option(help: "PEM certificates that are trusted beside the system's roots for STS, metadata and Entra.")
    var cloudCaFile: String?
    @Option(help: "The proxy to these, http://host:port, https://… or socks5h://….")
    var cloudProxy: String?
    @Option(help: "A host that a cloud's tokens may be sent to as well, as a name or *.example.com. Can be repeated.")
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
