import Fleet
import HTTP
import JSON
import Kube
import KubeObjects
import Support

/// One request to a cloud's token service, with its bounds. The answer is a secret, and no message repeats it.
struct CloudRequest: Sendable {
    /// For example "STS" or "Entra ID".
    let service: String
    let transport: any HTTPTransport
    /// The secrets that were sent. They must not appear in a message.
    var secrets: [Sensitive] = []

    /// Sends the request. Returns the body of a success or of a refusal.
    func send(
        _ method: HTTPRequest.Method, _ url: String, headers: [(String, String)] = [], body: [UInt8]? = nil,
        bearer: Sensitive? = nil
    ) async throws(IssueFailure) -> (status: Int, body: [UInt8], date: String?) {
        var request = HTTPRequest(method, url, body: body, bearerToken: bearer)
        for (name, value) in headers { request.headers.append(name, value) }
        request.timeouts = HTTPTimeouts(
            connect: .seconds(5), firstByte: .seconds(10), idle: .seconds(10), total: .seconds(20))
        request.maximumBodySize = 256 << 10
        request.answersWithSecrets = true
        do throws(HTTPError) {
            let response = try await transport.send(request)
            return (response.status, response.body, response.headers["Date"])
        } catch {
            throw IssueFailure("\(service) can't be reached: \(error)")
        }
    }

    func post(form: [(String, String)], to url: String, headers: [(String, String)] = []) async throws(IssueFailure)
        -> (status: Int, body: [UInt8], date: String?)
    {
        var body = Self.form(form)
        defer { body.wipe() }
        return try await send(
            .post, url, headers: headers + [("Content-Type", "application/x-www-form-urlencoded")], body: body)
    }

    static func form(_ form: [(String, String)]) -> [UInt8] {
        Array(form.map { "\($0.0.percentEncoded)=\($0.1.percentEncoded)" }.joined(separator: "&").utf8)
    }

    /// The JSON of a successful answer.
    func json(_ answer: (status: Int, body: [UInt8], date: String?)) throws(IssueFailure) -> JSON {
        let json = try? JSON(parsing: answer.body, limits: JSON.Limits(depth: 16, bytes: 256 << 10))
        guard (200..<300).contains(answer.status) else {
            // The forms in which OAuth2, Google and the metadata server report errors.
            let error = json?["error"]
            let words = [
                error?.string, json?["error_description"]?.string, error?["status"]?.string, error?["message"]?.string,
                json?["message"]?.string,
            ]
            throw refusal(answer, words.compactMap { $0 }.joined(separator: ": "))
        }
        guard let json, json.object != nil else {
            throw IssueFailure("\(service) answered with something other than JSON: \(kind(answer.body))")
        }
        return json
    }

    func refusal(_ answer: (status: Int, body: [UInt8], date: String?), _ words: String) -> IssueFailure {
        let text = words.isEmpty ? kind(answer.body) : words
        return IssueFailure("\(service) answered \(answer.status): \(shown(text))")
    }

    /// Describes an unexpected body.
    func kind(_ body: [UInt8]) -> String {
        if body.isEmpty { return "an empty body" }
        let start = String(decoding: body.prefix(64), as: UTF8.self).lowercased()
        return start.contains("<html") || start.contains("<!doctype") ? "an HTML page" : "a text of \(body.count) bytes"
    }

    /// A server's words, cut, without control characters, and without the secrets that it was sent.
    func shown(_ text: String) -> String {
        let clean = Redaction(secrets).clean(text)
        var result = ""
        for scalar in clean.unicodeScalars.prefix(300) {
            result.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return result
    }

    /// The token and its life from an OAuth2 answer.
    func token(_ json: JSON, _ key: String, life: Duration?) throws(IssueFailure) -> IssuedToken {
        guard let text = json[key]?.string, !text.isEmpty else {
            throw IssueFailure("\(service) answered without \(key)")
        }
        guard text.utf8.isTokenText, text.utf8.count <= 32 << 10 else {
            throw IssueFailure("\(service) answered with a token that can't be one")
        }
        let seconds = json["expires_in"]?.double ?? json["expires_in"]?.string.flatMap(Double.init)
        guard let life = life ?? seconds.flatMap({ $0.isFinite ? .seconds(min(max(0, $0), 86_400)) : nil }) else {
            throw IssueFailure("\(service) answered without the token's life")
        }
        return IssuedToken(Sensitive(text), life: life)
    }
}

/// Files that a cloud's webhook mounts. They are read again for each token, since the kubelet rotates them.
enum CloudFile {
    static func read(_ path: String, variable: String) throws(IssueFailure) -> Sensitive {
        var bytes: [UInt8]
        do throws(FileContents.Failure) {
            bytes = try FileContents.read(path, limit: 256 << 10)
        } catch {
            throw IssueFailure("\(variable): \(error)")
        }
        defer { bytes.wipe() }
        let text = bytes.trimmed()
        guard !text.isEmpty else { throw IssueFailure("\(variable): \(path) is empty") }
        return Sensitive(text)
    }
}

extension IssuedToken {
    /// The token with the calendar times that follow from its life.
    func received(_ now: Instant) -> IssuedToken {
        var token = self
        token.lifetime = Lifetime(start: Timestamp(now), end: Timestamp(now + life.seconds))
        return token
    }
}
