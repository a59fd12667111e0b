import Testing

@testable import DevCluster

@Suite("RequestInfo")
struct RequestInfoTests {
    @Test(
        "A request's verb, resource, namespace and name are those of the real server",
        arguments: [
            ("GET", "/api/v1/namespaces", "list  namespaces  "),
            ("GET", "/api/v1/namespaces/default", "get  namespaces default default"),
            ("PATCH", "/api/v1/namespaces/x/status", "patch  namespaces/status x x"),
            ("GET", "/api/v1/namespaces/x/secrets", "list  secrets x "),
            ("GET", "/api/v1/namespaces/x/secrets?watch=1", "watch  secrets x "),
            ("GET", "/api/v1/namespaces/x/secrets?fieldSelector=metadata.name%3Da", "list  secrets x a"),
            ("GET", "/api/v1/namespaces/x/secrets?fieldSelector=metadata.name!%3Da", "list  secrets x "),
            ("GET", "/api/v1/watch/namespaces/x/secrets", "watch  secrets x "),
            ("DELETE", "/api/v1/namespaces/x/secrets", "deletecollection  secrets x "),
            ("DELETE", "/api/v1/namespaces/x/secrets/a", "delete  secrets x a"),
            ("POST", "/api/v1/namespaces/x/serviceaccounts/y/token", "create  serviceaccounts/token x y"),
            ("PUT", "/apis/apps/v1/namespaces/x/deployments/d/scale", "update apps deployments/scale x d"),
            ("GET", "/apis/apps/v1", "get    "),
            ("GET", "/readyz", "get    "),
            ("OPTIONS", "/api/v1/nodes/n", "  nodes  n"),
        ])
    func attributes(method: String, target: String, expected: String) {
        let info = RequestAttributes(APIRequest(method: method, target: target))
        let text = [info.verb, info.apiGroup, info.resourceWithSubresource, info.namespace, info.name]
        #expect(text.joined(separator: " ") == expected)
    }
}
