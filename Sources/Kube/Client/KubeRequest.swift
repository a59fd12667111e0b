import HTTP
import JSON
import KubeObjects
import Support

/// One request, before it has a server, credentials and headers.
struct KubeRequest: Sendable {
    /// The kind of answer. It decides how large the answer may be.
    enum Answer: Sendable { case page, object, metadata }

    var method: HTTPRequest.Method
    var path: String
    var query: [(name: String, value: String)] = []
    var body: [UInt8]?
    var contentType = "application/json"
    var accept = "application/json"
    /// The name of the request in errors: `apply namespaces/project1-development`.
    var operation: String
    /// False for probes, and for what the caller wants to go past the rate limiter.
    var isRateLimited = true
    /// Its place among the requests that wait for the rate limiter.
    var turn = RequestTurn()
    var timeouts: HTTPTimeouts?
    /// Whether the answer holds Secrets. Its bytes are zeroed after reading.
    var answersWithSecrets = false
    var answer = Answer.object
    /// Whether the answer may hold our own token: Secrets and lists of any kind can hold whatever somebody has written
    /// into them.
    var mayHoldToken = false

    init(_ method: HTTPRequest.Method, _ path: String, operation: String) {
        self.method = method
        self.path = path
        self.operation = operation
    }

    mutating func add(_ name: String, _ value: String?) {
        if let value { query.append((name, value)) }
    }

    mutating func askForMetadata() {
        accept = Accept.partialObject
        answer = .metadata
    }

    /// `/api/v1/namespaces?limit=500`; names and values percent-encoded, in the order of adding.
    var target: String {
        guard !query.isEmpty else { return path }
        return path + (path.contains("?") ? "&" : "?")
            + query.map { "\($0.name.percentEncoded)=\($0.value.percentEncoded)" }
            .joined(separator: "&")
    }
}

extension ResourceType {
    /// `apply serviceaccounts/default in flyte`, `list secrets in flyte`, `list namespaces`.
    func operation(_ verb: String, namespace: String?, name: String? = nil, subresource: String? = nil) -> String {
        var text = "\(verb) \(self)"
        if let name { text += "/\(name)" }
        if let subresource { text += "/\(subresource)" }
        if isNamespaced, let namespace { text += " in \(namespace)" }
        return text
    }
}

/// Media types. The second of a pair is for servers that don't have the first.
enum Accept {
    static let json = "application/json"
    static let partialObject = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
    static let partialObjectList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
}
