import HTTP
import JSON
import KubeObjects
import Support

extension APIStatus {
    /// The `Status` of a failed exchange. It is the server's own, or it is made from the code and the start of a body
    /// that has no `Status`. The HTTP code wins over the code in the body. A proxy may have replaced it, and every hop
    /// agrees on the HTTP code.
    ///
    /// `token` is the token that was sent. It appears nowhere in the result.
    init(answer code: Int, headers: HTTPHeaders, body: [UInt8], token: Sensitive? = nil, now: Instant) {
        let header = headers["Retry-After"].flatMap { RetryAfter.parse($0, now: now) }
        let json = try? JSON(parsing: body, limits: AnswerLimits().json(bytes: AnswerLimits.refusal)).redacting(token)
        if let json, var status = APIStatus(json: json) {
            status.code = code
            status.retryAfter = header ?? status.retryAfter
            self = status
        } else {
            self.init(code: code, reason: "", message: Self.excerpt(of: body.redacting(token)), retryAfter: header)
        }
    }

    /// Nil if the value is not a `Status`.
    init?(json: JSON) {
        guard json["kind"] == "Status", json["status"]?.string != "Success" else { return nil }
        let details = json["details"]
        let causes = details?["causes"]?.array?.prefix(Self.maximumCauses).map { cause in
            Cause(
                reason: Self.text(cause["reason"], limit: 256),
                message: Self.text(cause["message"], limit: Self.maximumText),
                field: Self.text(cause["field"], limit: Self.maximumText))
        }
        self.init(
            code: json["code"]?.int.flatMap { Int(exactly: $0) } ?? 0,
            reason: Self.text(json["reason"], limit: 256),
            message: Self.text(json["message"], limit: Self.maximumText),
            causes: causes ?? [],
            retryAfter: (details?["retryAfterSeconds"]?.int).flatMap { RetryAfter.bounded($0) })
    }

    // A hostile data plane can write this message. It goes into statuses and events, which have limits of their own.
    private static let maximumText = 4096
    private static let maximumCauses = 64
    static let maximumExcerpt = 200

    /// The start of a body that is not a `Status`, on one line.
    static func excerpt(of body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(8 * maximumExcerpt), as: UTF8.self)
        let words = text.unicodeScalars.split {
            $0.properties.isWhitespace || $0.properties.generalCategory == .control
        }
        return words.map { String(String.UnicodeScalarView($0)) }.joined(separator: " ").shown(limit: maximumExcerpt)
    }

    private static func text(_ json: JSON?, limit: Int) -> String {
        // The text stays on one line, so that no part of it looks like a line of its own in a log.
        let text = (json?.string ?? "").prefix(4 * limit)
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\n" ? " " : $0 })).shown(limit: limit)
    }
}

/// `Retry-After`, RFC 9110: seconds, or a date.
enum RetryAfter {
    /// No caller waits for longer than this, whatever a server says.
    static let maximum = 86_400

    static func parse(_ value: String, now: Instant) -> Duration? {
        if let seconds = Int64(value) { return bounded(seconds) }
        guard let date = date(value) else { return nil }
        return bounded(Int64(saturating: max((date - now).rounded(.up), 0)))
    }

    static func bounded(_ seconds: Int64) -> Duration? {
        seconds < 0 ? nil : .seconds(min(seconds, Int64(maximum)))
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`: this is the one form that servers may still send.
    static func date(_ text: String) -> Instant? {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[5] == "GMT", parts[1].count == 2, parts[3].count == 4,
            let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")?.instant
    }
}
