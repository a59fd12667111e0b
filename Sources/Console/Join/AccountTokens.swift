import Fleet
import Kube
import KubeObjects
import Support

/// Tokens of accounts in a data plane that stand or fall with a Secret there.
struct AccountTokens: Sendable {
    let client: KubeClient
    let namespace: String

    private static let looks = 40
    private static let longLife = 365 * 86_400

    /// The long-lived one that the control plane of the cluster puts into the Secret. Where nothing does, one with an end
    /// that the API gives: it too is good for as long as the Secret is there.
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
