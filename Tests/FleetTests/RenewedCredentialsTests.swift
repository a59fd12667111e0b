import Support
import Testing

@testable import Fleet

@Suite("Where the token of another provider may go")
struct RenewedCredentialsTests {
    private func place(
        _ provider: CredentialsProvider, _ endpoint: String = "https://dp1.example.com", caCert: CACertSource = .secret
    ) -> CredentialsPlace {
        CredentialsPlace(
            secretName: "s", tokenKey: "dp1_token", caCertKey: "dp1_cacert", endpoint: endpoint, provider: provider,
            caCert: caCert)
    }

    private func secret(
        _ entries: [String: String], _ annotations: [String: String] = [:]
    ) -> SecretContent {
        SecretContent(entries.mapValues { Sensitive($0) }, annotations: annotations)
    }

    private func read(
        _ place: CredentialsPlace, _ secret: SecretContent?, hosts: [String] = [], audience: AudienceRequest? = nil
    ) -> CheckedRenewal {
        CheckedRenewal.read(place, in: secret, clouds: CloudHosts(hosts), audience: audience, now: now)
    }

    private func reason(_ checked: CheckedRenewal) -> CredentialsReason? {
        if case .invalid(let reason, _) = checked { reason } else { nil }
    }

    @Test("With TokenRequest, a Secret's token that is of no use leaves the rest usable")
    func endedFirst() throws {
        let ended = Token.jwt(#"{"exp":\#(Int(now.secondsSince1970) - 1)}"#)
        let content = secret(["dp1_token": ended, "dp1_cacert": try CredentialsTests.pem()])
        guard case .valid(let found) = read(place(.tokenRequest), content) else {
            Issue.record("refused")
            return
        }
        #expect(found.first != nil && found.firstProblem == nil && found.ca != nil)
        let broken = secret(["dp1_token": "\"quoted\"", "dp1_cacert": try CredentialsTests.pem()])
        guard case .valid(let other) = read(place(.tokenRequest), broken) else {
            Issue.record("refused")
            return
        }
        #expect(other.firstProblem?.reason == .tokenMalformed && other.first == nil)
    }

    @Test("caCert: System needs the Secret's annotation, and a Secret with one entry")
    func system() throws {
        let hosts = [AllowedHosts.annotation: "dp1.example.com"]
        let place = place(.tokenRequest, caCert: .system)
        let good = read(place, secret(["dp1_token": CredentialsTests.token], hosts))
        guard case .valid(let found) = good else {
            Issue.record("\(good)")
            return
        }
        #expect(found.ca == nil && found.caLifetime == nil)
        #expect(reason(read(place, secret(["dp1_token": CredentialsTests.token]))) == .hostNotAllowed)
        let elsewhere = [AllowedHosts.annotation: "dp2.example.com"]
        #expect(reason(read(place, secret(["dp1_token": CredentialsTests.token], elsewhere))) == .hostNotAllowed)
        let two = secret(["dp1_token": CredentialsTests.token, "dp2_token": "x"], hosts)
        #expect(reason(read(place, two)) == .keysMismatch)
    }

    @Test("With caCert: System the name in the certificate must be an allowed host too")
    func serverName() throws {
        let hosts = [AllowedHosts.annotation: "dp1.example.com, dp1.internal:6443"]
        let content = secret(["dp1_token": CredentialsTests.token], hosts)
        func reasons(_ name: String, _ caCert: CACertSource = .system) -> [CredentialsReason?] {
            var (renewed, kept) = (place(.tokenRequest, caCert: caCert), place(.secret, caCert: caCert))
            (renewed.tlsServerName, kept.tlsServerName) = (name, name)
            let checked = CheckedCredentials.read(kept, in: content, now: now)
            let other: CredentialsReason? = if case .invalid(let reason, _) = checked { reason } else { nil }
            return [reason(read(renewed, content)), other]
        }
        #expect(reasons("") == [nil, nil] && reasons("DP1.internal") == [nil, nil])
        #expect(reasons("evil.example.com") == [.hostNotAllowed, .hostNotAllowed])
        // The cluster's own CA believes the cluster's own names only.
        #expect(!reasons("evil.example.com", .secret).contains(.hostNotAllowed))

        var cloud = place(.gcp, "https://gke-1.us-central1.gke.goog", caCert: .system)
        #expect(reason(read(cloud, nil)) == nil)
        cloud.tlsServerName = "evil.example.com"
        #expect(reason(read(cloud, nil)) == .hostNotAllowed)
        cloud.tlsServerName = "gke-2.us-central1.gke.goog"
        #expect(reason(read(cloud, nil)) == nil)
    }

    @Test("The same holds for the provider Secret")
    func systemOfSecret() throws {
        let hosts = [AllowedHosts.annotation: "dp1.example.com"]
        let place = place(.secret, caCert: .system)
        let good = CheckedCredentials.read(place, in: secret(["dp1_token": CredentialsTests.token], hosts), now: now)
        guard case .valid(let found) = good else {
            Issue.record("\(good)")
            return
        }
        #expect(found.ca == nil && found.token == Sensitive(CredentialsTests.token))
        let bare = CheckedCredentials.read(place, in: secret(["dp1_token": CredentialsTests.token]), now: now)
        guard case .invalid(.hostNotAllowed, _) = bare else {
            Issue.record("\(bare)")
            return
        }
    }

    @Test(
        "What a cloud gives goes to its own hosts only",
        arguments: [
            (CredentialsProvider.aws, "https://ABC.gr7.eu-west-1.eks.amazonaws.com", true),
            (.aws, "https://abc.cn-north-1.eks.amazonaws.com.cn", true),
            (.aws, "https://eks.amazonaws.com", false), (.aws, "https://x.eks.amazonaws.com.example.com", false),
            (.aws, "https://xeks.amazonaws.com", false), (.aws, "https://1.2.3.4", false),
            (.gcp, "https://gke-1.europe-west1.gke.goog", true), (.gcp, "https://a.googleapis.com/v1/x", true),
            (.gcp, "https://x.eks.amazonaws.com", false), (.azure, "https://a.hcp.westeurope.azmk8s.io:443", true),
            (.azure, "https://a.azmk8s.io.evil.com", false),
        ])
    func clouds(_ provider: CredentialsProvider, _ endpoint: String, _ isAllowed: Bool) {
        let checked = read(place(provider, endpoint, caCert: .system), nil)
        #expect((reason(checked) == nil) == isAllowed, "\(checked)")
        if !isAllowed { #expect(reason(checked) == .hostNotAllowed) }
    }

    @Test("--cloud-host adds hosts, as a name or a pattern")
    func moreHosts() {
        let place = place(.aws, "https://api.internal.example.com", caCert: .system)
        #expect(reason(read(place, nil)) == .hostNotAllowed)
        #expect(reason(read(place, nil, hosts: ["*.internal.example.com"])) == nil)
        #expect(reason(read(place, nil, hosts: ["api.internal.example.com"])) == nil)
        #expect(reason(read(place, nil, hosts: ["internal.example.com"])) == .hostNotAllowed)
        #expect(CloudHosts.problem(of: "*.com") != nil && CloudHosts.problem(of: "a.*.com") != nil)
        #expect(CloudHosts.problem(of: "*") != nil && CloudHosts.problem(of: "*.example.com") == nil)
    }

    @Test(
        "Credentials are exchanged at the cloud's own token services only",
        arguments: [
            ("https://sts.eu-west-1.amazonaws.com", true), ("https://sts.amazonaws.com", true),
            ("https://sts.cn-north-1.amazonaws.com.cn", true), ("https://sts-fips.us-east-1.amazonaws.com", true),
            ("https://vpce-0a-1b.sts.eu-west-1.vpce.amazonaws.com", true),
            ("https://a.execute-api.eu-west-1.amazonaws.com", false), ("https://sts.s3.eu-west-1.amazonaws.com", false),
            ("https://sts.example.com", false), ("http://sts.eu-west-1.amazonaws.com", false),
            ("https://a.sts.eu-west-1.vpce.amazonaws.com", false),
            ("https://sts.eusc-de-east-1.amazonaws.eu", true), ("https://sts.us-iso-east-1.c2s.ic.gov", true),
            ("https://sts.us-isof-south-1.csp.hci.ic.gov", true), ("https://x.sts.eusc-de-east-1.amazonaws.eu", false),
            ("https://sts.eu-west-1.amazonaws.com.example.com", false), ("https://stsamazonaws.eu", false),
        ])
    func tokenServices(_ url: String, _ isAllowed: Bool) {
        let isHTTPS = url.hasPrefix("https")
        #expect((CloudHosts().allow(tokenService: url, of: .aws) && isHTTPS) == isAllowed)
    }

    @Test("Another Federated audience has to stand in the Secret's annotation")
    func audience() throws {
        let ca = try CredentialsTests.pem()
        var settings = FederatedSettings()
        let own = AudienceRequest(settings, clusterName: "dp1")
        #expect(own.audience == "dp1")
        #expect(reason(read(place(.federated), secret(["dp1_cacert": ca]), audience: own)) == nil)
        settings.audience = "vault"
        let other = AudienceRequest(settings, clusterName: "dp1")
        #expect(reason(read(place(.federated), secret(["dp1_cacert": ca]), audience: other)) == .sourceNotAllowed)
        let annotated = secret(["dp1_cacert": ca], [AudienceRequest.annotation: "dp9, vault"])
        #expect(reason(read(place(.federated), annotated, audience: other)) == nil)
    }

    @Test("A block of another provider is refused, and keys that the provider does not use")
    func blocks() {
        var spec = DataPlaneSpec(endpoint: "https://dp1")
        spec.credentials.aws = AWSSettings()
        #expect(spec.problems().map(\.path) == ["spec.credentials.aws"])
        spec.credentials.provider = .aws
        #expect(spec.problems().map(\.path) == ["spec.credentials.aws.clusterName"])
        spec.credentials.aws?.clusterName = "prod"
        #expect(spec.problems().isEmpty)
        spec.credentials.caCertKey = "other_cacert"
        #expect(spec.problems().map(\.path) == ["spec.credentials.caCertKey"])
        spec.inCluster = true
        spec.endpoint = nil
        #expect(spec.problems().isEmpty, "it is not used there")
    }
}
