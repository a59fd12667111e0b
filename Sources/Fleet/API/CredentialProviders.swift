/// The origin of a data plane's token: `spec.credentials.provider`.
public enum CredentialsProvider: String, Sendable, Hashable, Codable, CaseIterable {
    /// An entry of a Secret.
    case secret = "Secret"
    /// An entry of a Secret is the first token. Then the account requests its own next token.
    case tokenRequest = "TokenRequest"
    /// A token of the control plane, which the data plane trusts.
    case federated = "Federated"
    case aws = "AWS"
    case gcp = "GCP"
    case azure = "Azure"

    /// Whether an entry of a Secret holds the token, or the first one.
    public var hasFirstToken: Bool { self == .secret || self == .tokenRequest }
    public var isOfCloud: Bool { self == .aws || self == .gcp || self == .azure }
}

/// How the server's certificate is verified: `spec.credentials.caCert`.
public enum CACertSource: String, Sendable, Hashable, Codable, CaseIterable {
    case secret = "Secret"
    /// The system's roots, for servers with a public certificate.
    case system = "System"
}

/// Whether a renewed token is written into the Secret.
public enum WriteBackPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    case auto = "Auto", never = "Never"
}

public struct TokenRequestSettings: Sendable, Hashable, Codable {
    public var serviceAccount = "squadron"
    /// The namespace of the ServiceAccount in the data plane.
    public var namespace = "flyte"
    /// The requested lifetime. The data plane may grant less.
    public var expirationSeconds = 3_600
    public var writeBack = WriteBackPolicy.auto

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        serviceAccount = try container.value(.serviceAccount, default: "squadron")
        namespace = try container.value(.namespace, default: "flyte")
        expirationSeconds = try container.value(.expirationSeconds, default: 3_600)
        writeBack = try container.value(.writeBack, default: .auto)
    }
}

public struct FederatedSettings: Sendable, Hashable, Codable {
    /// Empty for the DataPlane's clusterName.
    public var audience = ""
    /// A ServiceAccount in the operator's namespace of the control plane.
    public var serviceAccount = "squadron"

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        audience = try container.value(.audience, default: "")
        serviceAccount = try container.value(.serviceAccount, default: "squadron")
    }
}

/// Amazon EKS. Empty fields come from the environment, as with the AWS SDKs.
public struct AWSSettings: Sendable, Hashable, Codable {
    /// EKS's name of the cluster.
    public var clusterName = ""
    public var region = ""
    /// A role to assume before the token is made.
    public var roleARN = ""
    public var stsEndpoint = ""

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        clusterName = try container.value(.clusterName, default: "")
        region = try container.value(.region, default: "")
        roleARN = try container.value(.roleARN, default: "")
        stsEndpoint = try container.value(.stsEndpoint, default: "")
    }
}

/// Google GKE. Without an audience the metadata server gives the token.
public struct GCPSettings: Sendable, Hashable, Codable {
    /// The workload identity provider: `//iam.googleapis.com/projects/…/workloadIdentityPools/…/providers/…`.
    public var audience = ""
    /// A service account to impersonate.
    public var serviceAccountEmail = ""

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        audience = try container.value(.audience, default: "")
        serviceAccountEmail = try container.value(.serviceAccountEmail, default: "")
    }
}

/// Azure AKS with Entra ID. Empty fields come from the environment, as Azure's webhook sets it.
public struct AzureSettings: Sendable, Hashable, Codable {
    public var tenantID = ""
    public var clientID = ""
    /// Empty for AKS's own application.
    public var serverID = ""
    public var authorityHost = ""

    public init() {}
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        tenantID = try container.value(.tenantID, default: "")
        clientID = try container.value(.clientID, default: "")
        serverID = try container.value(.serverID, default: "")
        authorityHost = try container.value(.authorityHost, default: "")
    }
}

extension CredentialsReference {
    /// The settings of the provider, with their defaults.
    public var tokenRequestSettings: TokenRequestSettings { tokenRequest ?? TokenRequestSettings() }
    public var federatedSettings: FederatedSettings { federated ?? FederatedSettings() }

    func problems(at path: String) -> [SpecProblem] {
        let blocks: [(String, CredentialsProvider, Bool)] = [
            ("tokenRequest", .tokenRequest, tokenRequest != nil), ("federated", .federated, federated != nil),
            ("aws", .aws, aws != nil), ("gcp", .gcp, gcp != nil), ("azure", .azure, azure != nil),
        ]
        var problems = blocks.filter { $0.2 && $0.1 != provider }.map { name, wanted, _ in
            SpecProblem("\(path).\(name)", "is only used with provider: \(wanted.rawValue)")
        }
        if !provider.hasFirstToken, caCertKey != nil || tokenKey != nil {
            problems.append(
                SpecProblem(
                    "\(path).\(tokenKey != nil ? "tokenKey" : "caCertKey")",
                    "is not used with provider: \(provider.rawValue); the CA is the entry <clusterName>_cacert"))
        }
        if let settings = tokenRequest {
            if !(600...31_536_000).contains(settings.expirationSeconds) {
                problems.append(
                    SpecProblem("\(path).tokenRequest.expirationSeconds", "is not between 600 and 31536000"))
            }
            problems += Self.problems(account: settings.serviceAccount, at: "\(path).tokenRequest.serviceAccount")
            if let message = NameRules.problem(ofNamespace: settings.namespace) {
                problems.append(SpecProblem("\(path).tokenRequest.namespace", message))
            }
        }
        if let federated {
            problems += Self.problems(account: federated.serviceAccount, at: "\(path).federated.serviceAccount")
            if federated.audience.utf8.count > 1_024
                || federated.audience.utf8.contains(where: { $0 < 0x21 || $0 > 0x7e })
            {
                problems.append(
                    SpecProblem("\(path).federated.audience", "must be at most 1024 visible ASCII characters"))
            }
        }
        if provider == .aws, aws?.clusterName.isEmpty ?? true {
            problems.append(SpecProblem("\(path).aws.clusterName", "is not set: EKS's name of the cluster is needed"))
        }
        let urls = [("aws.stsEndpoint", aws?.stsEndpoint), ("azure.authorityHost", azure?.authorityHost)]
        for (name, url) in urls {
            guard let url, !url.isEmpty, let message = URLRules.problem(of: url, schemes: ["https"]) else { continue }
            problems.append(SpecProblem("\(path).\(name)", message))
        }
        return problems
    }

    private static func problems(account: String, at path: String) -> [SpecProblem] {
        NameRules.problem(ofDNSName: account).map { [SpecProblem(path, $0)] } ?? []
    }
}
