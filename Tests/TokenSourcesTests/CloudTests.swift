import Fleet
import Foundation
import HTTP
import JSON
import Kube
import Support
import Testing

@testable import TokenSources

private let start = Instant(secondsSince1970: 1_767_323_045)

/// Files as a cloud's webhook mounts them.
private final class MountedFile {
    let path: String
    init(_ text: String) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

private func access(
    _ server: ServerDouble, _ environment: [String: String], hosts: [String] = []
) -> CloudAccess {
    var access = CloudAccess(environment: environment, hosts: hosts)
    access.makeTransport = { _ in server }
    return access
}

private func problem(_ issuer: some TokenIssuer) async -> String {
    do throws(IssueFailure) {
        _ = try await issuer.issue(through: nil)
        return "none"
    } catch {
        return error.message
    }
}

private let wallClock = WallClock { start }

@Suite("Tokens for EKS")
struct AWSIssuerTests {
    private static let secretWord = "eyJhbGciOi.web-identity-token-of-the-pod.c2ln"

    private func settings(_ change: (inout AWSSettings) -> Void = { _ in }) -> AWSSettings {
        var settings = AWSSettings()
        settings.clusterName = "prod-1"
        settings.region = "eu-west-1"
        change(&settings)
        return settings
    }

    /// STS as far as it is asked: it refuses what the real one refuses.
    private static func sts(_ change: @escaping @Sendable (String) -> String = { $0 }) -> ServerDouble {
        ServerDouble { asked in
            let isSigned =
                asked.headers["Authorization"]?.contains("SignedHeaders=content-type;host;x-amz-date") ?? false
            let isWeb = asked.body.contains("Action=AssumeRoleWithWebIdentity")
            let isGood =
                asked.method == .post && asked.url == "https://sts.eu-west-1.amazonaws.com/"
                && asked.body.contains("Version=2011-06-15") && asked.body.contains("RoleSessionName=squadron")
                && asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
                && (isWeb ? asked.headers["Authorization"] == nil : isSigned)
            guard isGood else {
                let error =
                    "<ErrorResponse><Error><Code>ValidationError</Code><Message>no</Message></Error></ErrorResponse>"
                return .text(error, status: 400)
            }
            let name = isWeb ? "AssumeRoleWithWebIdentity" : "AssumeRole"
            let text = """
                <\(name)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(name)Result><Credentials>
                <AccessKeyId>ASIA\(isWeb ? "FIRST" : "SECOND")</AccessKeyId><SecretAccessKey>s&amp;cret</SecretAccessKey>
                <SessionToken>session//token==</SessionToken><Expiration>2026-01-02T04:04:05Z</Expiration>
                </Credentials></\(name)Result></\(name)Response>
                """
            return .text(change(text))
        }
    }

    private func environment(_ file: MountedFile) -> [String: String] {
        ["AWS_ROLE_ARN": "arn:aws:iam::1:role/squadron", "AWS_WEB_IDENTITY_TOKEN_FILE": file.path]
    }

    private func issuer(
        _ server: ServerDouble, _ environment: [String: String], endpoint: String = "https://x", hosts: [String] = [],
        _ change: (inout AWSSettings) -> Void = { _ in }
    ) -> AWSIssuer {
        AWSIssuer(
            settings(change), endpoint: endpoint, access: access(server, environment, hosts: hosts),
            wallClock: wallClock)
    }

    private func url(_ token: IssuedToken) throws -> String {
        let text = token.value.text
        #expect(text.hasPrefix("k8s-aws-v1."))
        return String(decoding: try #require(Base64.decode(text.dropFirst(11), .url)), as: UTF8.self)
    }

    @Test("AWS_ROLE_SESSION_NAME names the session of the web identity, as in the AWS SDKs")
    func sessionName() async throws {
        let file = try MountedFile(Self.secretWord)
        var variables = environment(file)
        variables["AWS_ROLE_SESSION_NAME"] = "squadron@prod"
        let server = Self.sts()
        _ = try await issuer(server, variables) { $0.roleARN = "arn:aws:iam::2:role/eks" }.issue(through: nil)
        let names = server.asked.map { $0.body.contains("&RoleSessionName=squadron%40prod") }
        #expect(names == [true, false], "the role that is assumed afterwards has our own")
        for name in ["x", "a b", String(repeating: "a", count: 65)] {
            variables["AWS_ROLE_SESSION_NAME"] = name
            #expect(await problem(issuer(server, variables)).contains("AWS_ROLE_SESSION_NAME is not 2 to 64 letters"))
        }
        #expect(server.asked.count == 2)
    }

    @Test("IRSA's web identity gives keys, and a second token sends no request")
    func webIdentity() async throws {
        let file = try MountedFile(Self.secretWord + "\n")
        let server = Self.sts()
        let issuer = issuer(server, environment(file))
        let token = try await issuer.issue(through: nil)
        #expect(token.life == .seconds(840))
        let url = try url(token)
        #expect(url.hasPrefix("https://sts.eu-west-1.amazonaws.com/?") && url.contains("ASIAFIRST%2F20260102"))
        #expect(url.contains("X-Amz-Security-Token=session%2F%2Ftoken%3D%3D"))
        #expect(server.asked.first?.body == Botocore.webIdentityForm)
        _ = try await issuer.issue(through: nil)
        #expect(server.asked.count == 1)
        issuer.tokenWasRefused()
        _ = try await issuer.issue(through: nil)
        #expect(server.asked.count == 2, "keys that may be revoked are not used again")
    }

    @Test("aws.roleARN is taken with a signed request")
    func role() async throws {
        let file = try MountedFile(Self.secretWord)
        let server = Self.sts()
        let token = try await issuer(server, environment(file)) { $0.roleARN = "arn:aws:iam::2:role/eks" }.issue(
            through: nil)
        #expect(try url(token).contains("ASIASECOND") && server.asked.count == 2)
        let asked = try #require(server.asked.last)
        #expect(asked.headers["x-amz-security-token"] == "session//token==")
        #expect(asked.headers["Authorization"] == Botocore.roleAuthorization && asked.body == Botocore.roleForm)
    }

    @Test("The path of aws.stsEndpoint is signed, as botocore signs it")
    func gateway() async throws {
        let file = try MountedFile(Self.secretWord)
        let good = Self.sts()
        let server = ServerDouble { asked in
            var plain = asked
            plain.url = "https://sts.eu-west-1.amazonaws.com/"
            return good.reply(to: plain)
        }
        let endpoint = "https://sts.eu-west-1.amazonaws.com" + Botocore.gatewayPath
        _ = try await issuer(server, environment(file)) {
            $0.roleARN = "arn:aws:iam::2:role/eks"
            $0.stsEndpoint = endpoint
        }.issue(through: nil)
        let asked = try #require(server.asked.last)
        #expect(asked.url == endpoint + "/")
        #expect(asked.headers["Authorization"] == Botocore.gatewayAuthorization)
    }

    @Test("The keys in moto's answers are read")
    func moto() async throws {
        let file = try MountedFile(Self.secretWord)
        let server = ServerDouble { asked in
            .text(asked.body.contains("WebIdentity") ? Moto.webIdentity : Moto.role)
        }
        let token = try await issuer(server, environment(file)) { $0.roleARN = "arn:aws:iam::2:role/eks" }.issue(
            through: nil)
        let asked = try #require(server.asked.last)
        #expect(asked.headers["Authorization"]?.contains("Credential=ASIAIOSFODNN7EXAMPLE/20260102/") == true)
        #expect(asked.headers["x-amz-security-token"] == "FQoGZXIvYXdzEBYaDFjGfiEXAMPLE/first+token=")
        let url = try url(token)
        #expect(url.contains("X-Amz-Credential=ASIAI44QH8DHBEXAMPLE%2F20260102"))
        #expect(url.contains("FQoGZXIvYXdzEBYaDwtS4PEXAMPLE%2Fsecond%2Btoken%3D") && token.life == .seconds(840))
    }

    @Test("moto's refusals are reported with its words", arguments: Moto.refusals)
    func motoRefuses(_ refusal: Moto.Refusal) async throws {
        let file = try MountedFile(Self.secretWord)
        let server = ServerDouble { asked in
            asked.body.contains("WebIdentity") ? .text(Moto.webIdentity) : .text(refusal.body, status: refusal.status)
        }
        let text = await problem(issuer(server, environment(file)) { $0.roleARN = "arn:aws:iam::2:role/eks" })
        #expect(text.hasPrefix("STS answered \(refusal.status): \(refusal.words)"), "\(text)")
    }

    @Test("A token that is longer than EKS takes is not used")
    func long() async throws {
        let file = try MountedFile(Self.secretWord)
        let server = Self.sts {
            $0.replacing("session//token==", with: String(repeating: "session//token==", count: 150))
        }
        let text = await problem(issuer(server, environment(file)))
        #expect(text.contains("at most 4096 bytes") && !text.contains("session//"), "\(text)")
    }

    @Test("Pod Identity's agent gives keys, over http only at nearby addresses")
    func podIdentity() async throws {
        let file = try MountedFile("agent-token")
        let server = ServerDouble { asked in
            guard asked.headers["Authorization"] == "agent-token" else { return .text("", status: 401) }
            return .json([
                "AccessKeyId": "ASIAPOD", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-01-02T09:00:00Z",
            ])
        }
        func environment(_ uri: String) -> [String: String] {
            ["AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file.path]
        }
        let token = try await issuer(server, environment("http://169.254.170.23/v1/credentials")).issue(through: nil)
        #expect(try url(token).contains("ASIAPOD"))
        for uri in ["http://example.com/v1", "http://169.254.170.23.example.com/", "ftp://169.254.170.23/"] {
            let text = await problem(issuer(server, environment(uri)))
            #expect(text.contains("http is for"), "\(uri): \(text)")
        }
        #expect(server.asked.count == 1)
    }

    @Test("What is missing is named, with what sets it")
    func missing() async throws {
        let server = Self.sts()
        let none = await problem(issuer(server, [:]))
        #expect(none.contains("AWS_WEB_IDENTITY_TOKEN_FILE") && none.contains("eks.amazonaws.com/role-arn"))
        let noRole = await problem(issuer(server, ["AWS_WEB_IDENTITY_TOKEN_FILE": "/x"]))
        #expect(noRole.contains("AWS_ROLE_ARN"))
        let vanished = ["AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": "r"]
        let noFile = await problem(issuer(server, vanished))
        #expect(noFile.contains("/nowhere/token"), "\(noFile)")
        let noRegion = await problem(issuer(server, vanished) { $0.region = "" })
        #expect(noRegion.contains("AWS_REGION"))
        #expect(server.asked.isEmpty)
    }

    @Test("Nothing is sent to an endpoint other than STS")
    func elsewhere() async throws {
        let file = try MountedFile(Self.secretWord)
        let server = Self.sts()
        let text = await problem(issuer(server, environment(file)) { $0.stsEndpoint = "https://sts.example.com" })
        #expect(text.contains("nothing is sent") && server.asked.isEmpty)
    }

    @Test(
        "Errors, HTML or nothing from STS are reported without the token",
        arguments: [
            (
                400,
                "<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>Token expired</Message></Error></ErrorResponse>",
                "ExpiredTokenException"
            ),
            (
                403,
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>eyJhbGciOi.web-identity-token-of-the-pod.c2ln"
                    + "</Message></Error></ErrorResponse>", "AccessDenied"
            ),
            (502, "<html><body>Bad gateway</body></html>", "an HTML page"), (200, "", "an empty body"),
            (200, "<html></html>", "an HTML page"), (500, "", "an empty body"),
        ])
    func oddAnswers(_ status: Int, _ body: String, _ words: String) async throws {
        let file = try MountedFile(Self.secretWord)
        let text = await problem(issuer(ServerDouble { _ in .text(body, status: status) }, environment(file)))
        #expect(text.contains(words) && !text.contains("web-identity-token"), "\(text)")
    }

    @Test("A clock that is ten minutes off is reported with both times", arguments: [-600.0, 600])
    func skew(_ offset: Double) async throws {
        let file = try MountedFile(Self.secretWord)
        // STS accepts a signature within five minutes of its own clock.
        let good = Self.sts()
        let server = ServerDouble { asked in
            guard let signed = asked.headers["x-amz-date"] else { return good.reply(to: asked) }
            let words =
                offset < 0
                ? "Signature not yet current: \(signed) is still later than 20260102T025905Z (20260102T025405Z + 5 min.)"
                : "Signature expired: \(signed) is now earlier than 20260102T030905Z (20260102T031405Z - 5 min.)"
            let error =
                "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>\(words)"
                + "</Message></Error></ErrorResponse>"
            var answer = HTTPResponse.text(error, status: 403)
            answer.headers.append("Date", "their clock")
            return answer
        }
        let text = await problem(issuer(server, environment(file)) { $0.roleARN = "arn:aws:iam::2:role/eks" })
        #expect(text.contains("SignatureDoesNotMatch"), "\(text)")
        #expect(text.contains("our clock says 2026-01-02T03:04:05Z, STS's their clock"), "\(text)")
        #expect(!text.contains("session//token"))
    }

    @Test("A token file that vanishes is named once the keys are nearly over")
    func vanishing() async throws {
        let clock = Locked(start)
        let server = Self.sts()
        var file: MountedFile? = try MountedFile(Self.secretWord)
        let path = try #require(file?.path)
        let issuer = AWSIssuer(
            settings(), endpoint: "https://x", access: access(server, environment(try #require(file))),
            wallClock: WallClock { clock.withLock { $0 } })
        _ = try await issuer.issue(through: nil)
        file = nil
        _ = try await issuer.issue(through: nil)
        clock.withLock { $0 = start + 3_000 }
        let text = await problem(issuer)
        #expect(text.contains("AWS_WEB_IDENTITY_TOKEN_FILE: ") && text.contains(path), "\(text)")
        #expect(server.asked.count == 1)
        try Data(Self.secretWord.utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        clock.withLock { $0 = start + 600 }
        _ = try await issuer.issue(through: nil)
    }

    /// A connection that is closed without an answer.
    private struct Silence: HTTPTransport {
        func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
            throw HTTPError(.connectionLost, "Empty reply from server", mayHaveBeenProcessed: true)
        }
        func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
            throw HTTPError(.closed, "no streams here", mayHaveBeenProcessed: false)
        }
        func close() {}
    }

    @Test("An STS that answers nothing can't be reached")
    func silence() async throws {
        let file = try MountedFile(Self.secretWord)
        var access = CloudAccess(environment: environment(file))
        access.makeTransport = { _ in Silence() }
        let text = await problem(AWSIssuer(settings(), endpoint: "https://x", access: access, wallClock: wallClock))
        #expect(text == "STS can't be reached: Empty reply from server", "\(text)")
    }

    @Test("The small XML reader takes the first text of each element")
    func xml() {
        let xml = FlatXML(Array("<a><Code>x&lt;y&amp;&quot;&bogus;</Code><Code>2</Code><b><c>1</c></b>".utf8))
        #expect(xml["Code"] == "x<y&\"&bogus;" && xml["b"] == nil && xml["c"] == "1" && xml["d"] == nil)
        #expect(FlatXML([])["a"] == nil)
        #expect(FlatXML(Array("<a>".utf8))["a"] == nil)
        #expect(FlatXML(Array("<a>\(String(repeating: "x", count: 20_000))</a>".utf8))["a"] == nil)
    }
}

@Suite("Tokens for GKE")
struct GCPIssuerTests {
    private struct Subject: TokenIssuer {
        let audience: String
        func issue(through client: KubeClient?) async throws(IssueFailure) -> IssuedToken {
            IssuedToken(Sensitive("subject-of-" + audience), life: .seconds(600))
        }
    }

    private func issuer(
        _ server: ServerDouble, _ settings: GCPSettings = GCPSettings(), _ environment: [String: String] = [:]
    ) -> GCPIssuer {
        GCPIssuer(settings, access: access(server, environment), wallClock: wallClock) { Subject(audience: $0) }
    }

    /// Google's endpoints: each refuses what the real one refuses.
    private static let google = ServerDouble { asked in
        let body = try? JSON(parsing: Array(asked.body.utf8))
        switch asked.url {
        case "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token":
            guard asked.headers["Metadata-Flavor"] == "Google" else { return .text("", status: 403) }
            return .json(["access_token": "ya29.metadata", "expires_in": 3_599, "token_type": "Bearer"])
        case "https://sts.googleapis.com/v1/token":
            guard body?["subjectToken"] == "subject-of-//iam.googleapis.com/projects/1/p",
                body?["grantType"] == "urn:ietf:params:oauth:grant-type:token-exchange",
                body?["subjectTokenType"] == "urn:ietf:params:oauth:token-type:jwt"
            else { return .json(["error": "invalid_request", "error_description": "bad subject"], status: 400) }
            return .json(["access_token": "ya29.federated", "expires_in": 3_600])
        case "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
            + "squadron%40p.iam.gserviceaccount.com:generateAccessToken":
            guard asked.bearer == Sensitive("ya29.federated") else {
                return .json(["error": ["code": 403, "status": "PERMISSION_DENIED", "message": "no"]], status: 403)
            }
            return .json(["accessToken": "ya29.account", "expireTime": "2026-01-02T04:04:05Z"])
        default: return .text("", status: 404)
        }
    }

    @Test("In GKE the metadata server gives the token")
    func metadata() async throws {
        let token = try await issuer(Self.google).issue(through: nil)
        #expect(token.value == Sensitive("ya29.metadata") && token.life == .seconds(3_599) && token.lifetime != nil)
        let other = await problem(issuer(Self.google, GCPSettings(), ["GCE_METADATA_HOST": "127.0.0.1:1"]))
        #expect(other.contains("iam.gke.io/gcp-service-account"), "\(other)")
    }

    @Test("Elsewhere a token of the control plane is exchanged")
    func federated() async throws {
        var settings = GCPSettings()
        settings.audience = "//iam.googleapis.com/projects/1/p"
        #expect(try await issuer(Self.google, settings).issue(through: nil).value == Sensitive("ya29.federated"))
        settings.serviceAccountEmail = "squadron@p.iam.gserviceaccount.com"
        let token = try await issuer(Self.google, settings).issue(through: nil)
        #expect(token.value == Sensitive("ya29.account") && token.life == .seconds(3_600))
        settings.audience = "//iam.googleapis.com/projects/2/p"
        let refused = await problem(issuer(Self.google, settings))
        #expect(
            refused.contains("invalid_request") && refused.contains("bad subject") && !refused.contains("subject-of"))
        settings.audience = "vault"
        let elsewhere = await problem(issuer(Self.google, settings))
        #expect(elsewhere.contains("gcp.audience"))
    }
}

@Suite("Tokens for AKS")
struct AzureIssuerTests {
    private static let entra = ServerDouble { asked in
        let wanted = [
            "grant_type=client_credentials", "client_id=app-1", "scope=6dae42f8-4368-4678-94ff-3960e28e3630%2F.default",
            "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
            "client_assertion=assertion-of-the-pod",
        ]
        guard asked.url == "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token",
            wanted.allSatisfy(asked.body.contains)
        else {
            let text = "AADSTS700211: no matching federated identity record: assertion-of-the-pod"
            return .json(["error": "invalid_client", "error_description": .string(text)], status: 401)
        }
        return .json(["access_token": "eyJ.entra.token", "expires_in": 86_399])
    }

    private func issuer(_ environment: [String: String], _ change: (inout AzureSettings) -> Void = { _ in })
        -> AzureIssuer
    {
        var settings = AzureSettings()
        change(&settings)
        return AzureIssuer(settings, access: access(Self.entra, environment), wallClock: wallClock)
    }

    @Test("The pod's federated token is exchanged")
    func exchange() async throws {
        let file = try MountedFile("assertion-of-the-pod\n")
        let environment = [
            "AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "app-1", "AZURE_FEDERATED_TOKEN_FILE": file.path,
            "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
        ]
        let token = try await issuer(environment).issue(through: nil)
        #expect(token.value == Sensitive("eyJ.entra.token") && token.life == .seconds(86_399))
        let refused = await problem(issuer(environment) { $0.tenantID = "tenant-2" })
        #expect(refused.contains("AADSTS700211") && !refused.contains("assertion-of-the-pod"), "\(refused)")
        let elsewhere = await problem(issuer(environment) { $0.authorityHost = "https://login.example.com" })
        #expect(elsewhere.contains("nothing is sent"))
    }

    @Test("What is missing is named, with what sets it")
    func missing() async throws {
        for (name, environment) in [
            ("AZURE_TENANT_ID", [:]), ("AZURE_CLIENT_ID", ["AZURE_TENANT_ID": "t"]),
            ("AZURE_FEDERATED_TOKEN_FILE", ["AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"]),
        ] as [(String, [String: String])] {
            let text = await problem(issuer(environment))
            #expect(text.contains(name) && text.contains("azure.workload.identity/use"), "\(text)")
        }
    }
}

@Suite("A token of the control plane for a data plane")
struct FederatedIssuerTests {
    private func issuer(_ audience: String, gives: String? = nil, own: [String] = []) -> FederatedIssuer {
        let token = TestToken.account(
            from: Int64(start.secondsSince1970), seconds: 3_600, audience: gives ?? audience)
        let server = ServerDouble { _ in .json(["status": ["token": .string(token)]], status: 201) }
        let ownToken = own.first.map {
            Sensitive(TestToken.account(from: Int64(start.secondsSince1970), seconds: 60, audience: $0))
        }
        return FederatedIssuer(
            .init(namespace: "flyte", account: "squadron", audience: audience), controlPlane: server.client(),
            ownToken: { ownToken }, wallClock: wallClock)
    }

    @Test("It has the audience that was asked for, and its life is the answer's")
    func good() async throws {
        #expect(try await issuer("dataplane_1").issue(through: nil).life == .seconds(3_600))
    }

    @Test("The control plane's own audience is never asked for")
    func own() async {
        for audience in ["https://kubernetes.default.svc", "https://dp", "https://oidc.eks/own"] {
            let text = await problem(issuer(audience, own: ["https://oidc.eks/own"]))
            #expect(text.contains("own audience"), "\(audience): \(text)")
        }
        let other = await problem(issuer("dataplane_1", gives: "something-else"))
        #expect(other.contains("other audiences"))
    }
}
