import HTTP
import JSON
import Support

/// One request for an access token, and the meaning of its answer.
struct TokenRequest {
    struct Answer: Sendable {
        var token: Sensitive
        var keepFor: Duration
    }

    /// How long a token without `expires_in` is kept. It is a guess, which a 401 corrects.
    static let unknownLifetime = Duration.seconds(300)

    let http: HTTPRequest
    private let redaction: Redaction
    private let clientAuth: OAuth2Tokens.ClientAuth

    init(_ credentials: OAuth2Tokens.Credentials) {
        redaction = Redaction([credentials.clientSecret])
        clientAuth = credentials.clientAuth
        let secret = credentials.clientSecret.withBytes { String(decoding: $0, as: UTF8.self) }
        var form = "grant_type=client_credentials"
        if !credentials.scopes.isEmpty { form += "&scope=" + Self.form(credentials.scopes.joined(separator: " ")) }
        var request = HTTPRequest(.post, credentials.tokenURL)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        request.headers["Accept"] = "application/json"
        switch clientAuth {
        case .header:
            // Both are form-encoded before they are joined, so that a colon in the id can't move the separator.
            let pair = Self.form(credentials.clientID) + ":" + Self.form(secret)
            request.headers["Authorization"] = "Basic " + Base64.encode(pair.utf8)
        case .body:
            form += "&client_id=" + Self.form(credentials.clientID) + "&client_secret=" + Self.form(secret)
        }
        request.body = Array(form.utf8)
        request.timeouts = HTTPTimeouts(
            connect: .seconds(5), firstByte: .seconds(15), idle: .seconds(15), total: .seconds(20))
        request.maximumBodySize = 256 << 10
        http = request
    }

    func answer(_ response: HTTPResponse, _ operation: String) throws(FlyteAdminError) -> Answer {
        let server = "the token endpoint"
        let json: JSON
        do {
            json = try AnswerCheck(response, operation: operation, server: server, redaction: redaction).json
        } catch {
            var error = error
            if !error.message.hasPrefix(server) { error.message = server + ": " + error.message }
            // The other form is not tried, since a refused secret must not be sent twice.
            if error.message.contains("invalid_client") {
                error.message += "; asked with clientAuth \(clientAuth.name)"
            }
            throw error
        }
        func unusable(_ why: String) -> FlyteAdminError {
            FlyteAdminError(.unreachable, operation: operation, message: "\(server) answered \(why)")
        }
        guard let text = json["access_token"]?.string, !text.isEmpty else { throw unusable("without an access_token") }
        // The token becomes a header line.
        guard text.utf8.isTokenText else { throw unusable("with a token that can't be one") }
        if let type = json["token_type"]?.string, type.lowercased() != "bearer" {
            throw unusable("with a token that is not a bearer token")
        }
        return Answer(token: Sensitive(text), keepFor: Self.keepFor(json["expires_in"]))
    }

    /// A token is dropped a tenth of its life (at most a minute) before it expires, to allow for requests under way and
    /// for different clocks.
    static func keepFor(_ expiresIn: JSON?) -> Duration {
        let seconds = expiresIn?.double ?? expiresIn?.string.flatMap(Double.init)
        guard let seconds, seconds.isFinite, seconds > 0 else { return unknownLifetime }
        let life = min(seconds, 86_400)
        return .seconds(life - min(60, life / 10))
    }

    /// `application/x-www-form-urlencoded`. Servers understand %20 for a space as well as a plus.
    private static func form(_ text: String) -> String { text.percentEncoded }
}

extension OAuth2Tokens.ClientAuth {
    /// The name that a user writes.
    fileprivate var name: String {
        switch self {
        case .header: "Basic"
        case .body: "Post"
        }
    }
}
