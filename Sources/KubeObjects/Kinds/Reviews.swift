import JSON

// A review is a question: the client POSTs it, and the server answers at once. The server stores nothing, so a review
// has no name.

/// `authentication.k8s.io/v1` SelfSubjectReview: which user is this client?
public struct SelfSubjectReview: Sendable, Hashable {
    public static let resourceType = ResourceType(
        group: "authentication.k8s.io", version: "v1", kind: "SelfSubjectReview", plural: "selfsubjectreviews",
        isNamespaced: false)

    /// It is cut, since a status could not be written with a longer one.
    public var username: String
    public var uid: String?
    public var groups: [String]
    public var extra: [String: [String]]

    public init(json: JSON) throws(DecodingFailure) {
        let user: Fields
        do {
            user = try Fields(json[path: ["status", "userInfo"]] ?? .null)
            username = try user.required("username").shown(bytes: 512)
            uid = try user.string("uid")?.nonEmpty
            groups = try user.strings("groups") ?? []
        } catch {
            throw error.under("status.userInfo")
        }
        extra = (user["extra"]?.object ?? [:]).mapValues { $0.array?.compactMap(\.string) ?? [] }
    }

    /// The body to send.
    public static var request: JSON { Self.resourceType.review(spec: nil) }
}

/// `authorization.k8s.io/v1` SelfSubjectAccessReview: may this client do this?
public struct SelfSubjectAccessReview: Sendable, Hashable {
    public static let resourceType = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews", isNamespaced: false)

    /// The action in question. A nil or empty `namespace` means all namespaces, or a cluster-scoped object.
    public struct Attributes: Sendable, Hashable {
        public var verb: String
        public var group: String
        public var resource: String
        public var subresource: String?
        public var namespace: String?
        public var name: String?

        public init(
            verb: String, group: String = "", resource: String, subresource: String? = nil, namespace: String? = nil,
            name: String? = nil
        ) {
            self.verb = verb
            self.group = group
            self.resource = resource
            self.subresource = subresource
            self.namespace = namespace
            self.name = name
        }

        var json: JSON {
            var json: JSON = ["verb": .string(verb), "group": .string(group), "resource": .string(resource)]
            if let subresource { json["subresource"] = .string(subresource) }
            if let namespace { json["namespace"] = .string(namespace) }
            if let name { json["name"] = .string(name) }
            return json
        }
    }

    public var isAllowed: Bool
    /// The authorizer's words, as it wrote them.
    public var reason: String?

    /// Fails where `status.allowed` is missing: silence does not permit anything.
    public init(json: JSON) throws(DecodingFailure) {
        do throws(DecodingFailure) {
            let status = try Fields(json["status"] ?? .null)
            guard let allowed = try status.bool("allowed") else { throw .missing("allowed") }
            isAllowed = allowed
            reason = try status.string("reason")?.nonEmpty
        } catch {
            throw error.under("status")
        }
    }

    /// The body to send.
    public static func request(_ attributes: Attributes) -> JSON {
        resourceType.review(spec: ["resourceAttributes": attributes.json])
    }
}

/// `authorization.k8s.io/v1` SelfSubjectRulesReview: what may this client do in this namespace?
public enum SelfSubjectRulesReview {
    public static let resourceType = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews", isNamespaced: false)

    /// The body to send.
    public static func request(namespace: String) -> JSON {
        resourceType.review(spec: ["namespace": .string(namespace)])
    }
}

extension ResourceType {
    fileprivate func review(spec: JSON?) -> JSON {
        var json: JSON = ["apiVersion": .string(apiVersion), "kind": .string(kind)]
        json["spec"] = spec
        return json
    }
}
