import Fleet
import Kube
import KubeObjects
import Support

/// Tokens of accounts in a data plane that last as long as a Secret there.
struct AccountTokens: Sendable {
    let client: KubeClient
    let namespace: String

    private static let looks = 40
    private static let longLife = 365 * 86_400

    /// The long-lived token that the cluster's control plane puts into the Secret. If nothing fills the Secret, a token
    /// of the TokenRequest API, which expires. That token, too, is valid only as long as the Secret exists.
    func token(of account: String, secret name: String) async throws(KubeError) -> (token: Sensitive, isFilled: Bool) {
        var found = try await client.get(Secret.self, namespace: namespace, name: name)
        for _ in 0..<Self.looks {
            if let token = found["token"], !token.isEmpty { return (token, true) }
            do { try await Task.sleep(for: .milliseconds(250)) } catch { break }
            found = try await client.get(Secret.self, namespace: namespace, name: name)
        }
        let token = try await client.requestToken(
            of: account, in: namespace, expirationSeconds: Self.longLife, boundTo: found.metadata)
        return (token.value, false)
    }
}
