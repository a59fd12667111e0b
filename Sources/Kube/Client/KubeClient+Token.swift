import HTTP
import JSON
import KubeObjects
import Support

/// A token of a ServiceAccount, as the TokenRequest API gives it.
public struct ServiceAccountToken: Sendable {
    public var value: Sensitive
    public init(_ value: Sensitive) { self.value = value }
}

extension KubeClient {
    /// Asks for a token of a ServiceAccount (`authentication.k8s.io/v1` TokenRequest, `create` on
    /// `serviceaccounts/token`). The server may give it a shorter life than asked for: EKS and AKS at most a day, GKE two.
    /// An answer without a token that can be sent fails as `.unexpectedAnswer`.
    ///
    /// The request does not wait for the rate limit: without a token no other request can be sent.
    ///
    /// - Parameters:
    ///   - audiences: empty for the API server's own.
    ///   - expirationSeconds: servers refuse less than 600.
    ///   - secret: a Secret of the namespace whose deletion ends the token.
    public func requestToken(
        of account: String, in namespace: String, audiences: [String] = [], expirationSeconds: Int,
        boundTo secret: ObjectMeta? = nil
    ) async throws(KubeError) -> ServiceAccountToken {
        let type = ResourceType(
            version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)
        var request = KubeRequest(
            .post, type.path(namespace: namespace, name: account, subresource: "token"),
            operation: type.operation("create", namespace: namespace, name: account, subresource: "token"))
        var spec: JSON = ["expirationSeconds": .int(Int64(expirationSeconds))]
        if !audiences.isEmpty { spec["audiences"] = .array(audiences.map { .string($0) }) }
        if let secret {
            spec["boundObjectRef"] = ["kind": "Secret", "apiVersion": "v1", "name": .string(secret.name)]
            if let uid = secret.uid { spec[path: ["boundObjectRef", "uid"]] = .string(uid) }
        }
        let body: JSON = ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec]
        request.body = body.serialized()
        request.isRateLimited = false
        request.answersWithSecrets = true
        request.mayHoldToken = true
        var answer = try await sendForJSON(request)
        defer { answer.wipe() }
        guard let text = answer[path: ["status", "token"]]?.string, !text.isEmpty else {
            throw request.unexpected("the answer has no token")
        }
        guard text.utf8.isTokenText, text.utf8.count <= 32 << 10 else {
            throw request.unexpected("the answer has a token that can't be one")
        }
        return ServiceAccountToken(Sensitive(text))
    }
}
