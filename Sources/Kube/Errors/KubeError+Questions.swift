import HTTP

// The questions by which callers decide. Status codes alone are not enough: 404 may mean the object, its kind or a
// proxy's own page.
extension KubeError {
    /// Whether an API server says that the object does not exist. A 404 without a `Status` (a proxy's page) does not
    /// prove that.
    public var isNotFound: Bool {
        status.map { $0.code == 404 && $0.reason == "NotFound" && !$0.saysNotServed } ?? false
    }
    /// Whether the server does not have the kind: its group, version or resource.
    public var isNotServed: Bool { status?.saysNotServed ?? false }
    /// Whether the object changed meanwhile (read it again) or, with `conflicts`, other managers own fields of it.
    public var isConflict: Bool { status.map { $0.code == 409 && $0.reason == "Conflict" } ?? false }
    public var isAlreadyExists: Bool { status.map { $0.code == 409 && $0.reason == "AlreadyExists" } ?? false }
    public var isUnauthorized: Bool { status?.code == 401 }
    public var isForbidden: Bool { status?.code == 403 }
    /// Whether the object does not fit its schema: a 422, or a 500 without a reason, as server-side apply answers.
    public var isInvalid: Bool { status.map { $0.code == 422 || $0.saysUnfit } ?? false }
    /// Whether the namespace is being deleted. Nothing can be created in it until it is gone and made again.
    public var isNamespaceTerminating: Bool {
        status.map { $0.code == 403 && $0.causes.contains { $0.reason == "NamespaceTerminating" } } ?? false
    }

    /// How long the server asks to wait before the next attempt. The client itself never waits; the caller's queue
    /// does.
    public var retryAfter: Duration? { status?.retryAfter }

    /// Whether the same request may succeed later: after an outage, overload, a race with another writer (read again
    /// first), or while a namespace is being deleted. False if only another request, other permissions or other
    /// credentials can help, and for a cancelled request.
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

    /// Whether there was no answer in time.
    public var isTimeout: Bool {
        if case .transport(let error) = cause, case .timeout = error.kind { true } else { false }
    }

    /// Whether the network failed. False if the server refused.
    public var isConnectionBroken: Bool {
        guard case .transport(let error) = cause else { return false }
        return error.kind != .cancelled && error.kind != .closed
    }

    /// Whether the answer can't be used: a proxy's page, half a body, or something else in place of a list.
    public var isUnexpectedAnswer: Bool { if case .unexpectedAnswer = cause { true } else { false } }

    /// The fields that other managers own, from a refused server-side apply. Empty for any other failure.
    public var conflicts: [FieldConflict] { status?.fieldConflicts ?? [] }
}

extension APIStatus {
    /// Both forms that API servers use: a `Status` without details, and plain text where not even the group exists.
    var saysNotServed: Bool {
        code == 404
            && (message == "the server could not find the requested resource" || message == "404 page not found")
    }

    /// Whether the applied object has a field that the kind does not have, or a value of another type. Server-side
    /// apply says so with a 500 without a reason. Seen on 1.36:
    /// `failed to create typed patch object (…): .spec.x: field not declared in schema`,
    /// `…: .data.x: expected string, got …`, `failed to convert new object (…) to proper version: …`. `failed to decode
    /// managed fields: …` says that somebody has broken them: no apply goes well before they are mended.
    var saysUnfit: Bool {
        code == 500 && reason.isEmpty
            && (message.hasPrefix("failed to create typed patch object")
                || message.hasPrefix("failed to convert new object")
                || message.hasPrefix("failed to decode managed fields"))
    }

    var fieldConflicts: [FieldConflict] {
        guard code == 409 else { return [] }
        return causes.filter { $0.reason == "FieldManagerConflict" }.map(FieldConflict.init(cause:))
    }
}
