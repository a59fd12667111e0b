import HTTP
import JSON
import KubeObjects
import Support

/// A kind that an API server serves, from its discovery.
public struct APIResource: Sendable, Hashable {
    public var type: ResourceType
    /// As discovery names them: `get`, `list`, `patch`, … Empty if it names none.
    public var verbs: [String]
}

/// What a health path answers when a check fails.
public struct FailedHealth: Sendable {
    public var error: KubeError
    /// The names of the failed checks, as far as the answer lists them: `shutdown` for `[-]shutdown failed: reason
    /// withheld`.
    public var checks: [String]

    /// A server has some fifty checks, and the answer has a line for each.
    static func checks(in body: [UInt8]) -> [String] {
        body.prefix(64 << 10).split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard line.starts(with: Array("[-]".utf8)) else { return nil }
            let name = line.dropFirst(3).prefix { $0 != UInt8(ascii: " ") }
            return String(decoding: name.prefix(256), as: UTF8.self)
        }
    }
}

extension KubeClient {
    /// The text at a path: `/readyz`, `/healthz`. A failed check is a 500 whose message is the start of that text.
    ///
    /// `isRateLimited` false: a probe must not wait behind the work that it decides about.
    public func text(
        _ path: String, timeouts: HTTPTimeouts? = nil, isRateLimited: Bool = true
    ) async throws(KubeError) -> String {
        var request = KubeRequest(.get, path, operation: "get \(path)")
        request.accept = "*/*"
        request.isRateLimited = isRateLimited
        request.timeouts = timeouts
        return String(decoding: try await send(request).body, as: UTF8.self)
    }

    /// A health path: `/readyz`, `/healthz`. Nil when all checks pass.
    ///
    /// The request goes past the rate limit: a probe must not wait behind the work that it decides about.
    public func failedHealth(_ path: String) async throws(KubeError) -> FailedHealth? {
        var request = KubeRequest(.get, path, operation: "get \(path)")
        request.accept = "*/*"
        request.isRateLimited = false
        let (response, failure) = try await sendForAny(request)
        guard let failure else { return nil }
        return FailedHealth(error: failure, checks: FailedHealth.checks(in: response.body))
    }

    /// `/version`.
    public func version(isRateLimited: Bool = true) async throws(KubeError) -> VersionInfo {
        var request = KubeRequest(.get, "/version", operation: "get /version")
        request.isRateLimited = isRateLimited
        let json = try await sendForJSON(request)
        do { return try VersionInfo(json: json) } catch { throw request.unexpected(error.description) }
    }

    /// The time of the server's clock: the `Date` header of an answer, in whole seconds. Nil if the server sends none.
    public func serverDate() async throws(KubeError) -> Instant? {
        let request = KubeRequest(.get, "/version", operation: "get /version")
        return try await send(request).headers["Date"].flatMap { RetryAfter.date($0) }
    }

    /// Sends any request whose success is JSON. An empty body is null. It throws unless the status is 2xx.
    public func raw(
        _ method: HTTPRequest.Method, _ path: String, query: [(String, String)] = [], body: JSON? = nil,
        contentType: String = "application/json", accept: String = "application/json", isRateLimited: Bool = true
    ) async throws(KubeError) -> (status: Int, body: JSON) {
        var request = KubeRequest(method, path, operation: "\(method.rawValue) \(path)")
        for (name, value) in query { request.add(name, value) }
        request.body = body?.serialized()
        request.contentType = contentType
        request.accept = accept
        request.isRateLimited = isRateLimited
        (request.answer, request.mayHoldToken) = (.page, true)  // nothing is known of it
        let response = try await send(request)
        guard !response.body.isEmpty else { return (response.status, .null) }
        do {
            return (response.status, try JSON(parsing: response.body))
        } catch {
            throw request.unexpected("the answer is not JSON: \(error.message)")
        }
    }

    /// A kind and its subresources (`status`, `scale`, `token`, …).
    private static let entriesAKind = 8

    /// The kinds that one group version serves, without subresources. Nil if the group version is not served. The
    /// answer is not cached: the caller knows when CRDs may have changed.
    ///
    /// It leaves out an entry that can't be read. With more kinds than the server's budget it fails as
    /// `.unexpectedAnswer`.
    public func resources(
        group: String, version: String, isRateLimited: Bool = true
    ) async throws(KubeError) -> [APIResource]? {
        let path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        var request = KubeRequest(.get, path, operation: "discover \(group.isEmpty ? version : "\(group)/\(version)")")
        request.isRateLimited = isRateLimited
        let json: JSON
        do {
            json = try await sendForJSON(request)
        } catch {
            if error.isNotServed { return nil }
            throw error
        }
        guard json["kind"] == "APIResourceList", let resources = json["resources"]?.array else {
            throw request.unexpected("the answer is not an APIResourceList")
        }
        let limit = options.meter?.budget.kinds ?? 10_000
        guard resources.count <= limit * Self.entriesAKind else {
            throw request.unexpected("it has more kinds than its budget of \(limit) in a group version")
        }
        return resources.compactMap { resource in
            guard let plural = resource["name"]?.string, !plural.contains("/"), let kind = resource["kind"]?.string,
                let isNamespaced = resource["namespaced"]?.bool
            else { return nil }
            guard plural.utf8.count <= 253, kind.utf8.count <= 253 else { return nil }
            let type = ResourceType(
                group: group, version: version, kind: kind, plural: plural, isNamespaced: isNamespaced)
            return APIResource(type: type, verbs: resource["verbs"]?.array?.compactMap(\.string) ?? [])
        }
    }
}
