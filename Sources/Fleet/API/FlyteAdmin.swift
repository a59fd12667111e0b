/// How to reach flyteadmin's REST API.
public struct FlyteAdmin: Sendable, Hashable, Codable {
    public static let defaultIntervalSeconds = 60

    public var endpoint: String
    /// PEM certificates to trust. Nil for the system's.
    public var caCertRef: KeyReference?
    public var auth: Auth?
    /// Whether flyteadmin's own projects get namespaces too.
    public var projectDiscovery = false
    /// Whether its CLUSTER_RESOURCE attributes are template values.
    public var clusterResourceAttributes = ClusterResourceUse.use
    public var intervalSeconds = defaultIntervalSeconds

    public enum ClusterResourceUse: String, Sendable, Hashable, Codable, CaseIterable {
        case use = "Use", ignore = "Ignore"
    }

    /// A static token or OAuth2 client credentials.
    public struct Auth: Sendable, Hashable, Codable {
        public var tokenRef: KeyReference?
        public var oauth2: OAuth2?
        public init(tokenRef: KeyReference? = nil, oauth2: OAuth2? = nil) {
            self.tokenRef = tokenRef
            self.oauth2 = oauth2
        }
    }

    public struct OAuth2: Sendable, Hashable, Codable {
        public var tokenURL: String
        public var clientID: String
        public var clientSecretRef: KeyReference
        public var scopes: [String] = []
        public var clientAuth = ClientAuth.basic

        /// Where the request has the client's secret: in the header or in the form. It is sent only in that way.
        public enum ClientAuth: String, Sendable, Hashable, Codable, CaseIterable {
            case basic = "Basic"
            case post = "Post"
        }

        public init(tokenURL: String, clientID: String, clientSecretRef: KeyReference, scopes: [String] = []) {
            self.tokenURL = tokenURL
            self.clientID = clientID
            self.clientSecretRef = clientSecretRef
            self.scopes = scopes
        }
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            tokenURL = try container.decode(String.self, forKey: .tokenURL)
            clientID = try container.decode(String.self, forKey: .clientID)
            clientSecretRef = try container.decode(KeyReference.self, forKey: .clientSecretRef)
            scopes = try container.value(.scopes, default: [])
            clientAuth = try container.value(.clientAuth, default: .basic)
        }
    }

    public init(endpoint: String) { self.endpoint = endpoint }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        endpoint = try container.decode(String.self, forKey: .endpoint)
        caCertRef = try container.decodeIfPresent(KeyReference.self, forKey: .caCertRef)
        auth = try container.decodeIfPresent(Auth.self, forKey: .auth)
        projectDiscovery = try container.value(.projectDiscovery, default: false)
        clusterResourceAttributes = try container.value(.clusterResourceAttributes, default: .use)
        intervalSeconds = try container.value(.intervalSeconds, default: Self.defaultIntervalSeconds)
    }

    /// Why it can't be used. Empty if it can. A credential must never go to a place that these rules forbid.
    public func problems(at path: String) -> [SpecProblem] {
        var problems: [SpecProblem] = []
        if let message = URLRules.problem(ofFlyteAdmin: endpoint) {
            problems.append(SpecProblem(path + ".endpoint", message))
        }
        if !(5...86_400).contains(intervalSeconds) {
            problems.append(SpecProblem(path + ".intervalSeconds", "\(intervalSeconds) is not between 5 and 86400"))
        }
        problems += caCertRef?.problems(at: path + ".caCertRef") ?? []
        guard let auth else { return problems }
        if auth.tokenRef != nil, auth.oauth2 != nil {
            problems.append(SpecProblem(path + ".auth", "set at most one of tokenRef and oauth2"))
        }
        problems += auth.tokenRef?.problems(at: path + ".auth.tokenRef") ?? []
        if let oauth2 = auth.oauth2 {
            let place = path + ".auth.oauth2"
            if let message = URLRules.problem(ofFlyteAdmin: oauth2.tokenURL) {
                problems.append(SpecProblem(place + ".tokenURL", message))
            }
            if oauth2.clientID.isEmpty { problems.append(SpecProblem(place + ".clientID", "is empty")) }
            problems += oauth2.clientSecretRef.problems(at: place + ".clientSecretRef")
        }
        return problems
    }
}

/// What is written for flyteadmin and its controllers.
public struct Publish: Sendable, Hashable, Codable {
    public static let defaultCredentialsPath = "/var/run/credentials"
    public static let defaultMinIntervalSeconds = 300

    /// Nil: no configuration is written.
    public var clustersConfigMap: KeyReference?
    /// Where `cluster-credentials` is mounted in flyteadmin.
    public var credentialsPath = defaultCredentialsPath
    public var healthAware = HealthAware()
    /// What to restart, one after the other, when its configuration has changed.
    public var restart: [Workload] = []
    public var minIntervalSeconds = defaultMinIntervalSeconds

    public static let defaultConfigMap = "flyte-admin-clusters-config"
    /// A key beside Helm's `clusters.yaml` and after it, since flyteadmin merges all keys in the order of their names.
    public static let defaultKey = "squadron-clusters.yaml"
    /// The key that Flyte's chart renders. Another manager that applies it owns it, and Helm's next upgrade fails.
    public static let helmsKey = "clusters.yaml"

    private struct Target: Decodable {
        var reference: KeyReference
        enum CodingKeys: CodingKey { case name, key }
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            reference = KeyReference(
                name: try container.value(.name, default: Publish.defaultConfigMap),
                key: try container.value(.key, default: Publish.defaultKey))
        }
    }

    public struct HealthAware: Sendable, Hashable, Codable {
        public var enabled = false
        public var graceSeconds = 300
        /// The condition of a DataPlane that decides.
        public var condition = Deciding.available

        public enum Deciding: String, Sendable, Hashable, Codable, CaseIterable {
            case available = "Available", flyteReady = "FlyteReady"
        }
        public init() {}
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            enabled = try container.value(.enabled, default: false)
            graceSeconds = try container.value(.graceSeconds, default: 300)
            condition = try container.value(.condition, default: .available)
        }
    }

    public struct Workload: Sendable, Hashable, Codable {
        public enum Kind: String, Sendable, Hashable, Codable, CaseIterable { case deployment = "Deployment" }
        public var kind = Kind.deployment
        public var name: String
        public init(name: String) { self.name = name }
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            kind = try container.value(.kind, default: .deployment)
            name = try container.decode(String.self, forKey: .name)
        }
    }

    public init() {}

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        clustersConfigMap = try container.decodeIfPresent(Target.self, forKey: .clustersConfigMap)?.reference
        credentialsPath = try container.value(.credentialsPath, default: Self.defaultCredentialsPath)
        healthAware = try container.value(.healthAware, default: HealthAware())
        restart = try container.value(.restart, default: [])
        minIntervalSeconds = try container.value(.minIntervalSeconds, default: Self.defaultMinIntervalSeconds)
    }

    func problems(at path: String) -> [SpecProblem] {
        var problems = clustersConfigMap?.problems(at: path + ".clustersConfigMap") ?? []
        if !credentialsPath.hasPrefix("/") {
            problems.append(SpecProblem(path + ".credentialsPath", "is not absolute"))
        }
        if healthAware.graceSeconds < 0 {
            problems.append(SpecProblem(path + ".healthAware.graceSeconds", "is negative"))
        }
        if minIntervalSeconds < 0 { problems.append(SpecProblem(path + ".minIntervalSeconds", "is negative")) }
        for (index, workload) in restart.enumerated() where workload.name.isEmpty {
            problems.append(SpecProblem("\(path).restart[\(index)].name", "is empty"))
        }
        return problems
    }
}
