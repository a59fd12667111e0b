import JSON
import Support

/// flyteadmin's own authorization server: an OAuth2 token endpoint for client credentials, with its tokens. Its errors are
/// those of fosite, which flyteadmin uses. A token is made for the host that the server was asked at, and taken there only.
struct TokenServer: Sendable {
    struct Issued: Sendable {
        var audience: String
        var expires: Duration
    }
    let options: DevFlyteAdmin.OAuth2
    private(set) var issued: [String: Issued] = [:]
    private(set) var count = 0

    init(_ options: DevFlyteAdmin.OAuth2) { self.options = options }

    /// Makes all tokens invalid that were issued before, as a new signing key does.
    mutating func revokeAll() { issued = [:] }

    /// Why a token is refused. Nil if it is accepted.
    func problem(of token: String, at url: String, now: Duration) -> String? {
        guard let found = issued[token] else {
            return "[JWT_VERIFICATION_FAILED] jwt parse with claims failed, caused by: crypto/rsa: verification error"
        }
        if now >= found.expires { return "Token is expired" }
        let wanted = audience(url)
        return found.audience == wanted
            ? nil : "invalid audience [&{[\(found.audience)] \(options.clientID)}], wanted [map[\(wanted):{}]]"
    }

    /// The URL of the request if it is one of `authorizedUris`, otherwise the first of these.
    private func audience(_ url: String) -> String {
        guard let first = options.authorizedHosts.first, let host = HostOf(url) else { return url }
        return options.authorizedHosts.contains(host.name) ? url : host.replaced(by: first)
    }

    /// A URL's host, without its port.
    private struct HostOf {
        var scheme: Substring
        var name: String
        var port: Substring
        init?(_ url: String) {
            guard let start = url.firstRange(of: "://") else { return nil }
            let rest = url[start.upperBound...]
            let colon = rest.lastIndex(of: ":") ?? rest.endIndex
            (scheme, name, port) = (url[..<start.upperBound], String(rest[..<colon]), rest[colon...])
        }
        func replaced(by other: String) -> String { scheme + other + port }
    }

    /// - Parameter url: scheme and host of the client's request.
    mutating func answer(_ request: Request, at url: String, now: Duration) -> Answer {
        guard request.method == "POST" else {
            return Self.failure(400, "invalid_request", "The HTTP method is not POST.")
        }
        guard request.headers["content-type"] == "application/x-www-form-urlencoded" else {
            return Self.failure(400, "invalid_request", "The request's body is not a form.")
        }
        let form = Form.parse(String(decoding: request.body, as: UTF8.self))
        guard isClient(request, form) else {
            let text =
                "Client authentication failed (e.g., unknown client, no client authentication included, or "
                + "unsupported authentication method)."
            return Self.failure(401, "invalid_client", text)
        }
        guard form["grant_type"] == "client_credentials" else {
            return Self.failure(400, "unsupported_grant_type", "The authorization grant type is not supported.")
        }
        let scopes = (form["scope"] ?? "").split(separator: " ").map(String.init)
        if let wrong = scopes.first(where: { !options.scopes.contains($0) }) {
            let text =
                "The requested scope is invalid, unknown, or malformed. The OAuth 2.0 Client is not allowed to request "
                + "scope '\(wrong)'."
            return Self.failure(400, "invalid_scope", text)
        }
        count += 1
        let token =
            String(UInt64.random(in: .min ... .max), radix: 16) + String(UInt64.random(in: .min ... .max), radix: 16)
        issued[token] = Issued(audience: audience(url), expires: now + options.lifetime)
        return Answer(
            200,
            [
                "access_token": .string(token), "token_type": "bearer",
                "expires_in": .int(options.lifetime.components.seconds),
                "scope": .string(scopes.joined(separator: " ")),
            ])
    }

    private func isClient(_ request: Request, _ form: [String: String]) -> Bool {
        if options.style != .body, let header = request.headers["authorization"], header.hasPrefix("Basic ") {
            guard let text = Base64.decode(header.dropFirst(6)) else { return false }
            let parts = String(decoding: text, as: UTF8.self).split(
                separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            // The parts are form-encoded before they are joined (RFC 6749, 2.3.1).
            return parts.map { Form.decode(String($0)) } == [options.clientID, options.clientSecret]
        }
        return options.style != .header && form["client_id"] == options.clientID
            && form["client_secret"] == options.clientSecret
    }

    private static func failure(_ status: Int, _ error: String, _ text: String) -> Answer {
        Answer(status, ["error": .string(error), "error_description": .string(text)])
    }
}

enum Form {
    static func parse(_ text: String) -> [String: String] {
        var form: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            form[decode(String(parts[0]))] = parts.count > 1 ? decode(String(parts[1])) : ""
        }
        return form
    }

    /// `+` is a space only in forms and queries.
    static func decode(_ text: String, plusIsSpace: Bool = true) -> String {
        var bytes: [UInt8] = []
        let source = Array(text.utf8)
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "%"), index + 2 < source.count,
                let byte = UInt8(String(decoding: source[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
            {
                bytes.append(byte)
                index += 3
            } else {
                bytes.append(plusIsSpace && source[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : source[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
