import Crypto
import Fleet
import KubeObjects
import Support

/// AWS keys.
public struct AWSKeys: Sendable, Hashable {
    var id: String
    var secret: Sensitive
    /// The session token of temporary keys.
    var session: Sensitive?
    /// When temporary keys expire.
    var end: Instant?

    public init(id: String, secret: Sensitive, session: Sensitive?, end: Instant? = nil) {
        (self.id, self.secret, self.session, self.end) = (id, secret, session, end)
    }
}

/// AWS Signature Version 4 (AWS IAM User Guide, "Create a signed AWS API request"). A pure value.
struct SigV4: Sendable {
    var keys: AWSKeys
    var region: String
    var service: String
    var now: Instant

    /// The hash of an empty body.
    static let emptyBody = hex(SHA256.hash(data: [UInt8]()))

    /// For example `20260102T030405Z`.
    private var time: String { Timestamp(now).description.filter { $0 != "-" && $0 != ":" } }
    private var date: String { String(time.prefix(8)) }
    private var scope: String { "\(date)/\(region)/\(service)/aws4_request" }
    private static let algorithm = "AWS4-HMAC-SHA256"

    /// A URL with the signature in its query. Anybody who has it can send that one request until it expires.
    ///
    /// - Parameter headers: signed too, beside `host`. The request must have them.
    func presigned(
        host: String, path: String = "/", query: [(String, String)], headers: [(String, String)] = [], expires: Int,
        bodyHash: String = SigV4.emptyBody
    ) -> String {
        let headers = Self.sorted(headers + [("host", host)])
        var query = query
        query += [
            ("X-Amz-Algorithm", Self.algorithm), ("X-Amz-Credential", "\(keys.id)/\(scope)"), ("X-Amz-Date", time),
            ("X-Amz-Expires", String(expires)), ("X-Amz-SignedHeaders", Self.names(headers)),
        ]
        if let session = keys.session { query.append(("X-Amz-Security-Token", session.text)) }
        let text = Self.query(query)
        let request = Self.request("GET", path, text, headers, bodyHash)
        return "https://\(host)\(path)?\(text)&X-Amz-Signature=\(signature(of: request))"
    }

    /// The header `Authorization`, and the headers that it signs.
    func headers(
        _ method: String, host: String, path: String = "/", query: [(String, String)] = [],
        headers: [(String, String)] = [], body: [UInt8]
    ) -> [(String, String)] {
        var own = headers + [("x-amz-date", time)]
        if let session = keys.session { own.append(("x-amz-security-token", session.text)) }
        let signed = Self.sorted(own + [("host", host)])
        let request = Self.request(method, path, Self.query(query), signed, Self.hex(SHA256.hash(data: body)))
        let credential = "\(Self.algorithm) Credential=\(keys.id)/\(scope)"
        let authorization =
            "\(credential), SignedHeaders=\(Self.names(signed)), Signature=\(signature(of: request))"
        return own + [("Authorization", authorization)]
    }

    private func signature(of request: String) -> String {
        let digest = Self.hex(SHA256.hash(data: Array(request.utf8)))
        return Self.hex(Self.hmac(SymmetricKey(data: signingKey), "\(Self.algorithm)\n\(time)\n\(scope)\n\(digest)"))
    }

    /// "AWS4" and the secret → date → region → service → `aws4_request`.
    var signingKey: [UInt8] {
        var first = keys.secret.withBytes { Array("AWS4".utf8) + $0 }
        defer { first.wipe() }
        return [date, region, service, "aws4_request"].reduce(first) { Self.hmac(SymmetricKey(data: $0), $1) }
    }

    private static func hmac(_ key: SymmetricKey, _ text: String) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }

    private static func request(
        _ method: String, _ path: String, _ query: String, _ headers: [(String, String)], _ bodyHash: String
    ) -> String {
        let lines = headers.map { "\($0.0):\($0.1)\n" }.joined()
        return [method, path, query, lines, names(headers), bodyHash].joined(separator: "\n")
    }

    /// Sorted by their names. White space around values is cut, and that between words is one space.
    private static func sorted(_ headers: [(String, String)]) -> [(String, String)] {
        headers.map { ($0.0.lowercased(), $0.1.split(whereSeparator: \.isWhitespace).joined(separator: " ")) }
            .sorted { $0.0 < $1.0 }
    }
    private static func names(_ headers: [(String, String)]) -> String { headers.map(\.0).joined(separator: ";") }

    /// Sorted by their encoded names.
    private static func query(_ items: [(String, String)]) -> String {
        items.map { ($0.0.percentEncoded, $0.1.percentEncoded) }.sorted { $0.0 < $1.0 }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension Sensitive {
    /// The text to send. Nothing else may keep it.
    var text: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}

/// A token for EKS, as aws-iam-authenticator and EKS verify it.
public enum EKSToken {
    static let prefix = "k8s-aws-v1."
    /// The token is valid for 15 minutes from the time in it. The last minute allows for requests under way.
    static let life = Duration.seconds(14 * 60)

    /// aws-iam-authenticator refuses longer ones.
    static let limit = 4_096

    /// Signs the token here, without a request.
    public static func make(_ keys: AWSKeys, region: String, cluster: String, now: Instant) -> Sensitive {
        let signer = SigV4(keys: keys, region: region, service: "sts", now: now)
        // It uses the region's public name, since EKS knows no other. Nothing is sent to that host from here.
        let url = signer.presigned(
            host: AWSRegion.stsHost(region), query: [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")],
            headers: [("x-k8s-aws-id", cluster)], expires: 60)
        return Sensitive(prefix + Base64.encode(url.utf8, .url))
    }
}

enum AWSRegion {
    static func stsHost(_ region: String) -> String { "sts.\(region).\(AWSDomain.of(region: region))" }

    /// The region in `https://<id>.<zone>.<region>.eks.amazonaws.com`. Nil for another host.
    static func of(endpoint: String) -> String? {
        guard let host = endpoint.split(separator: "/").dropFirst().first?.split(separator: ":").first else {
            return nil
        }
        let labels = host.lowercased().split(separator: ".").map(String.init)
        guard let index = labels.firstIndex(of: "eks"), index > 0, labels.dropFirst(index + 1).first == "amazonaws"
        else {
            return nil
        }
        return isName(labels[index - 1]) ? labels[index - 1] : nil
    }

    /// Whether the text can be a part of a host's name.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 63 && text.first != "-"
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }
}
