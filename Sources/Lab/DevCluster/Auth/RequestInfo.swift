extension RequestAttributes {
    /// Finds the subject of a request by the rules of `RequestInfoFactory` in k8s.io/apiserver.
    init(_ request: APIRequest) {
        let method = request.method
        self.init(verb: method.lowercased(), path: request.path, isResourceRequest: false)
        var parts = request.segments[...]
        guard parts.count >= 3, let root = parts.popFirst() else { return }
        switch root {
        case "api": break
        case "apis":
            guard parts.count >= 3, let group = parts.popFirst() else { return }
            apiGroup = group
        default: return
        }
        guard let version = parts.popFirst() else { return }
        isResourceRequest = true
        apiVersion = version
        if ["watch", "proxy"].contains(parts.first), parts.count > 1 {
            verb = parts.removeFirst()
        } else {
            verb = Self.verbs[method] ?? ""
        }
        if parts.first == "namespaces", parts.count > 1 {
            namespace = parts[parts.startIndex + 1]
            if parts.count > 2, !["status", "finalize"].contains(parts[parts.startIndex + 2]) {
                parts = parts.dropFirst(2)
            }
        }
        let rest = Array(parts)
        resource = rest[0]
        name = rest.count > 1 ? rest[1] : ""
        subresource = rest.count > 2 && verb != "proxy" ? rest[2] : ""

        fieldSelector = request.parameter("fieldSelector") ?? ""
        if name.isEmpty, verb == "get" {
            verb = request.flag("watch") ? "watch" : "list"
            name = Self.exactName(in: fieldSelector) ?? ""
        } else if name.isEmpty, verb == "delete" {
            verb = "deletecollection"
        }
    }

    /// `secrets`, `serviceaccounts/token`; empty for other paths.
    var resourceWithSubresource: String { subresource.isEmpty ? resource : "\(resource)/\(subresource)" }

    private static let verbs = [
        "POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete",
    ]

    /// A list or watch of one object is authorised as that object: `metadata.name=x`, alone or among other terms.
    private static func exactName(in selector: String) -> String? {
        for term in selector.split(separator: ",") where !term.contains("!=") {
            let halves = term.split(separator: "=", omittingEmptySubsequences: true)
            guard halves.count == 2, halves[0] == "metadata.name" else { continue }
            let name = String(halves[1])
            return name == "." || name == ".." || name.contains("/") || name.contains("%") ? nil : name
        }
        return nil
    }
}
