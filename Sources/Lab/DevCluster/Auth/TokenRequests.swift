import JSON
import KubeObjects
import Support

/// `POST …/serviceaccounts/<name>/token`: the request of `kubectl create token` and of kubelets.
struct TokenRequests {
    /// The minimum of kube-apiserver.
    static let minimumLifetime: Int64 = 600
    static let maximumLifetime: Int64 = 1 << 32

    let authenticator: Authenticator
    let store: ObjectStore

    func create(_ request: VirtualRequest) throws(APIError) -> JSON {
        let namespace = request.namespace ?? ""
        let name = request.name ?? ""
        guard let account = store.get(.serviceAccounts, namespace: namespace, name: name) else {
            throw APIError(
                code: 404, reason: "NotFound", message: "serviceaccounts \"\(name)\" not found",
                details: APIError.Details(name: name, kind: "serviceaccounts"))
        }
        let spec = request.object["spec"] ?? [:]
        let lifetime = spec["expirationSeconds"]?.int ?? 3_600
        if lifetime < Self.minimumLifetime {
            throw Self.invalidLifetime(lifetime, "may not specify a duration less than 10 minutes")
        }
        if lifetime > Self.maximumLifetime {
            throw Self.invalidLifetime(lifetime, "may not specify a duration larger than 2^32 seconds")
        }
        // `--service-account-max-token-expiration`: EKS and AKS have a day, GKE has two.
        let given = authenticator.maximumTokenLifetime.map { min(lifetime, Int64(saturating: $0.seconds)) } ?? lifetime
        var audiences = (spec["audiences"]?.array ?? []).compactMap(\.string)
        if audiences.isEmpty { audiences = [TokenClaims.issuer] }

        let now = authenticator.now
        let expires = now + Double(given)
        let uid = account["metadata"]?["uid"]?.string ?? ""
        let token = authenticator.signer.sign(
            TokenClaims.boundServiceAccount(
                namespace: namespace, name: name, uid: uid, audiences: audiences, now: now, expires: expires,
                boundTo: try boundObject(spec["boundObjectRef"], namespace: namespace)))
        return [
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": [
                "name": .string(name), "namespace": .string(namespace), "uid": .string(uid),
                "creationTimestamp": .string(Timestamps.text(now)),
            ],
            "spec": [
                "audiences": .array(audiences.map { .string($0) }), "expirationSeconds": .int(given),
                "boundObjectRef": spec["boundObjectRef"] ?? .null,
            ],
            "status": ["token": .string(token), "expirationTimestamp": .string(Timestamps.text(expires))],
        ]
    }

    /// The object whose deletion ends the token. It can only be a Secret, since there are no pods or nodes here.
    private func boundObject(_ reference: JSON?, namespace: String) throws(APIError) -> JSON? {
        guard let reference, !reference.isNull else { return nil }
        let (kind, name) = (reference["kind"]?.string ?? "", reference["name"]?.string ?? "")
        guard kind == "Secret" else {
            throw APIError(code: 400, reason: "BadRequest", message: "cannot bind token to object of type \(kind)")
        }
        guard let secret = store.get(.secrets, namespace: namespace, name: name) else {
            throw APIError(
                code: 404, reason: "NotFound", message: "secrets \"\(name)\" not found",
                details: APIError.Details(name: name, kind: "secrets"))
        }
        return ["kind": .string(kind), "name": .string(name), "uid": secret["metadata"]?["uid"] ?? ""]
    }

    private static func invalidLifetime(_ value: Int64, _ problem: String) -> APIError {
        let field = "spec.expirationSeconds"
        let text = "Invalid value: \(value): \(problem)"
        return APIError(
            code: 422, reason: "Invalid",
            message: "TokenRequest.authentication.k8s.io \"\" is invalid: \(field): \(text)",
            details: APIError.Details(
                group: "authentication.k8s.io", kind: "TokenRequest",
                causes: [APIError.Cause(reason: "FieldValueInvalid", message: text, field: field)]))
    }
}

enum Timestamps {
    static func text(_ instant: Instant) -> String { Timestamp(instant).description }
}
