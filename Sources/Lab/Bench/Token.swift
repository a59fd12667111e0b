import ArgumentParser
import Support
import TokenSources

/// How long it takes to sign a token for EKS. No server is asked for one.
struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Signs tokens for EKS and tells the time of one.")
    @Option(help: "So many.") var count = 20_000

    func run() throws {
        let keys = AWSKeys(
            id: "AKIDEXAMPLE", secret: Sensitive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session: Sensitive(String(repeating: "FwoGZXIvYXdzEBYaDEXAMPLE//+token==", count: 20)))
        let now = WallClock.system.now
        var times: [Double] = []
        var bytes = 0
        for number in 0..<max(1, count) {
            let start = ContinuousClock.now
            bytes += EKSToken.make(keys, region: "eu-west-1", cluster: "prod-\(number)", now: now).count
            times.append((ContinuousClock.now - start).seconds * 1e6)
        }
        say(
            "a token for EKS: \(format(times.median, 1)) µs (median of \(times.count)), p99 "
                + "\(format(times.percentile(0.99), 1)) µs, \(bytes / times.count) bytes")
    }
}
