import JSON

/// The API's documents about itself: root paths, discovery, OpenAPI, version, health.
struct Documents {
    var registry: ResourceRegistry
    var store: ObjectStore

    func respond(to request: APIRequest) throws(APIError) -> APIResponse {
        guard request.method == "GET" else { throw .methodNotAllowed }
        let segments = request.segments
        switch segments.first {
        case nil: return .json(200, ["paths": .array(paths.map { .string($0) })])
        case "version": return segments.count == 1 ? .json(200, ServerVersion.json) : .pageNotFound
        case "healthz", "livez", "readyz": return health(request)
        case "openapi": return OpenAPI(registry: registry).respond(to: request)
        case "api", "apis": return try Discovery(registry: registry).respond(to: request)
        default: return .pageNotFound
        }
    }

    private var paths: [String] {
        var paths = [
            "/api", "/api/v1", "/apis", "/apis/", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/openapi/v3/",
            "/readyz", "/version",
        ]
        for (group, versions) in registry.groups where !group.isEmpty {
            paths.append("/apis/\(group)")
            paths += versions.map { "/apis/\(group)/\($0)" }
        }
        return paths.sorted()
    }

    /// The checks that a health path looks at.
    static func checks(of kind: String) -> [String] {
        ["ping", "log", "etcd"] + (kind == "readyz" ? ["informer-sync", "shutdown"] : [])
    }

    private func health(_ request: APIRequest) -> APIResponse {
        let kind = request.segments[0]
        let checks = Self.checks(of: kind)
        if request.segments.count == 2 {
            return checks.contains(request.segments[1]) ? .text(200, "ok") : .pageNotFound
        }
        guard request.segments.count == 1 else { return .pageNotFound }
        guard request.query["verbose"] != nil else { return .text(200, "ok") }
        return .text(200, checks.map { "[+]\($0) ok\n" }.joined() + "\(kind) check passed\n")
    }
}

/// The Kubernetes version that this server behaves like.
enum ServerVersion {
    static let json: JSON = [
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": "v1.36.0-devcluster+1", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "none", "compiler": "swiftc", "platform": "linux/amd64",
    ]
}
