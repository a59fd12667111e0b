extension Authorizer {
    /// The user that the request counts for, by its `Impersonate-*` headers (`kubectl --as`). Each identity in these
    /// needs the verb `impersonate`. UID and extra fields are taken without a check of their own.
    func impersonated(_ user: User, _ request: APIRequest) throws(APIError) -> User {
        let groups =
            request.headers["impersonate-group"].map { $0.split(separator: ",").map { $0.trimmingSpaces } } ?? []
        guard let name = request.headers["impersonate-user"] else {
            guard groups.isEmpty else {
                throw APIError(
                    code: 400, reason: "BadRequest", message: "requested groups without impersonating a user name")
            }
            return user
        }
        var attributes = RequestAttributes(
            verb: "impersonate", apiVersion: "v1", resource: "users", name: name, path: request.path,
            isResourceRequest: true)
        let account = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let isServiceAccount = account.count == 4 && account[0] == "system" && account[1] == "serviceaccount"
        if isServiceAccount {
            attributes.resource = "serviceaccounts"
            attributes.namespace = account[2]
            attributes.name = account[3]
        }
        if let refusal = refusal(user, attributes) { throw refusal }
        for group in groups {
            let attributes = RequestAttributes(
                verb: "impersonate", apiVersion: "v1", resource: "groups", name: group, path: request.path,
                isResourceRequest: true)
            if let refusal = refusal(user, attributes) { throw refusal }
        }
        var all = groups
        if isServiceAccount, groups.isEmpty {
            all = ["system:serviceaccounts", "system:serviceaccounts:\(account[2])"]
        }
        if !all.contains("system:authenticated"), name != "system:anonymous" { all.append("system:authenticated") }
        return User(name: name, uid: request.headers["impersonate-uid"] ?? "", groups: all)
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
