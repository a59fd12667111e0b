import JSON
import Support

/// Access reviews, token reviews and token requests. Their answer is computed from the user and the stored objects.
struct Reviews: VirtualResources {
    let authenticator: Authenticator
    let authorizer: Authorizer
    let store: @Sendable () -> ObjectStore

    func create(_ request: VirtualRequest) async throws(APIError) -> JSON {
        switch (request.group, request.resource, request.subresource) {
        case ("authorization.k8s.io", "selfsubjectaccessreviews", ""):
            return try accessReview(request, user: request.user)
        case ("authorization.k8s.io", "subjectaccessreviews", ""):
            return try accessReview(request, user: try Self.subject(request))
        case ("authorization.k8s.io", "localsubjectaccessreviews", ""):
            return try localAccessReview(request)
        case ("authorization.k8s.io", "selfsubjectrulesreviews", ""):
            return try rulesReview(request)
        case ("authentication.k8s.io", "selfsubjectreviews", ""):
            return selfReview(request)
        case ("authentication.k8s.io", "tokenreviews", ""):
            return try tokenReview(request)
        case ("", "serviceaccounts", "token"):
            return try TokenRequests(authenticator: authenticator, store: store()).create(request)
        default:
            throw APIError(
                code: 404, reason: "NotFound", message: "the server could not find the requested resource",
                details: APIError.Details())
        }
    }

    // MARK: May somebody do something?

    private func accessReview(_ request: VirtualRequest, user: User) throws(APIError) -> JSON {
        let spec = request.object["spec"] ?? [:]
        let attributes: RequestAttributes
        switch (spec["resourceAttributes"], spec["nonResourceAttributes"]) {
        case (nil, nil):
            throw Self.invalid(
                "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes "
                    + "must be specified")
        case (.some, .some):
            throw Self.invalid(
                "spec.nonResourceAttributes: Invalid value: cannot be specified in combination with resourceAttributes")
        case (let resource?, nil):
            attributes = RequestAttributes(
                verb: resource.text("verb"), apiGroup: resource.text("group"), apiVersion: resource.text("version"),
                resource: resource.text("resource"), subresource: resource.text("subresource"),
                namespace: resource.text("namespace"), name: resource.text("name"), path: "", isResourceRequest: true)
        case (nil, let other?):
            attributes = RequestAttributes(verb: other.text("verb"), path: other.text("path"), isResourceRequest: false)
        }
        let decision = authorizer.decide(user, attributes)
        var status: JSON = ["allowed": .bool(decision.isAllowed)]
        if !decision.reason.isEmpty { status["reason"] = .string(decision.reason) }
        return request.answer(status)
    }

    private func localAccessReview(_ request: VirtualRequest) throws(APIError) -> JSON {
        let namespace = request.namespace ?? ""
        if let other = request.object["spec"]?["resourceAttributes"]?["namespace"]?.string, other != namespace {
            throw Self.invalid(
                "spec.resourceAttributes.namespace: Invalid value: \"\(other)\": must match metadata.namespace")
        }
        return try accessReview(request, user: try Self.subject(request))
    }

    private static func subject(_ request: VirtualRequest) throws(APIError) -> User {
        let spec = request.object["spec"] ?? [:]
        let name = spec.text("user")
        let groups = (spec["groups"]?.array ?? []).compactMap(\.string)
        guard !name.isEmpty || !groups.isEmpty else {
            throw invalid("spec.user: Invalid value: \"\": at least one of user or group must be specified")
        }
        return User(name: name, uid: spec.text("uid"), groups: groups)
    }

    private func rulesReview(_ request: VirtualRequest) throws(APIError) -> JSON {
        guard let namespace = request.object["spec"]?["namespace"]?.string, !namespace.isEmpty else {
            throw APIError(code: 400, reason: "BadRequest", message: "no namespace on request")
        }
        let rules = authorizer.policies.policy(of: store()).rules(for: request.user, namespace: namespace)
        func kept(_ rule: JSON, _ fields: [String]) -> JSON {
            .object((rule.object ?? [:]).filter { fields.contains($0.key) })
        }
        let resourceRules = rules.filter { !$0.resources.isEmpty }
            .map { kept($0.json, ["verbs", "apiGroups", "resources", "resourceNames"]) }
        let otherRules = rules.filter { !$0.nonResourceURLs.isEmpty }.map {
            kept($0.json, ["verbs", "nonResourceURLs"])
        }
        var answer = request.answer([
            "resourceRules": .array(resourceRules), "nonResourceRules": .array(otherRules), "incomplete": false,
        ])
        answer["spec"] = [:]  // the real server leaves the namespace out as well
        return answer
    }

    // MARK: Who is somebody?

    private func selfReview(_ request: VirtualRequest) -> JSON {
        [
            "apiVersion": .string("\(request.group)/\(request.version)"), "kind": "SelfSubjectReview",
            "metadata": ["creationTimestamp": .string(Timestamps.text(authenticator.now))],
            "status": ["userInfo": request.user.json],
        ]
    }

    private func tokenReview(_ request: VirtualRequest) throws(APIError) -> JSON {
        let spec = request.object["spec"] ?? [:]
        let token = spec.text("token")
        guard !token.isEmpty else {
            throw APIError(
                code: 400, reason: "BadRequest", message: "token is required for TokenReview in authentication")
        }
        let audiences = (spec["audiences"]?.array ?? []).compactMap(\.string)
        let wanted = audiences.isEmpty ? [TokenClaims.issuer] : audiences
        guard let (user, granted) = authenticator.user(ofToken: token, audiences: wanted) else {
            return request.answer(["user": [:], "error": "invalid bearer token"])
        }
        return request.answer([
            "authenticated": true, "user": user.json, "audiences": .array(granted.map { .string($0) }),
        ])
    }

    private static func invalid(_ message: String) -> APIError {
        APIError(code: 422, reason: "Invalid", message: message, details: APIError.Details())
    }
}

extension VirtualRequest {
    /// The object as it was sent, with a status.
    fileprivate func answer(_ status: JSON) -> JSON {
        var answer = object
        if answer["metadata"] == nil { answer["metadata"] = [:] }
        answer["status"] = status
        return answer
    }
}

extension JSON {
    fileprivate func text(_ key: String) -> String { self[key]?.string ?? "" }
}

extension User {
    /// `authentication.k8s.io` UserInfo.
    fileprivate var json: JSON {
        var info: JSON = ["username": .string(name), "groups": .array(groups.map { .string($0) })]
        if !uid.isEmpty { info["uid"] = .string(uid) }
        if !extra.isEmpty { info["extra"] = .object(extra.mapValues { .array($0.map { .string($0) }) }) }
        return info
    }
}
