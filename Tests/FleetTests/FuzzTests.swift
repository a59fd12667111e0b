import JSON
import KubeObjects
import Support
import TestSupport
import Testing

@testable import Fleet

/// What people write into Secrets and custom resources: nothing of it may end the process.
@Suite("Fuzz: credentials and settings")
struct FuzzTests {
    @Test("Tokens and CA bundles: read, or refused with a reason")
    func credentials() throws {
        let claims = Base64.encode(Array(#"{"iat":1700000000,"exp":1e308,"nbf":-9223372036854775808}"#.utf8))
        let pem = """
            -----BEGIN CERTIFICATE-----
            MIIBszCCAVmgAwIBAgIUEjRWeBI0VngSNFZ4EjRWeBI0VngwCgYIKoZIzj0EAwIw
            -----END CERTIFICATE-----
            -----BEGIN X509 CRL-----
            MIIB
            -----END X509 CRL-----
            """
        let corpus = ["eyJhbGciOiJSUzI1NiJ9.\(claims).sig", pem, Base64.encode(Array(pem.utf8)), "sha256~abc"]
        try fuzz(corpus) { bytes in
            let entry = Sensitive(bytes)
            _ = BearerToken.read(entry)
            _ = CABundle.read(entry)
            _ = AccountToken.read(entry)
            let reference = KeyReference(name: "p", key: "k")
            let secret = SecretContent(["k": entry], labels: [SecretUse.label: "proxy"])
            _ = ProxyCredentials.read(reference, in: secret, for: "http://proxy:3128")
        }
    }

    @Test("Quantities, durations, hosts and URLs")
    func texts() throws {
        let corpus = [
            "100m", "1.5Gi", "1e3", "12E", "1m30s", "500ms",
            "flyteadmin.flyte.svc, sso.example.com:8443, [2001:db8::1]:6443",
            "https://[2001:db8::1]:6443/k8s", "http://127.0.0.1:80", "0x7f000001",
        ]
        try fuzz(corpus, rounds: 5_000) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            _ = Quantity(text)
            if let json = try? JSON(parsing: bytes) { _ = Quantity(json) }
            _ = Duration(typed: text)
            _ = AllowedHosts(text).allow("https://sso.example.com:8443")
            _ = AllowedHosts("a:1").allow(text)
            for problem in [URLRules.problem(of: text, schemes: ["https"]), URLRules.problem(ofFlyteAdmin: text)] {
                #expect(problem?.utf8.count ?? 0 < 200)
            }
            _ = NameRules.problem(ofClusterName: text)
        }
    }

    @Test("Templates: compiled, or refused with a line")
    func templates() throws {
        let corpus = [
            """
            apiVersion: v1
            kind: ResourceQuota
            metadata: {name: project-quota, namespace: "{{ namespace }}"}
            spec: {hard: {limits.cpu: "{{ projectQuotaCpu }}", limits.memory: {{ projectQuotaMemory }}}}
            ---
            apiVersion: v1
            kind: ServiceAccount
            metadata:
              name: default
              annotations:
                eks.amazonaws.com/role-arn: {{ defaultIamRole }}
            """
        ]
        try fuzz(corpus, rounds: 1_000) { bytes in
            _ = TemplateSet(files: ["a.yaml": String(decoding: bytes, as: UTF8.self)])
        }
    }
}
