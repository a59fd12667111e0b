import JSON
import Support

/// The claims of a cluster's tokens, in the shapes of kube-apiserver.
enum TokenClaims {
    static let issuer = "https://kubernetes.default.svc.cluster.local"
    static let legacyIssuer = "kubernetes/serviceaccount"
    /// The issuer of `makeToken`'s users. They have no object in the cluster, as if an OIDC provider had issued their
    /// tokens.
    static let userIssuer = "https://identity.devcluster.example"

    static func boundServiceAccount(
        namespace: String, name: String, uid: String, audiences: [String], now: Instant, expires: Instant,
        boundTo: JSON? = nil
    ) -> JSON {
        var kubernetes: JSON = [
            "namespace": .string(namespace), "serviceaccount": ["name": .string(name), "uid": .string(uid)],
        ]
        if let kind = boundTo?["kind"]?.string {
            kubernetes[kind.lowercased()] = ["name": boundTo?["name"] ?? "", "uid": boundTo?["uid"] ?? ""]
        }
        return [
            "aud": .array(audiences.map { .string($0) }), "exp": seconds(expires), "iat": seconds(now),
            "iss": .string(issuer), "jti": .string(Identifiers.uuid()), "kubernetes.io": kubernetes,
            "nbf": seconds(now), "sub": .string("system:serviceaccount:\(namespace):\(name)"),
        ]
    }

    /// The claims for a Secret of type `kubernetes.io/service-account-token`. Its token never expires, and ends with
    /// the Secret or ServiceAccount.
    static func legacyServiceAccount(namespace: String, name: String, uid: String, secret: String) -> JSON {
        [
            "iss": .string(legacyIssuer), "kubernetes.io/serviceaccount/namespace": .string(namespace),
            "kubernetes.io/serviceaccount/secret.name": .string(secret),
            "kubernetes.io/serviceaccount/service-account.name": .string(name),
            "kubernetes.io/serviceaccount/service-account.uid": .string(uid),
            "sub": .string("system:serviceaccount:\(namespace):\(name)"),
        ]
    }

    static func user(_ name: String, groups: [String], now: Instant, expires: Instant?) -> JSON {
        var claims: JSON = [
            "iss": .string(userIssuer), "aud": .array([.string(issuer)]), "sub": .string(name),
            "groups": .array(groups.map { .string($0) }), "iat": seconds(now), "nbf": seconds(now),
            "jti": .string(Identifiers.uuid()),
        ]
        if let expires { claims["exp"] = seconds(expires) }
        return claims
    }

    private static func seconds(_ instant: Instant) -> JSON { .int(Int64(instant.secondsSince1970.rounded(.down))) }
}
