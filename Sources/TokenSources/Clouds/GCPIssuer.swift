import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support

/// Google's access tokens for GKE: from the metadata server, or in exchange for a token of the control plane (workload
/// identity federation).
public struct GCPIssuer: TokenIssuer {
    private let settings: GCPSettings
    private let access: CloudAccess
    /// Issues tokens of the control plane with an audience. Only used with `gcp.audience`.
    private let subject: @Sendable (_ audience: String) -> any TokenIssuer
    private let wallClock: WallClock
    private static let platform = "https://www.googleapis.com/auth/cloud-platform"

    public init(
        _ settings: GCPSettings, access: CloudAccess, wallClock: WallClock = .system,
        subject: @escaping @Sendable (_ audience: String) -> any TokenIssuer
    ) {
        self.settings = settings
        self.access = access
        self.wallClock = wallClock
        self.subject = subject
    }

    public func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken {
        let now = wallClock.now
        let first = settings.audience.isEmpty ? try await fromMetadata() : try await exchanged()
        if settings.serviceAccountEmail.isEmpty { return first.received(now) }
        return try await impersonated(first.value)
    }

    private func fromMetadata() async throws(IssueFailure) -> IssuedToken {
        let host =
            access.environment["GCE_METADATA_HOST"].flatMap { $0.isEmpty ? nil : $0 } ?? "metadata.google.internal"
        let request = CloudRequest(
            service: "Google's metadata server", transport: access.transport(allowsPlainHTTP: true))
        let url = "http://\(host)/computeMetadata/v1/instance/service-accounts/default/token"
        let answer = try await request.send(.get, url, headers: [("Metadata-Flavor", "Google")])
        guard answer.status != 404 else {
            throw IssueFailure(
                "the metadata server has no account for the pod: the annotation iam.gke.io/gcp-service-account on the "
                    + "operator's ServiceAccount gives it one; outside of GKE set gcp.audience")
        }
        return try request.token(try request.json(answer), "access_token", life: nil)
    }

    private func exchanged() async throws(IssueFailure) -> IssuedToken {
        guard settings.audience.hasPrefix("//iam.googleapis.com/projects/") else {
            throw IssueFailure("gcp.audience is not a provider: //iam.googleapis.com/projects/… is expected")
        }
        let subject = try await subject(settings.audience).issue(through: nil).value
        let request = CloudRequest(service: "Google's STS", transport: access.transport(), secrets: [subject])
        let body: JSON = [
            "grantType": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": .string(settings.audience),
            "scope": .string(Self.platform), "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
            "subjectToken": .string(subject.text), "subjectTokenType": "urn:ietf:params:oauth:token-type:jwt",
        ]
        let answer = try await post(body, to: "https://sts.googleapis.com/v1/token", request, bearer: nil)
        return try request.token(try request.json(answer), "access_token", life: nil)
    }

    private func impersonated(_ token: Sensitive) async throws(IssueFailure) -> IssuedToken {
        let email = settings.serviceAccountEmail
        let request = CloudRequest(service: "Google's IAM", transport: access.transport(), secrets: [token])
        let url =
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\(email.percentEncoded):generateAccessToken"
        let scopes: JSON = [.string(Self.platform), "https://www.googleapis.com/auth/userinfo.email"]
        let answer = try await post(["scope": scopes, "lifetime": "3600s"], to: url, request, bearer: token)
        let json = try request.json(answer)
        guard let end = json["expireTime"]?.string.flatMap({ Timestamp($0) }) else {
            throw IssueFailure("Google's IAM answered without the token's end")
        }
        let now = wallClock.now
        let life = Duration.seconds(min(max(0, end.instant - now), 86_400))
        return try request.token(json, "accessToken", life: life).received(now)
    }

    private func post(
        _ json: JSON, to url: String, _ request: CloudRequest, bearer: Sensitive?
    ) async throws(IssueFailure) -> (status: Int, body: [UInt8], date: String?) {
        var body = json.serialized()
        defer { body.wipe() }
        return try await request.send(
            .post, url, headers: [("Content-Type", "application/json")], body: body, bearer: bearer)
    }
}
