import HTTP

// What callers decide by. The status codes alone don't do: 404 may mean the object, its kind or a proxy's own page.
extension KubeError {
    /// The object does not exist, says an API server. A 404 that is no `Status` (a proxy's page) proves no absence.
    public var isNotFound: Bool {
        status.map { $0.code == 404 && $0.reason == "NotFound" && !$0.saysNotServed } ?? false
    }
    /// The kind is not served here: no such group, version or resource.
    public var isNotServed: Bool { status?.saysNotServed ?? false }
    /// Either the object changed meanwhile (read it again) or, with `conflicts`, other managers own fields of it.
    public var isConflict: Bool { status.map { $0.code == 409 && $0.reason == "Conflict" } ?? false }
    public var isAlreadyExists: Bool { status.map { $0.code == 409 && $0.reason == "AlreadyExists" } ?? false }
    public var isUnauthorized: Bool { status?.code == 401 }
    public var isForbidden: Bool { status?.code == 403 }
    /// 422, and what server-side apply answers with a 500 of no reason: what doesn't fit the schema.
    public var isInvalid: Bool { status.map { $0.code == 422 || $0.saysUnfit } ?? false }
    /// Nothing can be made in a namespace that is being deleted; after its end it can again.
    public var isNamespaceTerminating: Bool {
        status.map { $0.code == 403 && $0.causes.contains { $0.reason == "NamespaceTerminating" } } ?? false
    }

    /// How long the server asks to wait before the next attempt. The client itself never waits: the caller's queue does.
    public var retryAfter: Duration? { status?.retryAfter }

    /// Whether the same intent may succeed later with nobody changing the request: an outage, overload, a race with
    /// another writer (read again first), a namespace on its way out. False for what only another request, other
    /// permissions or other credentials can cure, and for a cancelled one.
    public var isRetryable: Bool {
        switch cause {
        case .transport(let error):
            switch error.kind {
            case .invalidRequest, .bodyTooLarge, .cancelled, .closed: false
            default: true
            }
        case .status(let status):
            switch status.code {
            case 408, 425, 429: true
            case 409: status.reason == "Conflict" && status.fieldConflicts.isEmpty
            case 403: isNamespaceTerminating
            case 500...: !status.saysUnfit
            default: false
            }
        case .unexpectedAnswer, .credentials: true
        }
    }

    /// The network failed, rather than the server refused.
    public var isConnectionBroken: Bool {
        guard case .transport(let error) = cause else { return false }
        return error.kind != .cancelled && error.kind != .closed
    }

    /// An answer that is none: a proxy's page, half a body, a list that is no list.
    public var isUnexpectedAnswer: Bool { if case .unexpectedAnswer = cause { true } else { false } }

    /// Fields that others own, from a refused server-side apply; empty for any other failure.
    public var conflicts: [FieldConflict] { status?.fieldConflicts ?? [] }
}

extension APIStatus {
    /// Both forms that API servers use: a `Status` without details, and plain text where not even the group exists.
    var saysNotServed: Bool {
        code == 404
            && (message == "the server could not find the requested resource" || message == "404 page not found")
    }

    /// What is applied has a field that the kind doesn't have, or a value of another type: server-side apply says so with
    /// a 500 of no reason. Seen on 1.36: `failed to create typed patch object (…): .spec.x: field not declared in schema`,
    /// `…: .data.x: expected string, got …`, `failed to convert new object (…) to proper version: …`.
    var saysUnfit: Bool {
        code == 500 && reason.isEmpty
            && (message.hasPrefix("failed to create typed patch object")
                || message.hasPrefix("failed to convert new object"))
    }

    var fieldConflicts: [FieldConflict] {
        guard code == 409 else { return [] }
        return causes.filter { $0.reason == "FieldManagerConflict" }.map(FieldConflict.init(cause:))
    }
}
