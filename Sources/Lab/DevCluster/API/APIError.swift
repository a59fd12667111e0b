import JSON

/// A failed request. It becomes a `Status` body.
public struct APIError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One entry of `details.causes`.
    public struct Cause: Sendable, Hashable {
        public var reason: String
        public var message: String
        public var field: String
        public init(reason: String, message: String, field: String = "") {
            self.reason = reason
            self.message = message
            self.field = field
        }
    }
    /// `details`; absent where everything in it is empty.
    public struct Details: Sendable, Hashable {
        public var name = ""
        public var group = ""
        public var kind = ""
        public var uid = ""
        public var causes: [Cause] = []
        public var retryAfterSeconds = 0
        public init(
            name: String = "", group: String = "", kind: String = "", uid: String = "", causes: [Cause] = [],
            retryAfterSeconds: Int = 0
        ) {
            self.name = name
            self.group = group
            self.kind = kind
            self.uid = uid
            self.causes = causes
            self.retryAfterSeconds = retryAfterSeconds
        }
    }
    public var code: Int
    public var reason: String
    public var message: String
    public var details: Details?
    /// For an expired list: the token with which an inconsistent continuation can start (`metadata.continue`).
    public var continueToken: String?

    public init(code: Int, reason: String, message: String, details: Details? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
    }

    public var description: String { "\(code) \(reason): \(message)" }

    /// `metav1.Status`.
    public var json: JSON {
        var status: JSON = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
            "code": .int(Int64(code)),
        ]
        if let continueToken { status["metadata"] = ["continue": .string(continueToken)] }
        if !reason.isEmpty { status["reason"] = .string(reason) }
        if let details { status["details"] = details.json }
        return status
    }

    /// The response with this status as JSON, and with `Retry-After` if the details ask for a pause.
    public var response: APIResponse {
        var headers = [("Content-Type", "application/json")]
        if let seconds = details?.retryAfterSeconds, seconds > 0 { headers.append(("Retry-After", String(seconds))) }
        return APIResponse(status: code, headers: headers, body: .bytes(json.serialized() + [UInt8(ascii: "\n")]))
    }
}

extension APIError.Details {
    var json: JSON {
        var result: JSON = [:]
        for (key, value) in [("name", name), ("group", group), ("kind", kind), ("uid", uid)] where !value.isEmpty {
            result[key] = .string(value)
        }
        if !causes.isEmpty {
            result["causes"] = .array(
                causes.map { cause in
                    var entry: JSON = [:]
                    for (key, value) in [("reason", cause.reason), ("message", cause.message), ("field", cause.field)]
                    where !value.isEmpty {
                        entry[key] = .string(value)
                    }
                    return entry
                })
        }
        if retryAfterSeconds > 0 { result["retryAfterSeconds"] = .int(Int64(retryAfterSeconds)) }
        return result
    }
}
