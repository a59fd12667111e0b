import Support

/// A request in the form that libcurl takes: URL and header lines. It refuses what would become something else on the
/// wire.
struct RequestLines {
    let url: String
    let target: RequestTarget
    /// The header lines without the one of the bearer token.
    let headers: [String]
    let connectTo: [String]

    init(_ request: HTTPRequest, _ configuration: HTTPClientConfiguration) throws(HTTPError) {
        guard let target = RequestTarget(request.url) else {
            throw .invalid("the URL is not an absolute https:// URL, or has a character in it that must be escaped")
        }
        guard target.isSecure || configuration.allowsPlainHTTP else {
            throw .invalid("http:// is not allowed here: \(target.host)")
        }
        self.target = target
        var lines: [String] = []
        var has = (contentType: false, host: false, expect: false, accept: false)
        for field in request.headers.fields {
            let name = field.name.lowercased()
            guard !name.isEmpty, name.utf8.allSatisfy({ $0.isLetterOrDigit || "!#$%&'*+-.^_`|~".utf8.contains($0) })
            else { throw .invalid("a header has an invalid name") }
            guard !field.value.utf8.contains(where: { $0 == 0 || $0 == 0x0a || $0 == 0x0d }) else {
                throw .invalid("the value of the header \(field.name) has a line break or NUL in it")
            }
            switch name {
            case "authorization" where request.bearerToken != nil: continue
            // The body's own length is sent. A second, different length would allow request smuggling.
            case "content-length", "transfer-encoding": continue
            // CURLOPT_ACCEPT_ENCODING sends this field, and decodes the answer.
            case "accept-encoding" where field.value.lowercased() == "gzip": continue
            case "content-type": has.contentType = true
            case "host": has.host = true
            case "expect": has.expect = true
            case "accept": has.accept = true
            default: break
            }
            // libcurl drops "Name:" and sends "Name;" as an empty field.
            lines.append(field.value.allSatisfy(\.isWhitespace) ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        // This replaces the line that libcurl would add by itself.
        if request.body != nil || request.method != .get {
            if !has.contentType { lines.append("Content-Type:") }
            if !has.expect { lines.append("Expect:") }
        }
        if !has.accept { lines.append("Accept: */*") }

        if let name = configuration.tls.serverName, !name.isEmpty {
            guard name.utf8.allSatisfy({ $0.isLetterOrDigit || "-._:".utf8.contains($0) }) else {
                throw .invalid("the TLS server name is not a host name")
            }
            url = target.url(serverName: name)
            connectTo = [target.connectTo]
            if !has.host { lines.append("Host: \(target.authority)") }
        } else {
            url = request.url
            connectTo = []
        }
        if let token = request.bearerToken {
            let isSendable = token.withBytes { !$0.isEmpty && $0.isTokenText }
            guard isSendable else { throw .invalid("the bearer token is empty or has a character that can't be sent") }
        }
        headers = lines
    }
}

extension HTTPError {
    static func invalid(_ message: String) -> HTTPError {
        HTTPError(.invalidRequest, message, mayHaveBeenProcessed: false)
    }
}
