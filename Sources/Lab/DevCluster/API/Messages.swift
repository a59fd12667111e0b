/// A request as the API sees it: after HTTP, TLS and authentication, and before any rule of Kubernetes.
public struct APIRequest: Sendable {
    /// Upper case: `GET`, `PATCH`.
    public var method: String
    /// The path as sent, without the query, and still percent-encoded.
    public var path: String
    /// The path's segments, each percent-decoded, without empty ones.
    public var segments: [String]
    /// Decoded names and values, in the order sent.
    public var query: [String: [String]]
    /// Names are in lower case; several fields of one name are joined by ", ".
    public var headers: [String: String]
    public var body: [UInt8]

    /// - Parameter target: path and query as they stand in the request line. Bad escapes stand for themselves.
    public init(method: String, target: String, headers: [String: String] = [:], body: [UInt8] = []) {
        self.method = method
        self.headers = headers
        self.body = body
        let cut = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.utf8.endIndex
        path = String(target[..<cut])
        segments = path.split(separator: "/").map { percentDecoded($0.utf8, plusIsSpace: false) }
        query = [:]
        guard cut < target.utf8.endIndex else { return }
        for pair in target[target.utf8.index(after: cut)...].split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = halves.count > 1 ? percentDecoded(halves[1].utf8, plusIsSpace: true) : ""
            query[percentDecoded(halves[0].utf8, plusIsSpace: true), default: []].append(value)
        }
    }

    /// The first value of a query parameter. Nil if it is absent.
    public func parameter(_ name: String) -> String? { query[name]?.first }

    /// A bool of the query, as apimachinery's conversion reads it: absent, "0" and "false" are false.
    public func flag(_ name: String) -> Bool {
        guard let value = parameter(name) else { return false }
        return !["0", "false", "False", "FALSE", "f", "F"].contains(value)
    }
}

public struct APIResponse: Sendable {
    public enum Body: Sendable {
        case bytes([UInt8])
        /// A watch. Chunks are sent as they come; the server adds the connection's chunked encoding.
        case stream(ResponseStream)
    }
    public var status: Int
    /// `Content-Type` and what else the API itself says (`Warning`, `Retry-After`); no framing fields.
    public var headers: [(String, String)]
    public var body: Body

    public init(status: Int, headers: [(String, String)] = [], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The body of a watch. One reader pulls it, so nothing is buffered for a reader that does not read.
public struct ResponseStream: Sendable {
    private let pull: @Sendable () async -> [UInt8]?

    public init(_ pull: @escaping @Sendable () async -> [UInt8]?) { self.pull = pull }

    /// The next bytes: one or more whole lines; nil at the end. Cancelling the calling task ends it with nil.
    public func next() async -> [UInt8]? { await pull() }
}

/// The user of a request. Authentication makes it.
public struct User: Sendable, Hashable {
    public var name: String
    public var uid: String
    public var groups: [String]
    public var extra: [String: [String]]

    public init(name: String, uid: String = "", groups: [String] = [], extra: [String: [String]] = [:]) {
        self.name = name
        self.uid = uid
        self.groups = groups
        self.extra = extra
    }
    /// A user who may do everything, as kubeadm's admin may.
    public static let admin = User(name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"])
}

/// The subject of a request, by the rules of Kubernetes' `RequestInfo`. Authorization decides by it, and the request
/// log keeps it.
public struct RequestAttributes: Sendable, Hashable {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other paths the method in lower case.
    public var verb: String
    public var apiGroup: String
    public var apiVersion: String
    public var resource: String
    public var subresource: String
    public var namespace: String
    public var name: String
    public var path: String
    public var isResourceRequest: Bool
    public var fieldSelector: String

    public init(
        verb: String, apiGroup: String = "", apiVersion: String = "", resource: String = "", subresource: String = "",
        namespace: String = "", name: String = "", path: String, isResourceRequest: Bool, fieldSelector: String = ""
    ) {
        self.verb = verb
        self.apiGroup = apiGroup
        self.apiVersion = apiVersion
        self.resource = resource
        self.subresource = subresource
        self.namespace = namespace
        self.name = name
        self.path = path
        self.isResourceRequest = isResourceRequest
        self.fieldSelector = fieldSelector
    }
}

private func percentDecoded(_ bytes: Substring.UTF8View, plusIsSpace: Bool) -> String {
    func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
    var result: [UInt8] = []
    var rest = bytes[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(digit),
            let low = rest.dropFirst().first.flatMap(digit)
        {
            result.append(high << 4 | low)
            rest = rest.dropFirst(2)
        } else {
            result.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
        }
    }
    return String(decoding: result, as: UTF8.self)
}
