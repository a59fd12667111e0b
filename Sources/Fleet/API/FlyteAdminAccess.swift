/// What flyteadmin uses for a data plane if it differs from what Squadron uses. Nil for the same.
public struct FlyteAdminAccess: Sendable, Hashable, Codable {
    /// The entries of `cluster-credentials` that flyteadmin reads.
    public var tokenKey: String?
    /// Nil beside a `tokenKey` that ends in `_token`: the entry with the same beginning.
    public var caCertKey: String?
    public var endpoint: String?
    public var kubeClientConfig: KubeClientConfig?

    /// flyteadmin's client for the data plane. It replaces all of Flyte's defaults.
    public struct KubeClientConfig: Sendable, Hashable, Codable {
        public var qps = 100
        public var burst = 25
        public var timeoutSeconds = 30

        public init() {}
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            qps = try container.value(.qps, default: 100)
            burst = try container.value(.burst, default: 25)
            timeoutSeconds = try container.value(.timeoutSeconds, default: 30)
        }
    }

    public init() {}

    func problems(at path: String) -> [SpecProblem] {
        var problems: [SpecProblem] = []
        if let endpoint, !endpoint.isEmpty, let message = URLRules.problem(of: endpoint, schemes: ["https"]) {
            problems.append(SpecProblem(path + ".endpoint", message))
        }
        guard let config = kubeClientConfig else { return problems }
        let ranges = [
            ("qps", config.qps, 1...100_000), ("burst", config.burst, 1...100_000),
            ("timeoutSeconds", config.timeoutSeconds, 1...3600),
        ]
        for (name, value, range) in ranges where !range.contains(value) {
            let message = "\(value) is not between \(range.lowerBound) and \(range.upperBound)"
            problems.append(SpecProblem("\(path).kubeClientConfig.\(name)", message))
        }
        return problems
    }
}
