import HTTP
import JSON
import Support

/// An API server that knows objects by their path and nothing of kinds, for the few requests of one part of the operator.
/// A test can change what is there right before a request has its effect, as a second writer would, and break any answer.
final class PathAPI: HTTPTransport {
    struct Seen: Sendable {
        var method: HTTPRequest.Method
        /// Without the query.
        var path: String
        var query: String
        var body: JSON
    }
    enum Fault: Sendable {
        /// The server says no.
        case refuses(Int, String)
        /// Another field manager owns a field.
        case conflict(manager: String)
        /// The request has its effect, and the connection is lost before the answer.
        case losesAnswer
        /// It never comes there.
        case timesOut
    }
    fileprivate struct State {
        var objects: [String: JSON] = [:]
        var version = 1
        var requests: [Seen] = []
        var faults: [@Sendable (Seen) -> Fault?] = []
        var before: (@Sendable (Seen, inout [String: JSON]) -> Void)?
    }
    private let state = Locked(State())

    var objects: [String: JSON] { state.withLock { $0.objects } }
    var requests: [Seen] { state.withLock { $0.requests } }
    var writes: [Seen] { requests.filter { $0.method != .get } }
    func put(_ path: String, _ object: JSON) { state.withLock { $0.store(path, object) } }
    func forgetRequests() { state.withLock { $0.requests = [] } }

    /// The first fault that says something counts.
    func add(_ fault: @escaping @Sendable (Seen) -> Fault?) { state.withLock { $0.faults.append(fault) } }
    func heal() { state.withLock { ($0.faults, $0.before) = ([], nil) } }
    /// A second writer.
    func before(_ change: @escaping @Sendable (Seen, inout [String: JSON]) -> Void) {
        state.withLock { $0.before = change }
    }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let parts = request.url.split(separator: "?", maxSplits: 1)
        let url = String(parts[0])
        let start = url.range(of: "://").flatMap { url[$0.upperBound...].firstIndex(of: "/") } ?? url.endIndex
        let seen = Seen(
            method: request.method, path: String(url[start...]), query: parts.count > 1 ? String(parts[1]) : "",
            body: request.body.flatMap { try? JSON(parsing: $0) } ?? .null)
        let (answer, isLost) = state.withLock { state -> ((Int, JSON)?, Bool) in
            state.requests.append(seen)
            let fault = state.faults.lazy.compactMap { $0(seen) }.first
            if case .timesOut? = fault { return (nil, true) }
            if case .refuses(let code, let message)? = fault { return (Self.status(code, message), false) }
            if case .conflict(let manager)? = fault { return (Self.conflict(with: manager), false) }
            state.before?(seen, &state.objects)
            let answer = state.carryOut(seen)
            if case .losesAnswer? = fault { return (nil, true) }
            return (answer, isLost: false)
        }
        guard !isLost, let answer else {
            throw HTTPError(.timeout(.firstByte), "no answer", mayHaveBeenProcessed: true)
        }
        var response = HTTPResponse(status: answer.0)
        response.body = answer.1.serialized()
        return response
    }
    func open(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        throw HTTPError(.closed, "no streams here", mayHaveBeenProcessed: false)
    }
    func close() {}

    private static func conflict(with manager: String) -> (Int, JSON) {
        var (code, status) = status(409, "Apply failed with 1 conflict")
        let message: JSON = .string("conflict with \"\(manager)\" using v1")
        status["details"] = ["causes": [["reason": "FieldManagerConflict", "field": ".spec", "message": message]]]
        return (code, status)
    }

    fileprivate static func status(_ code: Int, _ message: String) -> (Int, JSON) {
        let reasons = [403: "Forbidden", 404: "NotFound", 409: "Conflict", 422: "Invalid"]
        return (
            code,
            [
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": .int(Int64(code)),
                "reason": .string(reasons[code] ?? "InternalError"), "message": .string(message),
            ]
        )
    }
}

extension PathAPI.State {
    fileprivate mutating func store(_ path: String, _ object: JSON) {
        version += 1
        var object = object
        object[path: ["metadata", "resourceVersion"]] = .string(String(version))
        objects[path] = object
    }

    fileprivate mutating func carryOut(_ request: PathAPI.Seen) -> (Int, JSON) {
        let path = request.path.hasSuffix("/status") ? String(request.path.dropLast(7)) : request.path
        switch request.method {
        case .get:
            if let object = objects[path] { return (200, object) }
            guard Self.kinds.contains(where: { path.hasSuffix("/" + $0) }) else {
                return PathAPI.status(404, "not found")
            }
            let items = objects.filter { Self.isIn($0.key, path) && Self.matches($0.value, request.query) }
            let list: JSON = [
                "kind": "ThingList", "apiVersion": "v1", "metadata": ["resourceVersion": .string(String(version))],
                "items": .array(items.sorted { $0.key < $1.key }.map(\.value)),
            ]
            return (200, list)
        case .patch:
            let isApply = request.query.contains("fieldValidation=Strict")
            guard isApply || objects[path] != nil else { return PathAPI.status(404, "not found") }
            store(path, Self.merged(objects[path] ?? [:], request.body))
            return (200, objects[path] ?? .null)
        case .delete:
            guard let old = objects[path] else { return PathAPI.status(404, "not found") }
            let wanted = request.body[path: ["preconditions", "resourceVersion"]]
            if let wanted, wanted != old[path: ["metadata", "resourceVersion"]] {
                return PathAPI.status(409, "the object has been modified")
            }
            objects[path] = nil
            return (200, ["kind": "Status", "status": "Success"])
        case .head, .post, .put: return PathAPI.status(405, "not here")
        }
    }

    /// What a collection's path ends in.
    private static let kinds = ["clusterprofiles", "configmaps"]
    private static func collection(_ path: String) -> Substring { path[..<(path.lastIndex(of: "/") ?? path.endIndex)] }

    /// Of one namespace, or of all.
    private static func isIn(_ object: String, _ collection: String) -> Bool {
        let place = Self.collection(object)
        if place == collection { return true }
        let (kind, group) = (collection.split(separator: "/").last ?? "", Self.collection(collection))
        return place.hasPrefix(group + "/namespaces/") && place.hasSuffix("/" + kind)
    }

    /// Equality alone: `labelSelector=a%3Db`.
    private static func matches(_ object: JSON, _ query: String) -> Bool {
        guard let selector = query.split(separator: "&").first(where: { $0.hasPrefix("labelSelector=") }) else {
            return true
        }
        let text = selector.dropFirst("labelSelector=".count).replacing("%3D", with: "=").replacing("%2F", with: "/")
        let parts = text.split(separator: "=")
        return object[path: ["metadata", "labels", String(parts[0])]]?.string == parts.last.map(String.init)
    }

    private static func merged(_ old: JSON, _ new: JSON) -> JSON {
        guard let members = new.object, var result = old.object else { return new }
        for (key, value) in members {
            result[key] = value.isNull ? nil : result[key].map { merged($0, value) } ?? value
        }
        return .object(result)
    }
}
