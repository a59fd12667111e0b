/// The hosts that belong to a cloud. A cloud's token is sent only to them. Otherwise a user with the right to edit
/// DataPlanes could have it sent to a server of their own.
public struct CloudHosts: Sendable, Hashable {
    /// The hosts of `--cloud-host`, for every cloud.
    private let more: [String]

    public init(_ patterns: [String] = []) { more = patterns.map { $0.lowercased() } }

    /// Why a text can't be a pattern for `--cloud-host`. Nil if it can.
    public static func problem(of pattern: String) -> String? {
        let name = pattern.hasPrefix("*.") ? String(pattern.dropFirst(2)) : pattern
        guard !name.contains("*") else { return "has a * elsewhere than at its start, as in *.example.com" }
        if pattern.hasPrefix("*."), !name.contains(".") { return "is a pattern for a whole top-level domain" }
        return NameRules.problem(ofDNSName: name)
    }

    /// Whether the API server at that URL belongs to the cloud.
    public func allow(_ url: String, of provider: CredentialsProvider) -> Bool {
        switch provider {
        case .aws: matches(url, ["*.eks.amazonaws.com", "*.eks.amazonaws.com.cn"])
        case .gcp: matches(url, ["*.gke.goog", "*.googleapis.com"])
        case .azure: matches(url, ["*.azmk8s.io"])
        case .secret, .tokenRequest, .federated: false
        }
    }

    /// Whether a token or assertion may be exchanged there. `amazonaws.com` also has hosts of customers, so only the
    /// names of STS count.
    public func allow(tokenService url: String, of provider: CredentialsProvider) -> Bool {
        guard let host = URLRules.parts(of: url)?.host else { return false }
        if matches(url, []) { return true }
        switch provider {
        case .aws: return Self.isSTS(host)
        case .gcp: return ["sts.googleapis.com", "iamcredentials.googleapis.com"].contains(host)
        case .azure:
            return [
                "login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn",
                "login.partner.microsoftonline.cn",
            ].contains(host)
        case .secret, .tokenRequest, .federated: return false
        }
    }

    /// STS has the hosts `sts.amazonaws.com`, `sts.eu-west-1.amazonaws.com`, `sts-fips.…`, and those of VPC endpoints:
    /// `vpce-1-2.sts.eu-west-1.vpce.amazonaws.com`.
    private static func isSTS(_ host: String) -> Bool {
        guard let domain = AWSDomain.all.first(where: { host.hasSuffix("." + $0) }) else { return false }
        let labels = host.dropLast(domain.count + 1).split(separator: ".", omittingEmptySubsequences: false)
        let names: [Substring] = ["sts", "sts-fips"]
        if labels.last == "vpce" {
            return labels.count == 4 && labels[0].hasPrefix("vpce-") && names.contains(labels[1])
        }
        guard let first = labels.first, names.contains(first) else { return false }
        return labels.count <= 2
    }

    private func matches(_ url: String, _ patterns: [String]) -> Bool {
        guard let parts = URLRules.parts(of: url), parts.scheme == "https" else { return false }
        let host = AllowedHosts.canonical(parts.host)
        return (patterns + more).contains { pattern in
            pattern.hasPrefix("*.")
                ? host.hasSuffix(pattern.dropFirst()) && host.count >= pattern.count : host == pattern
        }
    }
}

/// The domains of AWS's partitions. A region belongs to one of them.
public enum AWSDomain {
    private static let standard = "amazonaws.com"
    /// The partitions other than `aws` and `aws-us-gov`, by the start of their regions' names.
    private static let others = [
        ("cn-", "amazonaws.com.cn"), ("eusc-", "amazonaws.eu"), ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"), ("eu-isoe-", "cloud.adc-e.uk"), ("us-isof-", "csp.hci.ic.gov"),
    ]
    static let all = [standard] + others.map(\.1)

    public static func of(region: String) -> String { others.first { region.hasPrefix($0.0) }?.1 ?? standard }
}
