import JSON
import KubeObjects
import Support

/// What a ServiceAccount's token says about itself. Nobody has verified it, but it comes from the server that made it
/// or from our own Secret.
public struct AccountToken: Sendable, Hashable {
    public var namespace: String
    public var name: String
    /// The UID of the ServiceAccount. A recreated account has another one.
    public var uid: String
    public var audiences: [String]
    /// Nil if it never expires.
    public var lifetime: Lifetime?
    /// The Secret that it is bound to. Nil if only its expiry ends it.
    public var secret: String?

    /// Nil for a token that is not a ServiceAccount's.
    public static func read(_ token: Sensitive) -> AccountToken? {
        guard let claims = JSONWebToken.claims(of: token) else { return nil }
        let legacy = "kubernetes.io/serviceaccount/"
        let bound = claims["kubernetes.io"]
        guard let namespace = (bound?["namespace"] ?? claims[legacy + "namespace"])?.string,
            let name = (bound?[path: ["serviceaccount", "name"]] ?? claims[legacy + "service-account.name"])?.string,
            let uid = (bound?[path: ["serviceaccount", "uid"]] ?? claims[legacy + "service-account.uid"])?.string
        else { return nil }
        let audience = claims["aud"]
        let audiences = audience?.array?.compactMap(\.string) ?? audience?.string.map { [$0] } ?? []
        return AccountToken(
            namespace: namespace, name: name, uid: uid, audiences: audiences,
            lifetime: JSONWebToken.lifetime(claims),
            secret: (bound?[path: ["secret", "name"]] ?? claims[legacy + "secret.name"])?.string)
    }

    public var account: String { "\(namespace)/\(name)" }
}

/// The parts of a JWT that are read here.
public enum JSONWebToken {
    /// The claims. Nil unless it is a JWT of a bearable size.
    public static func claims(of token: Sensitive) -> JSON? {
        guard token.count <= CredentialsLimits.token else { return nil }
        return token.withBytes { bytes -> JSON? in
            let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard parts.count == 3, let payload = Base64.decode(leniently: parts[1]) else { return nil }
            let claims = try? JSON(parsing: payload, limits: JSON.Limits(depth: 16, bytes: CredentialsLimits.token))
            return claims?.object == nil ? nil : claims
        }
    }

    /// From `iat` (else `nbf`) to `exp`. Nil if it never expires.
    public static func lifetime(_ claims: JSON) -> Lifetime? {
        func time(_ claim: String) -> Timestamp? { claims[claim]?.double.flatMap { Timestamp(clamping: $0) } }
        return time("exp").map { Lifetime(start: time("iat") ?? time("nbf"), end: $0) }
    }
}
