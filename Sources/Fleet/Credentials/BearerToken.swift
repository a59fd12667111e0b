import JSON
import KubeObjects
import Support

/// What a JWT says about itself, as far as it is needed here. Nobody has verified it.
struct TokenClaims: Sendable, Hashable {
    /// `iat`, else `nbf`.
    var start: Timestamp?
    /// `exp`.
    var expiration: Timestamp?
}

/// A token for a header: without the white space around it, and with its shape checked. The caller decides whether it
/// has expired, since that depends on the time.
struct BearerToken: Sendable {
    var value: Sensitive
    /// Nil if the token does not say when it expires.
    var lifetime: Lifetime?
    /// Whether the entry has white space, or a byte order mark, around the token.
    var isPadded: Bool

    static func read(_ entry: Sensitive) -> Result<BearerToken, CredentialsProblem> {
        entry.withBytes { bytes in
            let token = Bytes.trimmed(bytes)
            return check(token).map { claims in
                BearerToken(
                    value: Sensitive(token),
                    lifetime: claims?.expiration.map { Lifetime(start: claims?.start, end: $0) },
                    isPadded: token.count != bytes.count)
            }
        }
    }

    private static func check(_ token: Slice<UnsafeRawBufferPointer>) -> Result<TokenClaims?, CredentialsProblem> {
        func malformed(_ message: String) -> Result<TokenClaims?, CredentialsProblem> {
            .failure(CredentialsProblem(.tokenMalformed, message))
        }
        if token.isEmpty { return .failure(CredentialsProblem(.tokenMissing, "is empty")) }
        if isEncodedTwice(token) { return malformed("the token " + CredentialsProblem.encodedTwice) }
        if token.starts(with: "-----BEGIN".utf8) {
            return malformed("is a PEM file, not a token: are the two keys mixed up?")
        }
        if token.count > CredentialsLimits.token {
            return malformed("has \(token.count) bytes, more than \(CredentialsLimits.token)")
        }
        if token.starts(with: "Bearer ".utf8) || token.starts(with: "bearer ".utf8) {
            return malformed("begins with the word Bearer: only the token itself is to be there")
        }
        if token.first == UInt8(ascii: "\"") || token.first == UInt8(ascii: "'") { return malformed("is in quotes") }
        if token.first == UInt8(ascii: "<") || token.first == UInt8(ascii: "{") {
            return malformed("is a placeholder or a document, not a token")
        }
        if token.contains(where: \.isSpace) { return malformed("has white space within") }
        guard token.isTokenText else { return malformed("has bytes that a token can't have") }
        guard token.starts(with: "eyJ".utf8) else { return .success(nil) }
        guard let claims = claims(of: token) else {
            return malformed(
                "begins like a JWT but is not one (three base64url parts with a JSON object as the second): is it cut off?"
            )
        }
        return .success(claims)
    }

    /// Nil unless it is a JWT: header, payload and signature in base64url, the first two as JSON objects.
    ///
    /// It reads the bytes in place. Only what it decodes is copied, and the copy of the signature is zeroed.
    private static func claims(of token: Slice<UnsafeRawBufferPointer>) -> TokenClaims? {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[2].isEmpty, let header = Base64.decode(leniently: parts[0]),
            let payload = Base64.decode(leniently: parts[1]), var signature = Base64.decode(leniently: parts[2])
        else { return nil }
        signature.wipe()
        let limits = JSON.Limits(depth: 16, bytes: CredentialsLimits.token)
        guard let head = try? JSON(parsing: header, limits: limits), head.object != nil,
            let body = try? JSON(parsing: payload, limits: limits), body.object != nil
        else { return nil }
        func time(_ claim: String) -> Timestamp? { body[claim]?.double.flatMap { Timestamp(clamping: $0) } }
        return TokenClaims(start: time("iat") ?? time("nbf"), expiration: time("exp"))
    }

    /// Whether decoding it once more gives a recognizable token: a JWT, or an opaque one with a known beginning.
    private static func isEncodedTwice(_ token: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard token.count <= CredentialsLimits.token * 2,
            var decoded = Base64.decode(leniently: token.lazy.filter { !$0.isSpace })
        else { return false }
        defer { decoded.wipe() }
        return decoded.withUnsafeBytes { bytes in
            let inner = Bytes.trimmed(bytes)
            if inner.starts(with: "eyJ".utf8) { return claims(of: inner) != nil }
            return inner.isTokenText && isKnownOpaque(inner)
        }
    }

    /// Tokens with a known beginning: OpenShift's, Rancher's (`kubeconfig-u-abcde:…`) and EKS's.
    private static func isKnownOpaque(_ token: Slice<UnsafeRawBufferPointer>) -> Bool {
        token.starts(with: "sha256~".utf8) || token.starts(with: "k8s-aws-v1.".utf8)
            || (token.starts(with: "kubeconfig-".utf8) && token.contains(UInt8(ascii: ":")))
    }
}

extension Timestamp {
    /// Nil beyond the year 9999, which means never. The past is cut at 1970.
    init?(clamping seconds: Double) {
        guard seconds < 253_402_300_800 else { return nil }
        self.init(Instant(secondsSince1970: max(0, seconds)))
    }
}
