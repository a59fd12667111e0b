import Fleet
import HTTP
import JSON
import Kube
import Support

/// Tokens from Entra ID for AKS, in exchange for the pod's federated token (workload identity).
public struct AzureIssuer: TokenIssuer {
    private let settings: AzureSettings
    private let access: CloudAccess
    private let wallClock: WallClock
    /// AKS's own application in Entra ID, which is the same everywhere.
    private static let aks = "6dae42f8-4368-4678-94ff-3960e28e3630"
    private static let advice =
        "the pod label azure.workload.identity/use: \"true\" makes Azure's webhook set it"

    public init(_ settings: AzureSettings, access: CloudAccess, wallClock: WallClock = .system) {
        self.settings = settings
        self.access = access
        self.wallClock = wallClock
    }

    public func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken {
        let tenant = try value(settings.tenantID, "AZURE_TENANT_ID", field: "azure.tenantID")
        let client = try value(settings.clientID, "AZURE_CLIENT_ID", field: "azure.clientID")
        let file = try value("", "AZURE_FEDERATED_TOKEN_FILE", field: nil)
        let authority = try authority()
        let assertion = try CloudFile.read(file, variable: "AZURE_FEDERATED_TOKEN_FILE")
        let server = settings.serverID.isEmpty ? Self.aks : settings.serverID
        let request = CloudRequest(service: "Entra ID", transport: access.transport(), secrets: [assertion])
        let now = wallClock.now
        let answer = try await request.post(
            form: [
                ("grant_type", "client_credentials"), ("client_id", client),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion.text), ("scope", server + "/.default"),
            ], to: "\(authority)/\(tenant.percentEncoded)/oauth2/v2.0/token")
        return try request.token(try request.json(answer), "access_token", life: nil).received(now)
    }

    private func value(_ set: String, _ variable: String, field: String?) throws(IssueFailure) -> String {
        if !set.isEmpty { return set }
        if let value = access.environment[variable], !value.isEmpty { return value }
        let other = field.map { "; or set \($0)" } ?? ""
        throw IssueFailure("\(variable) is not set: \(Self.advice)\(other)")
    }

    private func authority() throws(IssueFailure) -> String {
        let named = [settings.authorityHost, access.environment["AZURE_AUTHORITY_HOST"] ?? ""].first { !$0.isEmpty }
        var url = named ?? "https://login.microsoftonline.com"
        while url.hasSuffix("/") { url.removeLast() }
        guard access.hosts.allow(tokenService: url, of: .azure) else {
            throw IssueFailure(
                "azure.authorityHost is not a host of Entra ID (--cloud-host adds others); nothing is sent")
        }
        return url
    }
}
