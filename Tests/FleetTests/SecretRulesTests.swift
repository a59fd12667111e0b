import KubeObjects
import Support
import Testing

@testable import Fleet

@Suite("Which Secret may be used for what")
struct SecretRulesTests {
    private func secret(_ use: String? = nil, _ annotations: [String: String] = [:]) -> SecretContent {
        SecretContent(
            ["a": Sensitive("x")], labels: use.map { [SecretUse.label: $0] } ?? [:], annotations: annotations)
    }

    @Test("A Secret is a source only of what its label says", arguments: SecretUse.allCases)
    func labels(use: SecretUse) {
        #expect(SecretRules.problem(secret(use.rawValue), named: "s", as: use) == nil)
        for other in SecretUse.allCases.map(\.rawValue).filter({ $0 != use.rawValue }) + ["", "Values"] {
            #expect(SecretRules.problem(secret(other), named: "s", as: use) != nil)
        }
        let unlabelled = SecretRules.problem(secret(), named: "s", as: use)
        #expect(unlabelled?.contains("multicluster.flyte.org/use: \(use.rawValue)") == true)
        #expect(SecretRules.problem(nil, named: "s", as: use) == nil, "not read: that is said as such")
    }

    @Test("The Secrets of data planes' credentials are a source of nothing else", arguments: SecretUse.allCases)
    func credentials(use: SecretUse) {
        for name in ["cluster-credentials", "squadron-credentials"] {
            #expect(SecretRules.problem(secret(use.rawValue), named: name, as: use) != nil)
            #expect(SecretRules.problem(nil, named: name, as: use) != nil)
        }
    }

    private func checked(_ content: SecretContent, _ place: CredentialsPlace) -> CheckedCredentials {
        CheckedCredentials.read(place, in: content, now: now)
    }
    private func reason(_ checked: CheckedCredentials) -> CredentialsReason? {
        if case .invalid(let reason, _) = checked { reason } else { nil }
    }

    @Test("A Secret that is for something else can't hold a data plane's credentials")
    func otherUse() throws {
        let entries = ["t": Sensitive("opaque"), "c": Sensitive(try CredentialsTests.pem())]
        for use in ["values", "flyteadmin", "proxy", "credentials", ""] {
            let labelled = SecretContent(entries, labels: [SecretUse.label: use])
            #expect(reason(checked(labelled, CredentialsTests.short)) == .sourceNotAllowed)
            var reserved = CredentialsTests.short
            reserved.secretName = "cluster-credentials"
            #expect(reason(checked(labelled, reserved)) == .sourceNotAllowed)
        }
        for labels in [[:], [SecretUse.label: "replicate"]] {
            #expect(reason(checked(SecretContent(entries, labels: labels), CredentialsTests.short)) == nil)
        }
    }

    private func place(_ token: String, _ caCert: String, _ endpoint: String = "https://dp1") -> CredentialsPlace {
        CredentialsPlace(secretName: "s", tokenKey: token, caCertKey: caCert, endpoint: endpoint)
    }

    @Test("Among the entries of several clusters, token and CA have the same prefix")
    func keys() {
        let all = ["dp_1_token", "dp_1_cacert", "dp_2_token", "dp_2_cacert"]
        func mismatch(_ token: String, _ caCert: String, _ keys: [String]) -> Bool {
            CredentialsKeys(token: token, caCert: caCert).mismatch(among: keys) != nil
        }
        #expect(!mismatch("dp_1_token", "dp_1_cacert", all))
        #expect(mismatch("dp_2_token", "dp_1_cacert", all))
        #expect(mismatch("dp_1_token", "dp_1_token", all))
        #expect(mismatch("_token", "_cacert", ["_token", "_cacert", "x"]), "no cluster at all")
        // One token and one CA may be called anything.
        #expect(!mismatch("dp_2_token", "dp_1_cacert", ["dp_2_token", "dp_1_cacert"]))
        #expect(!mismatch("t", "ca", ["t", "ca"]))
        #expect(mismatch("t", "ca", ["t", "ca", "other"]))
        // Secrets as Kubernetes makes them for ServiceAccounts.
        #expect(!mismatch("token", "ca.crt", ["token", "ca.crt", "namespace", "service-ca.crt"]))
        #expect(mismatch("token", "ca.crt", ["token", "ca.crt", "namespace", "token2"]))
        #expect(mismatch("token", "service-ca.crt", ["token", "ca.crt", "namespace", "service-ca.crt"]))
    }

    @Test("A mismatch is said with both keys, and a key that is not there is said as such")
    func mismatchFinding() throws {
        let ca = try CredentialsTests.pem()
        let content = SecretContent([
            "dp_1_token": Sensitive("one"), "dp_1_cacert": Sensitive(ca), "dp_2_token": Sensitive("two"),
            "dp_2_cacert": Sensitive(ca),
        ])
        guard case .invalid(.keysMismatch, let message) = checked(content, place("dp_2_token", "dp_1_cacert")) else {
            Issue.record("it would be used")
            return
        }
        #expect(message.contains("dp_2_token") && message.contains("dp_1_cacert"))
        #expect(reason(checked(content, place("dp_3_token", "dp_1_cacert"))) == .tokenMissing)
        #expect(reason(checked(content, place("dp_2_token", "dp_2_cacert"))) == nil)
    }

    @Test("A token goes only to the hosts that its Secret names for its cluster")
    func hosts() throws {
        let ca = try CredentialsTests.pem()
        func content(_ annotations: [String: String]) -> SecretContent {
            let entries = ["dp_1_token": "one", "dp_1_cacert": ca, "dp_2_token": "two", "dp_2_cacert": ca]
            return SecretContent(entries.mapValues { Sensitive($0) }, annotations: annotations)
        }
        let prefix = "multicluster.flyte.org/hosts"
        func reason(_ annotations: [String: String], _ number: Int, _ endpoint: String) -> CredentialsReason? {
            self.reason(checked(content(annotations), place("dp_\(number)_token", "dp_\(number)_cacert", endpoint)))
        }
        #expect(reason([:], 1, "https://anywhere") == nil, "no annotation, no limit")
        let one = [prefix + ".dp_1": "dp1.example.com:6443"]
        #expect(reason(one, 1, "https://dp1.example.com:6443/k8s/clusters/c-1") == nil)
        #expect(reason(one, 1, "https://dp1.example.com") == .hostNotAllowed)
        #expect(reason(one, 1, "https://evil.example.com:6443") == .hostNotAllowed)
        #expect(reason(one, 2, "https://anywhere") == nil, "it is about the other entry")
        let both = one.merging([prefix: "dp2"]) { $1 }
        #expect(reason(both, 1, "https://dp2") == .hostNotAllowed, "its own goes first")
        #expect(reason(both, 2, "https://dp2") == nil)
        #expect(reason([prefix: ""], 1, "https://dp1") == .hostNotAllowed, "empty: nowhere")
        // The message names the annotation that counts.
        for (annotations, named) in [(one, prefix + ".dp_1"), ([prefix: "dp2"], prefix), (both, prefix + ".dp_1")] {
            let refused = checked(content(annotations), place("dp_1_token", "dp_1_cacert", "https://elsewhere"))
            guard case .invalid(.hostNotAllowed, let message) = refused else {
                Issue.record("it would be used")
                continue
            }
            #expect(message.contains("its annotation \(named) does not name"), "\(message)")
        }
    }

    @Test("Of a Secret with free keys, every annotation with hosts is about its one entry")
    func freeKeys() throws {
        let entries = ["t": Sensitive("one"), "ca": Sensitive(try CredentialsTests.pem())]
        for annotation in ["multicluster.flyte.org/hosts", "multicluster.flyte.org/hosts.dp_1"] {
            let content = SecretContent(entries, annotations: [annotation: "dp1"])
            #expect(reason(checked(content, place("t", "ca", "https://dp1"))) == nil)
            #expect(reason(checked(content, place("t", "ca", "https://dp2"))) == .hostNotAllowed)
        }
    }

    @Test("What must not be sent is not published for flyteadmin either")
    func published() throws {
        let object = dataPlane("dp-1") {
            $0.clusterName = "dp_1"
            $0.credentials.tokenKey = "dp_2_token"
        }
        #expect(PublishedCredentials(of: object).place == object.credentialsPlace)
        let usability = ClustersPlan.Usability(.invalid(.keysMismatch, "m"), of: object)
        #expect(usability == .unusable(reason: "KeysMismatch", message: "m"))
    }

    @Test("The objects that name such a Secret say so")
    func findings() {
        var seen = DataPlaneFacts()
        seen.sourceNotAllowed = "why"
        let synced = DataPlaneConditions.conditions(of: dataPlane("a"), seen).first { $0.type == .synced }
        #expect(synced?.reason == "SourceNotAllowed" && synced?.status == .isFalse)
        var registry = RegistryFacts()
        registry.sourceNotAllowed = "why"
        let object = ClusterRegistry(metadata: metadata("flyte"), spec: ClusterRegistrySpec())
        let ready = registry.findings(of: object).first { $0.type == .ready }
        #expect(ready?.reason == "SourceNotAllowed")
        #expect(Publication.sourceNotAllowed("why").finding.reason == "SourceNotAllowed")
    }
}

@Suite("Hosts that a Secret may be sent to")
struct AllowedHostsTests {
    @Test(
        "Case, a dot at the end and the way an IPv6 address is written don't matter",
        arguments: [
            ("dp1.example.com", "https://DP1.Example.com:6443/path"), ("dp1.example.com.", "https://dp1.example.com"),
            (" a , dp1 ", "https://dp1"), ("dp1:443", "https://dp1"), ("DP1:80", "http://dp1"),
            ("dp1:6443", "https://dp1:6443"), ("10.0.0.1", "https://10.0.0.1:6443"),
            ("[2001:db8::1]:6443", "https://[2001:DB8:0:0::1]:6443"), ("[::1]", "https://[::1]:8443"),
            ("2001:db8::1", "https://[2001:db8::1]"), ("a,,b,", "https://b"),
        ])
    func allowed(list: String, url: String) {
        #expect(AllowedHosts(list).allow(url))
    }

    @Test(
        "Another host, another port and what can't be read allow nothing",
        arguments: [
            ("dp1", "https://dp2"), ("dp1", "https://dp1.example.com"), ("example.com", "https://dp1.example.com"),
            ("*.example.com", "https://dp1.example.com"), ("dp1:443", "https://dp1:6443"), ("dp1:6443", "https://dp1"),
            ("dp1:0", "https://dp1"), ("dp1:", "https://dp1"), ("dp1:+443", "https://dp1"), ("dp1:x", "https://dp1"),
            ("https://dp1", "https://dp1"), ("dp1/path", "https://dp1/path"), ("dp1 dp2", "https://dp1"),
            ("", "https://dp1"), (",", "https://dp1"), ("[::1", "https://[::1]"), ("[::1]x", "https://[::1]"),
            ("[::1]:6443", "https://[::1]"), ("10.0.0.1", "https://[::ffff:10.0.0.1]"), ("dp1", "https://dp1@evil"),
            ("dp1", "https://evil/dp1"), ("dp1", ""),
        ])
    func refused(list: String, url: String) {
        #expect(!AllowedHosts(list).allow(url))
    }
}
