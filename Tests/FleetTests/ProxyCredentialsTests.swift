import Support
import Testing

@testable import Fleet

@Suite("Credentials of a proxy")
struct ProxyCredentialsTests {
    private static let proxy = "http://proxy.example.com:3128"
    private let reference = KeyReference(name: "corp-proxy", key: "login")

    private func secret(
        _ entry: String = "user:pass:word\n", use: String? = "proxy", hosts: String? = "proxy.example.com"
    ) -> SecretContent {
        var labels: [String: String] = [:]
        labels[SecretUse.label] = use
        var annotations: [String: String] = [:]
        annotations[AllowedHosts.annotation] = hosts
        return SecretContent(["login": Sensitive(entry)], labels: labels, annotations: annotations)
    }

    private func reason(_ content: SecretContent?, _ reference: KeyReference? = nil) -> CredentialsReason? {
        switch ProxyCredentials.read(reference ?? self.reference, in: content, for: Self.proxy) {
        case .success: nil
        case .failure(let problem): problem.reason
        }
    }

    @Test("The entry is user:password; a password may have colons")
    func read() throws {
        let found = try ProxyCredentials.read(reference, in: secret(), for: Self.proxy).get()
        #expect(found == ProxyCredentials(user: Sensitive("user"), password: Sensitive("pass:word")))
        let empty = try ProxyCredentials.read(reference, in: secret("user:"), for: Self.proxy).get()
        #expect(empty.password.isEmpty)
    }

    @Test("It goes only from a Secret for proxies to the hosts that the Secret names")
    func rules() {
        #expect(reason(secret(hosts: nil)) == .hostNotAllowed)
        #expect(reason(secret(hosts: "other.example.com")) == .hostNotAllowed)
        #expect(reason(secret(hosts: "proxy.example.com:8080")) == .hostNotAllowed)
        #expect(reason(secret(hosts: "proxy.example.com:3128")) == nil)
        #expect(reason(secret(use: nil)) == .sourceNotAllowed)
        #expect(reason(secret(use: "values")) == .sourceNotAllowed)
        #expect(reason(secret(), KeyReference(name: "cluster-credentials", key: "login")) == .sourceNotAllowed)
    }

    @Test("What is missing or malformed says so, and repeats nothing of it")
    func missing() {
        #expect(reason(nil) == .secretNotFound)
        #expect(reason(secret(), KeyReference(name: "corp-proxy", key: "other")) == .secretNotFound)
        for entry in ["", "user", ":password", "us\u{1b}er:x"] { #expect(reason(secret(entry)) == .tokenMalformed) }
        if case .failure(let problem) = ProxyCredentials.read(reference, in: secret("hunter2"), for: Self.proxy) {
            #expect(!problem.message.contains("hunter2"))
        }
    }
}
