import JSON
import KubeObjects
import Support

/// What a JWT says of itself, as far as it matters here: nobody has verified it.
struct TokenClaims: Sendable, Hashable {
    var expiration: Timestamp?
}

/// A token as it goes into a header: white space around it gone, its shape checked.
struct BearerToken {
    var value: Sensitive
    /// Nil for an opaque token.
    var claims: TokenClaims?

    init(_ entry: Sensitive, now: Instant) throws(CredentialsProblem) {
        let (value, outcome) = entry.withBytes { bytes -> (Sensitive, Result<TokenClaims?, CredentialsProblem>) in
            let token = Bytes.trimmed(bytes)
            do throws(CredentialsProblem) {
                return (Sensitive(token), .success(try Self.check(token, now: now)))
            } catch {
                return (Sensitive(""), .failure(error))
            }
        }
        self.value = value
        claims = try outcome.get()
    }

    private static func check(_ token: Slice<UnsafeRawBufferPointer>, now: Instant) throws(CredentialsProblem)
        -> TokenClaims?
    {
        func malformed(_ message: String) -> CredentialsProblem { CredentialsProblem(.tokenMalformed, message) }
        if token.isEmpty { throw CredentialsProblem(.tokenMissing, "is empty") }
        if isEncodedTwice(token) {
            throw malformed(
                "the token " + CredentialsProblem.encodedTwice
            )
        }
        if token.starts(with: "-----BEGIN".utf8) {
            throw malformed("is a PEM file and no token: are the two keys mixed up?")
        }
        if token.count > CredentialsLimits.token {
            throw malformed("has \(token.count) bytes, more than \(CredentialsLimits.token)")
        }
        if token.starts(with: "Bearer ".utf8) || token.starts(with: "bearer ".utf8) {
            throw malformed("begins with the word Bearer: only the token itself is to be there")
        }
        if token.first == UInt8(ascii: "\"") || token.first == UInt8(ascii: "'") { throw malformed("is in quotes") }
        if token.first == UInt8(ascii: "<") || token.first == UInt8(ascii: "{") {
            throw malformed("is a placeholder or a document and no token")
        }
        if token.contains(where: \.isSpace) { throw malformed("has white space within") }
        guard token.isTokenText else { throw malformed("has bytes that no token has") }
        guard token.starts(with: "eyJ".utf8) else { return nil }
        guard let claims = claims(of: token) else {
            throw malformed(
                "begins like a JWT but is none (three base64url parts with a JSON object as the second): is it cut off?"
            )
        }
        if let end = claims.expiration, end.instant <= now {
            throw CredentialsProblem(.tokenExpired, "the token expired at \(end)")
        }
        return claims
    }

    /// Nil unless it is a JWT: header, payload and signature in base64url, the first two JSON objects.
    ///
    /// Looks at the bytes where they are: only what it decodes is a copy, and the signature's is zeroed.
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
        return TokenClaims(expiration: body["exp"]?.double.flatMap { Timestamp(clamping: $0) })
    }

    /// Whether decoding it once more gives a JWT. An opaque token doesn't show it.
    private static func isEncodedTwice(_ token: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard var decoded = Base64.decode(leniently: token.lazy.filter { !$0.isSpace }) else { return false }
        defer { decoded.wipe() }
        return decoded.withUnsafeBytes { bytes in
            let inner = Bytes.trimmed(bytes)
            return inner.starts(with: "eyJ".utf8) && claims(of: inner) != nil
        }
    }
}

extension Timestamp {
    /// Nil beyond the year 9999: so far away means never. The past is cut at 1970.
    init?(clamping seconds: Double) {
        guard seconds < 253_402_300_800 else { return nil }
        self.init(Instant(secondsSince1970: max(0, seconds)))
    }
}
