/// Decides whether a request is allowed, and refuses in the real server's words.
struct Authorizer: Sendable {
    let policies = RBACPolicyCache()
    let store: @Sendable () -> ObjectStore

    func decide(_ user: User, _ attributes: RequestAttributes) -> RBACPolicy.Decision {
        // Most requests of a test are the administrator's, which need no policy.
        if user.groups.contains("system:masters") { return RBACPolicy.Decision(isAllowed: true, reason: "") }
        return policies.policy(of: store()).decide(user, attributes)
    }

    /// Nil if the request is allowed.
    func refusal(_ user: User, _ attributes: RequestAttributes) -> APIError? {
        let decision = decide(user, attributes)
        return decision.isAllowed ? nil : Self.forbidden(user, attributes, reason: decision.reason)
    }

    static func forbidden(_ user: User, _ attributes: RequestAttributes, reason: String) -> APIError {
        let suffix = reason.isEmpty ? "" : ": \(reason)"
        guard attributes.isResourceRequest else {
            return APIError(
                code: 403, reason: "Forbidden",
                message:
                    "forbidden: User \"\(user.name)\" cannot \(attributes.verb) path \"\(attributes.path)\"\(suffix)",
                details: APIError.Details())
        }
        let group = attributes.apiGroup
        let subject = attributes.resource + (group.isEmpty ? "" : ".\(group)")
        let quoted = attributes.name.isEmpty ? "" : " \"\(attributes.name)\""
        let scope =
            attributes.namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(attributes.namespace)\""
        return APIError(
            code: 403, reason: "Forbidden",
            message: "\(subject)\(quoted) is forbidden: User \"\(user.name)\" cannot \(attributes.verb) resource "
                + "\"\(attributes.resourceWithSubresource)\" in API group \"\(group)\" \(scope)\(suffix)",
            details: APIError.Details(name: attributes.name, group: group, kind: attributes.resource))
    }

    static let unauthorized = APIError(code: 401, reason: "Unauthorized", message: "Unauthorized")
}
