import Support

/// One version of a Secret: its entries, our labels and annotations on it, and what was parsed from the entries.
///
/// An entry is parsed when it is first needed, and not again while its bytes stay the same: a version takes over the
/// results of the one before. Certificates and tokens are costly to parse, and a Secret with the entries of 500 data
/// planes is read for each of them.
public struct SecretContent: Sendable {
    /// The prefix of the labels and annotations that are kept. Others may hold copies of the entries, as
    /// `kubectl.kubernetes.io/last-applied-configuration` does.
    public static let prefix = "multicluster.flyte.org/"

    public let entries: [String: Sensitive]
    /// For example `Opaque`. Empty if it is not known.
    public let type: String
    public let labels: [String: String]
    public let annotations: [String: String]
    private let parsed: ParsedEntries

    public init(
        _ entries: [String: Sensitive], type: String = "", labels: [String: String] = [:],
        annotations: [String: String] = [:], previous: SecretContent? = nil
    ) {
        self.entries = entries
        self.type = type
        self.labels = labels.filter { $0.key.hasPrefix(Self.prefix) }
        self.annotations = annotations.filter { $0.key.hasPrefix(Self.prefix) }
        parsed = ParsedEntries(previous?.parsed.stillGood(for: entries) ?? [:])
    }

    public subscript(key: String) -> Sensitive? { entries[key] }

    func token(_ key: String) -> Result<BearerToken, CredentialsProblem> {
        guard let entry = entries[key] else { return .failure(CredentialsProblem(.tokenMissing, "is not there")) }
        if let problem = CredentialsLimits.problem(of: entry, .tokenMalformed) { return .failure(problem) }
        return parsed.token(key, entry)
    }

    func bundle(_ key: String) -> Result<CABundle, CredentialsProblem> {
        guard let entry = entries[key] else { return .failure(CredentialsProblem(.caCertMissing, "is not there")) }
        if let problem = CredentialsLimits.problem(of: entry, .caCertMalformed) { return .failure(problem) }
        return parsed.bundle(key, entry)
    }
}

/// The parsed entries of one version of a Secret. Two concurrent callers may both parse an entry. The results are
/// equal.
private final class ParsedEntries: Sendable {
    struct Parsed: Sendable {
        /// The bytes that were parsed.
        var entry: Sensitive
        var token: Result<BearerToken, CredentialsProblem>?
        var bundle: Result<CABundle, CredentialsProblem>?
    }
    private let state: Locked<[String: Parsed]>

    init(_ parsed: [String: Parsed]) { state = Locked(parsed) }

    /// The results for entries whose bytes are the same.
    func stillGood(for entries: [String: Sensitive]) -> [String: Parsed] {
        state.withLock { $0.filter { key, parsed in entries[key] == parsed.entry } }
    }

    func token(_ key: String, _ entry: Sensitive) -> Result<BearerToken, CredentialsProblem> {
        if let known = state.withLock({ $0[key]?.token }) { return known }
        let token = BearerToken.read(entry)
        state.withLock { $0[key, default: Parsed(entry: entry)].token = token }
        return token
    }

    func bundle(_ key: String, _ entry: Sensitive) -> Result<CABundle, CredentialsProblem> {
        if let known = state.withLock({ $0[key]?.bundle }) { return known }
        let bundle = CABundle.read(entry)
        state.withLock { $0[key, default: Parsed(entry: entry)].bundle = bundle }
        return bundle
    }
}
