import KubeObjects

/// A cluster in which Flyte runs executions.
public typealias DataPlane = CustomResource<DataPlaneSpec>

public struct DataPlaneSpec: CustomResourceSpec {
    public typealias Status = DataPlaneStatus
    public static var resourceType: ResourceType { .dataPlanes }

    /// Flyte's cluster id. Nil for the object's name: use `DataPlane.clusterName`.
    public var clusterName: String?
    public var endpoint: String?
    public var inCluster = false
    public var enabled = true
    /// Nil for the registry's.
    public var mode: Mode?
    /// A cordoned data plane gets no new executions. Everything else goes on.
    public var unschedulable = false
    public var credentials = CredentialsReference()
    public var connection = Connection()
    public var flyteAdmin: FlyteAdminAccess?
    public var workloadIdentity: WorkloadIdentity?
    public var values: TemplateValues = [:]
    public var valuesFrom: [ValueSource] = []

    public init() {}
    public init(endpoint: String) { self.endpoint = endpoint }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        clusterName = try container.decodeIfPresent(String.self, forKey: .clusterName)
        endpoint = try container.decodeIfPresent(String.self, forKey: .endpoint)
        inCluster = try container.value(.inCluster, default: false)
        enabled = try container.value(.enabled, default: true)
        mode = try container.decodeIfPresent(Mode.self, forKey: .mode)
        unschedulable = try container.value(.unschedulable, default: false)
        credentials = try container.value(.credentials, default: CredentialsReference())
        connection = try container.value(.connection, default: Connection())
        flyteAdmin = try container.decodeIfPresent(FlyteAdminAccess.self, forKey: .flyteAdmin)
        workloadIdentity = try container.decodeIfPresent(WorkloadIdentity.self, forKey: .workloadIdentity)
        values = try container.value(.values, default: [:])
        valuesFrom = try container.value(.valuesFrom, default: [])
    }

    public func problems() -> [SpecProblem] {
        var problems: [SpecProblem] = []
        if let clusterName, let message = NameRules.problem(ofClusterName: clusterName) {
            problems.append(SpecProblem("spec.clusterName", message))
        }
        switch (endpoint, inCluster) {
        case (nil, false): problems.append(SpecProblem("spec.endpoint", "set exactly one of endpoint and inCluster"))
        case (_?, true): problems.append(SpecProblem("spec.inCluster", "set exactly one of endpoint and inCluster"))
        case (let endpoint?, false):
            if let message = URLRules.problem(of: endpoint, schemes: ["https"]) {
                problems.append(SpecProblem("spec.endpoint", message))
            }
        case (nil, true): break
        }
        if !inCluster { problems += credentials.problems(at: "spec.credentials") }
        problems += flyteAdmin?.problems(at: "spec.flyteAdmin") ?? []
        return problems + connection.problems(at: "spec.connection")
            + (workloadIdentity?.problems(at: "spec.workloadIdentity") ?? [])
            + ValueRules.problems(of: values, at: "spec.values")
            + ValueRules.problems(of: valuesFrom, at: "spec.valuesFrom")
    }
}

/// Where to find the credentials of a data plane.
public struct CredentialsReference: Sendable, Hashable, Codable {
    public static let defaultSecretName = "cluster-credentials"
    public var secretName = defaultSecretName
    /// Nil for `<cluster>_token`: use `DataPlane.tokenKey`.
    public var tokenKey: String?
    /// Nil for `<cluster>_cacert`.
    public var caCertKey: String?
    public var provider = CredentialsProvider.secret
    public var caCert = CACertSource.secret
    /// The settings of the provider: at most one of these.
    public var tokenRequest: TokenRequestSettings?
    public var federated: FederatedSettings?
    public var aws: AWSSettings?
    public var gcp: GCPSettings?
    public var azure: AzureSettings?

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        secretName = try container.value(.secretName, default: Self.defaultSecretName)
        tokenKey = try container.decodeIfPresent(String.self, forKey: .tokenKey)
        caCertKey = try container.decodeIfPresent(String.self, forKey: .caCertKey)
        provider = try container.value(.provider, default: .secret)
        caCert = try container.value(.caCert, default: .secret)
        tokenRequest = try container.decodeIfPresent(TokenRequestSettings.self, forKey: .tokenRequest)
        federated = try container.decodeIfPresent(FederatedSettings.self, forKey: .federated)
        aws = try container.decodeIfPresent(AWSSettings.self, forKey: .aws)
        gcp = try container.decodeIfPresent(GCPSettings.self, forKey: .gcp)
        azure = try container.decodeIfPresent(AzureSettings.self, forKey: .azure)
    }
}

/// How the operator connects to a data plane.
public struct Connection: Sendable, Hashable, Codable {
    public var timeoutSeconds = 30
    /// The time limit of one request of a probe, at most `timeoutSeconds`. If a data plane takes longer for `/readyz`,
    /// no other requests are sent to it.
    public var probeTimeoutSeconds = 3
    /// Requests per second in the long run. With 0 the operator follows what the API server accepts.
    public var qps = 0
    /// Requests at once. 0 means twice `qps`.
    public var burst = 0
    /// Empty for none. Environment variables are not read.
    public var proxyURL = ""
    /// The entry of a Secret with the proxy's login, `user:password`. Nil for none.
    public var proxyCredentialsRef: KeyReference?
    /// The name for which the certificate is verified. Empty for the endpoint's.
    public var tlsServerName = ""
    /// A connection with watches gets an HTTP/2 PING after this time without traffic. 0 for none.
    public var keepaliveSeconds = 15

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        timeoutSeconds = try container.value(.timeoutSeconds, default: 30)
        probeTimeoutSeconds = try container.value(.probeTimeoutSeconds, default: 3)
        qps = try container.value(.qps, default: 0)
        burst = try container.value(.burst, default: 0)
        proxyURL = try container.value(.proxyURL, default: "")
        tlsServerName = try container.value(.tlsServerName, default: "")
        proxyCredentialsRef = try container.decodeIfPresent(KeyReference.self, forKey: .proxyCredentialsRef)
        keepaliveSeconds = try container.value(.keepaliveSeconds, default: 15)
    }

    func problems(at path: String) -> [SpecProblem] {
        let ranges = [
            ("timeoutSeconds", timeoutSeconds, 1...600), ("probeTimeoutSeconds", probeTimeoutSeconds, 1...60),
            ("qps", qps, 0...100_000), ("burst", burst, 0...100_000),
            ("keepaliveSeconds", keepaliveSeconds, 0...3_600),
        ]
        var problems = ranges.filter { !$0.2.contains($0.1) }.map {
            SpecProblem("\(path).\($0.0)", "\($0.1) is not between \($0.2.lowerBound) and \($0.2.upperBound)")
        }
        if let proxyCredentialsRef {
            problems += proxyCredentialsRef.problems(at: path + ".proxyCredentialsRef")
            if proxyURL.isEmpty {
                problems.append(SpecProblem(path + ".proxyCredentialsRef", "needs proxyURL beside it"))
            }
        }
        if !proxyURL.isEmpty, let message = URLRules.problem(of: proxyURL, schemes: ["http", "https", "socks5h"]) {
            problems.append(SpecProblem(path + ".proxyURL", message))
        }
        if !tlsServerName.isEmpty, let message = NameRules.problem(ofDNSName: tlsServerName) {
            problems.append(SpecProblem(path + ".tlsServerName", message))
        }
        return problems
    }
}

extension CustomResource<DataPlaneSpec> {
    /// Flyte's cluster id.
    public var clusterName: String { spec.clusterName ?? metadata.name }
    public var tokenKey: String { spec.credentials.tokenKey ?? clusterName + "_token" }
    public var caCertKey: String { spec.credentials.caCertKey ?? clusterName + "_cacert" }

    /// The endpoint for messages and metrics.
    public var endpointDescription: String { spec.inCluster ? "in-cluster" : spec.endpoint ?? "" }
}
