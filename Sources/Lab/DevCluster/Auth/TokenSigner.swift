import Crypto
import JSON
import Support

/// Signs and verifies the JSON Web Tokens of one cluster. They are ES256: kube-apiserver takes such keys too, and they
/// cost nothing to make.
final class TokenSigner: Sendable {
    private struct Cache {
        /// Tokens with a verified signature, since an operator sends the same one thousands of times.
        var verified: [String: JSON] = [:]
    }
    private static let cacheLimit = 1024

    private let key: P256.Signing.PrivateKey
    private let keyID: String
    private let cache = Locked(Cache())

    init() {
        key = P256.Signing.PrivateKey()
        keyID = Base64.encode(SHA256.hash(data: key.publicKey.derRepresentation), .url)
    }

    func sign(_ claims: JSON) -> String {
        let header: JSON = ["alg": "ES256", "kid": .string(keyID)]
        let message = Base64.encode(header.serialized(), .url) + "." + Base64.encode(claims.serialized(), .url)
        // A key in memory always signs. The interface throws only for keys in hardware.
        guard let signature = try? key.signature(for: Array(message.utf8)) else { return message + "." }
        return message + "." + Base64.encode(signature.rawRepresentation, .url)
    }

    /// The claims of a token that this cluster signed; nil for any other text.
    func claims(of token: String) -> JSON? {
        if let known = cache.withLock({ $0.verified[token] }) { return known }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let raw = Base64.decode(parts[2], .url), let payload = Base64.decode(parts[1], .url),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw),
            key.publicKey.isValidSignature(signature, for: Array("\(parts[0]).\(parts[1])".utf8)),
            let claims = try? JSON(parsing: payload)
        else { return nil }
        cache.withLock { cache in
            if cache.verified.count >= Self.cacheLimit { cache.verified.removeAll() }
            cache.verified[token] = claims
        }
        return claims
    }

    /// The public key as `/openid/v1/jwks` shows it.
    var jsonWebKeySet: JSON {
        let point = Array(key.publicKey.rawRepresentation)
        return [
            "keys": [
                [
                    "use": "sig", "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": .string(keyID),
                    "x": .string(Base64.encode(point[..<32], .url)),
                    "y": .string(Base64.encode(point[32...], .url)),
                ]
            ]
        ]
    }
}
